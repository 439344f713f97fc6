"""A new version says what is new about it; running a seeded notebook again makes none."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import nbdeploy as nd
from tests.models import NUMBERS, penguins


@pytest.fixture
def numbers() -> tuple[pd.DataFrame, pd.Series]:
    X, y = penguins()
    return X[NUMBERS].fillna(0.0), y


def test_a_fit_without_a_seed_is_new_and_says_so(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """The first version has nothing to say, the same one neither; another fit says that only it differs."""
    X, y = numbers
    first = nd.snapshot(RandomForestClassifier(3, random_state=0).fit(X, y), "forest", data=X)
    again = nd.snapshot(RandomForestClassifier(3, random_state=0).fit(X, y), "forest", data=X)
    other = nd.snapshot(RandomForestClassifier(3, random_state=1).fit(X, y), "forest", data=X)
    assert (first.ref, again.ref, other.ref) == ("forest:1", "forest:1", "forest:2")
    assert [*first.notices, *again.notices] == []
    (told,) = other.notices
    assert told.startswith("unlike forest:1 only in what was fitted (model/model.skops)")
    assert "random_state" in told
    fewer = nd.snapshot(LogisticRegression(max_iter=5000).fit(X[NUMBERS[:2]], y), "forest", data=X[NUMBERS[:2]])
    (told,) = fewer.notices
    assert told.startswith("unlike forest:2 in signature (columns, ")
    assert "only" not in told
