"""KServe's own clients, and the shapes that MLServer publishes. Their pins conflict with ours: they live apart."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft4Validator, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from nbdeploy.predictor import Predictor
from tests.serving.conftest import churn_rows, plan_rows

CLIENT = """
import asyncio, json, sys
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

asked = json.load(open(sys.argv[1]))
headers = {"Authorization": "Bearer " + asked["token"]}  # the client writes into what it is given

def request(name, columns, binary, method):
    inputs = []
    for column, (datatype, values) in columns.items():
        array = np.array(values, dtype={"BYTES": object, "INT64": "int64", "FP64": "float64"}[datatype])
        tensor = InferInput(column, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, binary_data=binary)
        inputs.append(tensor)
    parameters = {"method": method, **({"binary_data_output": True} if binary else {})}
    return InferRequest(name, inputs, request_id="kserve-7", parameters=parameters)

def told(answer):
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    values = {one.name: [text(value) for value in one.as_numpy().tolist()] for one in answer.outputs}
    return {"id": answer.id, "model": answer.model_name, "values": values}

async def main():
    found = {}
    v2, v1 = InferenceRESTClient(RESTConfig(protocol="v2")), InferenceRESTClient(RESTConfig(protocol="v1"))
    grpc = InferenceGRPCClient(asked["grpc"])
    found["live"] = [
        await v2.is_server_live(asked["url"]), await v2.is_server_ready(asked["url"]),
        await v2.is_model_ready(asked["url"], "plans"), await v1.is_model_ready(asked["url"], "plans"),
        await grpc.is_server_live(), await grpc.is_model_ready("plans"),
    ]
    for name, (columns, method, rows) in asked["models"].items():
        for binary in (False, True):
            wanted = request(name, columns, binary, method)
            answer = await v2.infer(asked["url"], wanted, model_name=name, headers={**headers})
            found[f"{name} {binary}"] = told(answer)
        token = (("authorization", headers["Authorization"]),)
        answer = await grpc.infer(request(name, columns, True, method), headers=token)
        found[f"{name} grpc"] = told(answer)
        body = {"instances": rows, "parameters": {"method": method}}
        found[f"{name} v1"] = await v1.infer(asked["url"], body, model_name=name, headers={**headers})
    try:
        await v2.infer(asked["url"], {"inputs": []}, model_name="plans", headers={**headers})
    except Exception as error:
        found["refused"] = str(error)
    await grpc.close()
    print(json.dumps(found))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with KServe and what it needs, and MLServer for the documents that it brings."""
    folder = tmp_path_factory.mktemp("others") / "environment"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "kserve>=0.19"], check=True)
    subprocess.run([*install, "--no-deps", "mlserver>=1.7"], check=True)
    return python


def test_kserve_s_clients_are_answered_as_predictor_does(
    others: Path, open_place: Any, predictors: dict[str, Predictor], tmp_path: Path
) -> None:
    """REST in JSON and binary, gRPC and V1: every value, the id, and readiness."""
    plans = plan_rows().fillna({"balance": 0.25})[:5]
    expected, models = {}, {}
    for name, method, frame in (("churn", "predict_proba", churn_rows(5)), ("plans", "predict", plans)):
        wire = predictors[name].bind(frame)
        kinds = {pl.String: "BYTES", pl.Int64: "INT64", pl.Float64: "FP64"}
        columns = {series.name: [kinds[type(series.dtype)], series.to_list()] for series in wire.get_columns()}
        models[name] = [columns, method, wire.to_dicts()]
        expected[name] = predictors[name].outputs(wire, [method])
    asked = {
        "url": open_place.url,
        "grpc": open_place.endpoint.grpc,
        "token": open_place.connection.token,
        "models": models,
    }
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    (tmp_path / "client.py").write_text(CLIENT)
    command = [str(others), str(tmp_path / "client.py"), str(tmp_path / "asked.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["live"] == [True] * 6
    for name, answers in expected.items():
        values = {column: answers[column].to_list() for column in answers.columns}
        for way in ("False", "True", "grpc"):
            assert found[f"{name} {way}"] == {"id": "kserve-7", "model": name, "values": values}
        rows = [list(row) for row in answers.rows()]
        assert found[f"{name} v1"] == {"predictions": rows if answers.width > 1 else [row[0] for row in rows]}
    assert "the request has no inputs" in found["refused"]


def test_answers_have_the_shapes_that_are_published(others: Path, open_place: Any) -> None:
    """MLServer's OpenAPI documents of the protocol: metadata, inference, the repository, errors."""
    place = others.parent.parent / "lib"
    found = next(place.glob("python*/site-packages/mlserver/rest/openapi"))
    data, repository = (json.loads((found / f"{name}.json").read_text()) for name in ("dataplane", "model_repository"))
    row = [{"name": "input", "shape": [1, 2], "datatype": "FP64", "data": [50, 0]}]
    question = {"id": "1", "inputs": row, "outputs": [{"name": "probability_yes"}]}
    check(question, data, "InferenceRequest")
    for method, path, body, document, shape in (
        ("GET", "/v2", None, data, "MetadataServerResponse"),
        ("GET", "/v2/models/plans", None, data, "MetadataModelResponse"),
        ("GET", "/v2/models/churn/versions/1", None, data, "MetadataModelResponse"),
        ("POST", "/v2/models/churn/infer", question, data, "InferenceResponse"),
        ("POST", "/v2/models/kinds/infer", kinds(open_place), data, "InferenceResponse"),
        ("POST", "/v2/models/churn/infer", {"inputs": []}, data, "InferenceErrorResponse"),
        ("GET", "/v2/models/nobody", None, data, "MetadataModelErrorResponse"),
        ("POST", "/v2/repository/index", {"ready": True}, repository, "RepositoryIndexResponse"),
        ("POST", "/v2/repository/models/nobody/load", None, repository, "RepositoryLoadErrorResponse"),
    ):
        check(open_place.ask(method, path, json=body).json(), document, shape)
    paths = {path for path in {**data["paths"], **repository["paths"]} if not path.endswith(("generate", "_stream"))}
    for path in paths:
        asked = path.format(model_name="churn", model_version="1")
        verb = next(iter({**data["paths"], **repository["paths"]}[path])).upper()
        assert open_place.ask(verb, asked).status_code != 404, path


def kinds(place: Any) -> Any:
    """What stands as an example in our own document."""
    document = place.ask("GET", "/models/kinds/openapi.json").json()
    return document["paths"]["/v2/models/kinds/infer"]["post"]["requestBody"]["content"]["application/json"]["example"]


def check(instance: Any, document: dict[str, Any], name: str) -> None:
    """OpenAPI 3.0 extends JSON Schema's draft 4, and MLServer that by a type that is none of JSON's."""
    registry: Any = Registry().with_resource("urn:document", Resource(document, DRAFT4))
    reference = {"$ref": f"urn:document#/components/schemas/{name}"}
    types = Draft4Validator.TYPE_CHECKER.redefine("bytes", lambda _, value: isinstance(value, bytes))
    validators.extend(Draft4Validator, type_checker=types)(reference, registry=registry).validate(instance)
