"""Scores of a snapshot: what cannot be computed is left out, what does not fit is refused in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import nbdeploy as nd
from nbdeploy.errors import InvalidData
from nbdeploy.snapshots.metrics import evaluate


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(50.0), "z": np.random.default_rng(0).normal(size=50)})


def test_one_row_has_no_r2(rows: pd.DataFrame) -> None:
    """A regressor tested with one row is stored with the metrics that one row has."""
    model = LinearRegression().fit(rows, rows["x"])
    nd.snapshot(model, "line", data=rows, test=(rows[:1], rows["x"][:1]))
    assert set(nd.show("line").document()["metrics"]) == {"rmse", "mae", "median_ae"}


@pytest.mark.parametrize("labels", [["no", "yes"], ["no", 1], [None, 1]])
def test_labels_of_another_kind_are_refused(labels: list[object]) -> None:
    """Text for a model of numbers: the message shows both."""
    with pytest.raises(InvalidData, match=r"they are like .*, and the model answers like 0, 1 \(int\)"):
        evaluate(np.array(labels, dtype=object), np.array([0, 1]), None, [0, 1])


def test_text_labels_for_an_integer_model_store_nothing(rows: pd.DataFrame) -> None:
    """As a snapshot meets it, with NumPy's own classes."""
    y = (rows["x"] > 9).astype(int)
    with pytest.raises(InvalidData, match=r"like '0', '1' \(str\), and the model answers like 0, 1 \(int\)"):
        nd.snapshot(LogisticRegression().fit(rows, y), "sure", data=rows, test=(rows, y.astype(str)))


def test_a_regressors_truth_with_gaps_is_refused() -> None:
    """Missing truth is the caller's to drop."""
    with pytest.raises(InvalidData, match=r"like 1\.0, nan \(float\).*NaN"):
        evaluate(np.array([1.0, np.nan]), np.array([1.0, 2.0]), None, None)
