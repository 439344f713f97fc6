"""A deployment whose snapshot has a private column and keeps no rows."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.api.remote import Target
from nbdeploy.errors import InvalidData
from nbdeploy.settings import Settings
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.snapshot import take_snapshot
from nbdeploy.store import Store
from tests.serving.conftest import Place, make_plans, plan_rows, run_endpoint

ROW = {"plan": "gold", "tenure": 1, "balance": 0.0}


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An endpoint that serves `plans`; nobody shall see a plan."""
    folder = tmp_path_factory.mktemp("private")
    store = Store(str(folder / "store"), folder / "cache")
    taken = take_snapshot(store, make_plans(), "plans", plan_rows(), Options(sample="none", private=["plan"]))
    with run_endpoint(folder / "endpoint") as place:
        place.target.push(store, taken.version)
        yield place


REFUSED = [
    ("/models/plans/predict", [{**ROW, "plan": "silver"}]),
    ("/models/plans/predict", [{**ROW, "plan": ["silver"]}]),
    (
        "/v2/models/plans/infer",
        {"inputs": [{"name": "plan", "datatype": "FP64", "shape": [1], "data": ["silver"]}]},
    ),
]


@pytest.mark.parametrize(("path", "body"), REFUSED)
def test_a_refusal_shows_no_private_value(
    private: Place, path: str, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the answer nor the log, whoever refuses it: the codec, the signature or the model itself."""
    with caplog.at_level(logging.DEBUG):
        answer = private.ask("POST", path, json=body)
    assert answer.status_code == 400
    assert "silver" not in answer.text
    assert "silver" not in caplog.text + private.log.read_text()
    assert private.ask("POST", "/models/plans/predict", json=[ROW]).status_code == 200


def test_without_rows_kept_there_is_nothing_to_call_with(private: Place, tmp_path: Path) -> None:
    """The message asks for rows; with rows it answers."""
    target = Target(private.target, Settings.load(tmp_path))
    with pytest.raises(InvalidData, match=r"keeps no rows \(--sample none\).*give rows"):
        target.call("plans")
    assert target.call("plans", [ROW]).frame.height == 1


def test_private_columns_are_not_logged(private: Place) -> None:
    """The log says which; everything else of the row is there."""
    key = private.ask("POST", "/models/plans/predict", json=[ROW]).headers["x-nbdeploy-prediction-id"]
    found = private.target.requests("plans", id=key)
    assert (found.facts.masked, "plan" in found.frame.columns) == (["plan"], False)
    assert found.frame["tenure"].to_list() == [1]
    assert "private were not logged: plan" in found.notices[0]
