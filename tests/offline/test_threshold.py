"""A threshold decides between two classes; where it cannot, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.offline import threshold
from tests.models import NUMBERS, penguins

_TRAIN = """
import nbdeploy as nd
import pandas as pd
from sklearn.linear_model import LogisticRegression

penguins = pd.read_csv(PENGUINS)
X = penguins[["bill_length_mm", "body_mass_g"]].fillna(0.0)
model = LogisticRegression(max_iter=500).fit(X, penguins["year"] == 2009)
answer = nd.snapshot(model, "flags", data=X).document()
"""


def test_the_second_class_is_predicted_from_the_threshold_on(script: Callable[[str], Any]) -> None:
    """In files and in memory; nothing else is changed."""
    script(_TRAIN)
    frame = penguins()[0][["bill_length_mm", "body_mass_g"]].fillna(0.0)
    frame.to_csv("in.csv", index=False)
    plain = nd.predict("flags", frame, methods=["predict", "predict_proba"])
    for least in (0.0, 0.3, 1.0):
        found = nd.predict("flags", frame, methods=["predict", "predict_proba"], threshold=least)
        assert found["prediction"].tolist() == [p >= least for p in plain.iloc[:, 2]]
        assert found["prediction"].dtype == plain["prediction"].dtype
        assert found.iloc[:, 1:].equals(plain.iloc[:, 1:])
    nd.predict("flags", "in.csv", "out.csv", threshold=0.3, chunk=50)
    assert pl.read_csv("out.csv").to_dict(as_series=False) == {"prediction": [p >= 0.3 for p in plain.iloc[:, 2]]}
    assert nd.check_predictions("out.csv").ok


@pytest.mark.parametrize("classes", [["no", "yes"], [0, 1], [-1.5, 2.0], [False, True]])
def test_classes_are_predicted_in_their_own_type(classes: list[Any]) -> None:
    """Columns are named after them, as text; what is predicted is what the model itself would answer."""
    found = threshold._classes([str(one) for one in classes], pl.Series(classes))
    assert (found.to_list(), found.dtype) == (classes, pl.Series(classes).dtype)
    with pytest.raises(InvalidData, match="cannot tell which classes"):
        threshold._classes(["other", "words"], pl.Series(classes))


def test_other_models_have_no_threshold(stock: Path) -> None:
    """Three classes, no probability of that size, or an answer that does not depend on it."""
    rows = penguins()[0][NUMBERS].fillna(0.0)
    with pytest.raises(InvalidData, match=r"needs a model of two classes .*; this has 3 probabilities"):
        nd.predict("lr", rows, threshold=0.5)
    with pytest.raises(WrongUsage, match="is no probability"):
        nd.predict("lr", rows, threshold=1.5)
    with pytest.raises(WrongUsage, match="add --method predict"):
        nd.predict("lr", rows, methods="predict_proba", threshold=0.5)
