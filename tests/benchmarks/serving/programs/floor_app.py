"""The least that a server of this model can be: one ASGI function, orjson, the model compiled by ONNX or Treelite."""

import os

import joblib
import numpy as np
import orjson
import uvicorn

model = joblib.load(os.environ["MODEL"])
names = orjson.loads(os.environ["COLUMNS"])
headers = [(b"content-type", b"application/json")]


def linear(model):
    import onnxruntime
    from skl2onnx import to_onnx

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    compiled = to_onnx(model, np.zeros((1, len(names)), np.float32), options={"zipmap": False})
    session = onnxruntime.InferenceSession(compiled.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (label, *_), (given,) = [[one.name for one in ends] for ends in (session.get_outputs(), session.get_inputs())]
    return lambda row: session.run([label], {given: np.array([row], dtype=np.float32)})[0].item()


def forest(model):
    import treelite

    trees = treelite.sklearn.import_model(model)
    classes = model.classes_.tolist()

    def answer(row):
        rows = np.array([row], dtype=np.float32).astype(np.float64)
        return classes[int(treelite.gtil.predict(trees, rows, nthread=1).reshape(-1).argmax())]

    return answer


predict = linear(model) if hasattr(model, "steps") else forest(model)


async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    answers = [{"prediction": predict([record[name] for name in names])} for record in orjson.loads(body)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(answers)})


if __name__ == "__main__":
    port = int(os.environ["PORT"])
    uvicorn.run(app, port=port, http="httptools", loop="uvloop", lifespan="off", access_log=False, log_level="warning")
