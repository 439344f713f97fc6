"""A threshold decides between two classes; where it cannot, it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.errors import InvalidData, WrongUsage
from tests.models import NUMBERS, penguins

_TRAIN = """
import nbdeploy as nd
import pandas as pd
from sklearn.linear_model import LogisticRegression

penguins = pd.read_csv(PENGUINS)
X = penguins[["bill_length_mm", "body_mass_g"]].fillna(0.0)
words = penguins["sex"].fillna("male")
for name, y in (("words", words), ("flags", penguins["year"] == 2009), ("years", penguins["year"] // 2009)):
    nd.snapshot(LogisticRegression(max_iter=500).fit(X, y), name, data=X)
answer = 1
"""


def test_the_second_class_is_predicted_from_the_threshold_on(script: Callable[[str], Any]) -> None:
    """Text, booleans and numbers; in files and in memory; nothing else is changed."""
    script(_TRAIN)
    frame = penguins()[0][["bill_length_mm", "body_mass_g"]].fillna(0.0)
    frame.to_csv("in.csv", index=False)
    for name in ("words", "flags", "years"):
        plain = nd.predict(name, frame, methods=["predict", "predict_proba"])
        first, second = (column.removeprefix("probability_") for column in plain.columns[1:])
        for threshold in (0.0, 0.3, 1.0):
            found = nd.predict(name, frame, methods=["predict", "predict_proba"], threshold=threshold)
            wanted = [second if p >= threshold else first for p in plain.iloc[:, 2]]
            assert found["prediction"].astype(str).tolist() == wanted
            assert found["prediction"].dtype == plain["prediction"].dtype
            assert found.iloc[:, 1:].equals(plain.iloc[:, 1:])
        nd.predict(name, "in.csv", f"{name}.csv", threshold=0.3, chunk=50)
        table = pl.read_csv(f"{name}.csv", infer_schema=False)
        assert table.columns == ["prediction"]
        usual = [second if p >= 0.3 else first for p in plain.iloc[:, 2]]
        assert [text.lower() for text in table["prediction"]] == [text.lower() for text in usual]
        assert nd.check_predictions(f"{name}.csv").ok


def test_other_models_have_no_threshold(stock: Path) -> None:
    """Three classes, no probability of that size, or an answer that does not depend on it."""
    rows = penguins()[0][NUMBERS].fillna(0.0)
    with pytest.raises(InvalidData, match=r"needs a model of two classes .*; this has 3 probabilities"):
        nd.predict("lr", rows, threshold=0.5)
    with pytest.raises(WrongUsage, match="is no probability"):
        nd.predict("lr", rows, threshold=1.5)
    with pytest.raises(WrongUsage, match="add --method predict"):
        nd.predict("lr", rows, methods="predict_proba", threshold=0.5)
