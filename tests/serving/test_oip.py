"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

from string import Template
from typing import Any

import pandas as pd
from jsonschema import Draft202012Validator, validate

from nbdeploy.store import Store


def tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def test_health_is_open(shared: Any) -> None:
    """Probes carry no token."""
    for path in ("/v2", "/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models/churn/ready", "/ping"):
        assert shared.ask("GET", path, token=None).status_code == 200, path
    assert shared.ask("GET", "/v2/models/churn/versions/1/ready", token=None).json()["ready"] is True


def test_readiness_of_an_unknown_model_names_no_others(shared: Any) -> None:
    """An open route does not tell what is deployed."""
    answer = shared.ask("GET", "/v2/models/chorn/ready", token=None)
    assert answer.status_code == 404
    assert "churn" not in answer.json()["error"]


def test_metadata_of_one_type_is_one_matrix(shared: Any, snapshots: Store) -> None:
    """Columns that share a type are advertised as one two-dimensional tensor."""
    document = shared.ask("GET", "/v2/models/churn").json()
    assert document["versions"] == ["1"]
    assert [(t["datatype"], t["shape"]) for t in document["inputs"]] == [("FP64", [-1, 2])]
    assert document["outputs"] == [{"name": "prediction", "datatype": "BYTES", "shape": [-1]}]
    assert document["parameters"]["digest"] == snapshots.resolve("churn:1").digest


def test_metadata_of_several_types_is_one_tensor_per_column(shared: Any) -> None:
    """Each column keeps its name and type."""
    inputs = shared.ask("GET", "/v2/models/plans/versions/1").json()["inputs"]
    assert [(t["name"], t["datatype"]) for t in inputs] == [("plan", "BYTES"), ("tenure", "INT64"), ("balance", "FP64")]


def test_a_matrix_and_columns_are_answered_alike(shared: Any, churn: pd.DataFrame) -> None:
    """Both forms mean the same rows."""
    matrix = [tensor("anything", "FP64", [40, 2], churn.to_numpy().ravel().tolist())]
    columns = [tensor(name, "FP64", [40, 1], churn[name].tolist()) for name in ("balance", "age")]
    answers = [shared.ask("POST", "/v2/models/churn/infer", json={"inputs": i}).json() for i in (matrix, columns)]
    assert answers[0]["outputs"] == answers[1]["outputs"]
    assert set(answers[0]["outputs"][0]["data"]) == {"yes", "no"}


def test_the_answer_echoes_the_id_and_names_the_version(shared: Any) -> None:
    """A client matches answers to requests by id."""
    body = {"id": "42", "inputs": [tensor("x", "FP64", [1, 2], [[50, 0]])]}
    answer = shared.ask("POST", "/v2/models/churn/versions/1/infer", json=body)
    assert answer.json() == {
        "model_name": "churn",
        "model_version": "1",
        "id": "42",
        "outputs": [tensor("prediction", "BYTES", [1], ["yes"])],
    }
    assert answer.headers["x-nbdeploy-version"] == "1"


def test_outputs_that_are_asked_for_are_the_ones_answered(shared: Any) -> None:
    """Naming a column of another method runs that method."""
    body = {"inputs": [tensor("x", "FP64", [1, 2], [50, 0])], "outputs": [{"name": "probability_yes"}]}
    outputs = shared.ask("POST", "/v2/models/churn/infer", json=body).json()["outputs"]
    assert [output["name"] for output in outputs] == ["probability_yes"]


def test_a_method_is_chosen_by_a_parameter(shared: Any) -> None:
    """`parameters.method` answers with all columns of that method."""
    body = {"inputs": [tensor("x", "FP64", [1, 2], [50, 0])], "parameters": {"method": "predict_proba"}}
    outputs = shared.ask("POST", "/v2/models/churn/infer", json=body).json()["outputs"]
    assert [output["name"] for output in outputs] == ["probability_no", "probability_yes"]


def test_missing_values_are_null(shared: Any) -> None:
    """JSON has no NaN, so null stands for a missing value."""
    inputs = [
        tensor("plan", "BYTES", [1], ["gold"]),
        tensor("tenure", "INT64", [1], [3]),
        tensor("balance", "FP64", [1], [None]),
    ]
    assert shared.ask("POST", "/v2/models/plans/infer", json={"inputs": inputs}).status_code == 200


def some(kind: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": kind}


def record(required: str, **fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": required.split()}


TEXT, NUMBER, TRUTH, ANY = ({"type": kind} for kind in ("string", "number", "boolean", "object"))
SHAPE = some({"type": "integer"})
DATA = {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/data"}, NUMBER, TEXT, TRUTH]}}
TENSOR = record("name datatype shape", name=TEXT, datatype=TEXT, shape=SHAPE)
ANSWER = record("name shape datatype data", name=TEXT, shape=SHAPE, datatype=TEXT, parameters=ANY, data=DATA)
PUBLISHED = {
    "/v2/": record("name version extensions", name=TEXT, version=TEXT, extensions=some(TEXT)),
    "/v2/models/${MODEL_NAME}/versions/${MODEL_VERSION}": record(
        "name platform", name=TEXT, versions=some(TEXT), platform=TEXT, inputs=some(TENSOR), outputs=some(TENSOR)
    ),
    "/v2/models/${MODEL_NAME}/versions/${MODEL_VERSION}/infer": record(
        "model_name outputs", model_name=TEXT, model_version=TEXT, id=TEXT, parameters=ANY, outputs=some(ANSWER)
    ),
}
"""Answers as KServe's document of the protocol has them (specification/protocol/open_inference_rest.yaml there)."""


def test_answers_have_the_shapes_of_the_protocol_s_own_document(open_place: Any) -> None:
    """Its paths hold variables as a shell writes them; errors are one text."""
    for name in ("churn", "plans", "kinds"):
        example = open_place.ask("GET", f"/models/{name}/openapi.json").json()["paths"][f"/v2/models/{name}/infer"]
        body = example["post"]["requestBody"]["content"]["application/json"]["example"]
        for template, shape in PUBLISHED.items():
            path = Template(template).substitute(MODEL_NAME=name, MODEL_VERSION="1")
            asked = {"json": body} if path.endswith("infer") else {}
            answer = open_place.ask("POST" if asked else "GET", path, **asked)
            assert answer.status_code == 200
            validate(answer.json(), {**shape, "$defs": {"data": DATA}}, Draft202012Validator)
        for probe in ("/v2/health/live", "/v2/health/ready", f"/v2/models/{name}/versions/1/ready"):
            assert open_place.ask("GET", probe).status_code == 200
        refused = open_place.ask("POST", f"/v2/models/{name}/versions/1/infer", json={"inputs": []})
        assert (refused.status_code, type(refused.json()["error"])) == (400, str)
