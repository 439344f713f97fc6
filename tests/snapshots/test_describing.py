"""Profiles cover all rows that were given, and the answers to some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from nbdeploy.errors import RehearsalFailed
from nbdeploy.snapshots import describing
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.describing import measure_model, profile_model

ROWS = pd.DataFrame({"a": np.arange(5000.0), "b": np.tile([0.0, 1.0], 2500)})
TRUTH = np.where(ROWS["a"] > 1000, "late", "early")
FITTED = LogisticRegression().fit(ROWS, TRUTH)


def answers(model: Any, flavor: str = "sklearn") -> Answers:
    return answer(model, ROWS, Asking(flavor, None, 50, 1e-12))


def test_inputs_are_profiled_whole_and_answers_in_part() -> None:
    """Five thousand rows given, a thousand answered, evenly spread."""
    found = profile_model(FITTED, ROWS, answers(FITTED))
    assert (found.inputs.rows, found.predictions.rows) == (5000, describing.PREDICTED)
    assert found.predictions.columns.keys() == {"prediction", "probability_early", "probability_late"}
    late = found.predictions.columns["prediction"].values
    assert late is not None
    assert late.shares()["late"] == pytest.approx(0.8, abs=0.01)
    column = found.inputs.columns["a"].numbers
    assert column is not None
    assert column.quantile(0.5) == pytest.approx(2500, rel=0.02)


def test_private_columns_are_not_profiled() -> None:
    """Nothing of them is kept."""
    assert profile_model(FITTED, ROWS, answers(FITTED), private=["a"]).inputs.columns.keys() == {"b"}


def test_a_model_that_fails_on_its_own_data_is_refused() -> None:
    """Rows beyond the sample are asked too; the message says why it fails."""

    def picky(rows: pd.DataFrame) -> Any:
        if (rows["a"] % 100 == 55).any():
            raise ValueError("no fifty-fives")
        return rows["a"]

    with pytest.raises(
        RehearsalFailed, match="fails on some of the rows given as its data: ValueError: no fifty-fives"
    ):
        profile_model(picky, ROWS, answers(picky, "python"))


def test_a_model_without_probabilities_is_measured_by_what_it_decides_by() -> None:
    """Areas under curves, but no log loss."""
    model = LinearSVC().fit(ROWS, TRUTH)
    found = measure_model(model, answers(model), (ROWS, TRUTH)).metrics
    assert {"auc", "average_precision", "accuracy"} <= found.keys()
    assert "log_loss" not in found
