"""The least that a server of this model can be: one ASGI function, orjson, the model written out."""

import os

import joblib
import numpy as np
import orjson
import uvicorn

model = joblib.load(os.environ["MODEL"])
names = orjson.loads(os.environ["COLUMNS"])
headers = [(b"content-type", b"application/json")]


def linear(model):
    scaler, final = (step for _, step in model.steps)
    weights = final.coef_[0] / scaler.scale_
    offset = final.intercept_[0] - weights @ scaler.mean_
    classes = final.classes_.tolist()
    return lambda row: classes[int(np.array(row) @ weights + offset > 0)]


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
