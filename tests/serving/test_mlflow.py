"""MLflow's scoring protocol, and the V1 protocol."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import requests

from nbdeploy.store import Store
from nbdeploy.version import __version__


def test_invocations_without_a_name_mean_the_only_deployment(place: Any, snapshots: Store) -> None:
    """And with several, the one that is named as the default; see the refusals for none."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    answer = place.ask("POST", "/invocations", json={"instances": [[50, 0], {"age": 20, "balance": 0}][:1]})
    assert answer.json() == {"predictions": ["yes"]}
    assert answer.headers["x-nbdeploy-version"] == "1"


def test_the_default_is_named_at_the_start(open_place: Any, plans: pd.DataFrame) -> None:
    """`plans`, of four."""
    body = plans[:2].to_csv(index=False)
    answer = open_place.ask("POST", "/invocations", token=None, data=body, headers={"Content-Type": "text/csv"})
    assert len(answer.json()["predictions"]) == 2


def test_answers_have_the_form_that_the_model_s_own_have(shared: Any) -> None:
    """A value for each row, a list where a method answers a table, and records of several methods."""
    body = {"instances": [[50, 0], [20, 0]]}
    found = [
        shared.ask("POST", path, json={**body, params: {"method": methods}}).json()["predictions"]
        for path, params in (("/models/churn/invocations", "params"), ("/v1/models/churn:predict", "parameters"))
        for methods in ("predict", "predict_proba", ["predict", "predict_proba"])
    ]
    assert found[:3] == found[3:]
    assert found[0] == ["yes", "no"]
    assert [len(row) for row in found[1]] == [2, 2]
    assert list(found[2][0]) == ["prediction", "probability_no", "probability_yes"]


def test_a_lone_column_needs_no_list_for_each_row(place: Any, snapshots: Store) -> None:
    """Values, lists of one value, and columns of one value each mean the same rows."""
    place.target.push(snapshots, snapshots.resolve("twice:1"))
    forms: list[dict[str, Any]] = [
        {"instances": [1.5, 2]},
        {"instances": [[1.5], [2]]},
        {"inputs": {"age": [[1.5], [2]]}},
        {"inputs": {"age": [1.5, 2]}},
    ]
    for form in forms:
        assert place.ask("POST", "/v1/models/twice:predict", json=form).json() == {"predictions": [3.0, 4.0]}


def test_v1_tells_what_is_ready(shared: Any) -> None:
    """One model openly, all of them to those who may read."""
    assert shared.ask("GET", "/v1/models/churn", token=None).json() == {"name": "churn", "ready": True}
    assert shared.ask("GET", "/v1/models").json() == {"models": ["churn", "plans"]}
    assert shared.ask("GET", "/v1/models", token=None).status_code == 401


def test_infinities_are_text_in_json_of_every_protocol(place: Any, snapshots: Store) -> None:
    """Both ways, and never null; Python's own literals are understood where clients write them."""
    place.target.push(snapshots, snapshots.resolve("twice:1"))
    infinite = place.ask("POST", "/models/twice/predict", json=[{"age": "Infinity"}, {"age": "-Infinity"}])
    assert infinite.json() == [{"prediction": "Infinity"}, {"prediction": "-Infinity"}]
    for path in ("/v1/models/twice:predict", "/models/twice/invocations"):
        answer = place.ask("POST", path, data='{"instances": [[-Infinity], ["Infinity"]]}')
        assert answer.json() == {"predictions": ["-Infinity", "Infinity"]}
    tensor = '{"inputs": [{"name": "age", "datatype": "FP64", "shape": [2], "data": [Infinity, "-Infinity"]}]}'
    answer = place.ask("POST", "/v2/models/twice/infer", data=tensor)
    assert answer.json()["outputs"][0]["data"] == ["Infinity", "-Infinity"]


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")  # at import
def test_mlflow_s_own_client_is_answered(open_place: Any, predictors: Any, plans: pd.DataFrame) -> None:
    """A frame with missing values, which it writes as NaN, an array, and records; it can send no token."""
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient

    host, _, port = open_place.url.removeprefix("http://").partition(":")
    client = ScoringServerClient(host, port)
    client.wait_server_ready(timeout=5)
    assert client.get_version() == __version__
    expected = predictors["plans"].table(plans)["prediction"].tolist()
    assert plans.balance.isna().any()
    assert client.invoke(plans).get_predictions()[0].tolist() == expected
    assert client.invoke(plans.fillna({"balance": 1}).to_numpy()[:3])["predictions"] == (
        predictors["plans"].table(plans.fillna({"balance": 1})[:3])["prediction"].tolist()
    )
    assert client.invoke(plans.dropna().to_dict("records"), params={"method": "predict"})["predictions"] == (
        predictors["plans"].table(plans.dropna())["prediction"].tolist()
    )


def test_records_as_vetiver_sends_them_are_answered(open_place: Any, predictors: Any, plans: pd.DataFrame) -> None:
    """`to_json(orient="records")`, posted as it is."""
    body = plans.to_json(orient="records")
    answer = requests.post(f"{open_place.url}/models/plans/predict", data=body, timeout=30)
    assert pd.DataFrame(answer.json()).equals(predictors["plans"].table(plans))
