"""The Open Inference Protocol over HTTP."""

from __future__ import annotations

from typing import Any

import pandas as pd

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
