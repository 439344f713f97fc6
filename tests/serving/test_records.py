"""The plain protocol."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import polars as pl
import pytest

from nbdeploy.bundles import Trust
from nbdeploy.predictor import load
from nbdeploy.store import Store

ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


def test_json_records_are_answered_with_json_records(shared: Any, snapshots: Store, churn: pd.DataFrame) -> None:
    """The endpoint answers what the snapshot answers here."""
    answer = shared.ask("POST", "/models/churn/predict", json=churn.to_dict("records"))
    here = load(snapshots.open(snapshots.resolve("churn:1")), Trust()).table(churn)
    assert answer.json() == here.to_dict("records")


def test_answers_say_what_answered(shared: Any, snapshots: Store, churn: pd.DataFrame) -> None:
    """Version, digest and an id of its own come with each prediction."""
    answers = [shared.ask("POST", "/models/churn/predict", json=churn[:1].to_dict("records")) for _ in range(2)]
    assert answers[0].headers["x-nbdeploy-version"] == "1"
    assert answers[0].headers["x-nbdeploy-digest"] == snapshots.resolve("churn:1").digest
    assert len({answer.headers["x-nbdeploy-prediction-id"] for answer in answers}) == 2


def test_one_object_is_one_row(shared: Any) -> None:
    """A lone record needs no list around it."""
    assert shared.ask("POST", "/models/churn/predict", json={"age": 20, "balance": 0}).json() == [{"prediction": "no"}]


def test_a_method_is_chosen_in_the_query(shared: Any, churn: pd.DataFrame) -> None:
    """Several methods give the columns of all."""
    path = "/models/churn/predict?method=predict&method=predict_proba"
    record = shared.ask("POST", path, json=churn[:1].to_dict("records")).json()[0]
    assert list(record) == ["prediction", "probability_no", "probability_yes"]


def test_null_is_a_missing_value(shared: Any) -> None:
    """Where the model was given missing values, null is one."""
    record = {"plan": "gold", "tenure": 3, "balance": None}
    assert shared.ask("POST", "/models/plans/predict", json=[record]).status_code == 200


def test_columns_the_model_does_not_read_are_ignored_and_counted(shared: Any) -> None:
    """Whatever they hold, in records as in CSV; a request without any says nothing of them."""
    record = {"age": 20, "balance": 0, "id": {"nested": [1, "a"]}, "note": None}
    answer = shared.ask("POST", "/models/churn/predict", json=[record])
    assert (answer.json(), answer.headers["x-nbdeploy-unknown-columns"]) == ([{"prediction": "no"}], "2")
    text = {"Content-Type": "text/csv"}
    answer = shared.ask("POST", "/models/churn/predict", data="age,id,balance\n20,x,0\n", headers=text)
    assert answer.headers["x-nbdeploy-unknown-columns"] == "1"
    answer = shared.ask("POST", "/models/churn/predict", json=[{"age": 20, "balance": 0}])
    assert "x-nbdeploy-unknown-columns" not in answer.headers


@pytest.mark.parametrize("media_type", ["text/csv", ARROW, PARQUET])
def test_every_format_gives_the_answers_of_json(shared: Any, plans: pd.DataFrame, media_type: str) -> None:
    """CSV, Arrow and Parquet carry the same rows in and the same answers out."""
    frame = pl.from_pandas(plans)
    write = {"text/csv": frame.write_csv, ARROW: frame.write_ipc_stream, PARQUET: frame.write_parquet}
    read = {"text/csv": pl.read_csv, ARROW: pl.read_ipc_stream, PARQUET: pl.read_parquet}
    body = io.BytesIO()
    write[media_type](body)
    headers = {"Content-Type": media_type, "Accept": media_type}
    answer = shared.ask("POST", "/models/plans/predict", data=body.getvalue(), headers=headers)
    records = [{k: None if v != v else v for k, v in row.items()} for row in plans.to_dict("records")]
    assert answer.headers["content-type"].startswith(media_type)
    assert (
        read[media_type](answer.content).to_dicts() == shared.ask("POST", "/models/plans/predict", json=records).json()
    )


def test_the_sample_comes_in_any_format(shared: Any) -> None:
    """The rows of the rehearsal can be read back, and predicted."""
    rows = pl.read_ipc_stream(shared.ask("GET", "/models/plans/sample", headers={"Accept": ARROW}).content)
    assert rows.columns == ["plan", "tenure", "balance"]
    answer = shared.ask("POST", "/models/plans/predict", json=shared.ask("GET", "/models/plans/sample").json())
    assert len(answer.json()) == rows.height


def test_metrics_count_requests_and_rows(place: Any, snapshots: Store, churn: pd.DataFrame) -> None:
    """Prometheus reads how many rows each version answered."""
    place.target.push(snapshots, snapshots.resolve("churn:1"))
    place.ask("POST", "/models/churn/predict", json=churn[:5].to_dict("records"))
    place.ask("POST", "/models/churn/predict", json=[{"age": "x"}])
    text = place.ask("GET", "/metrics").text
    assert 'nbdeploy_rows_total{deployment="churn",protocol="records",version="1"} 5.0' in text
    assert 'outcome="refused",protocol="records",version="1"} 1.0' in text
