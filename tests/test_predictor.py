"""The methods of a forest share one walk through its trees, and answer as they do alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from nbdeploy.codecs import bind, describe
from nbdeploy.codecs.outputs import describe_output
from nbdeploy.predictor import Caller
from nbdeploy.types import Canonical

pytestmark = pytest.mark.filterwarnings("ignore:divide by zero")  # the logarithm of a probability of 0

METHODS = ("predict", "predict_log_proba", "predict_proba")
X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
y = (X.a > 0).astype(int)
FORESTS = [
    RandomForestClassifier(5, random_state=0).fit(X, y),
    ExtraTreesClassifier(5, random_state=0, n_jobs=2).fit(X, np.stack([y, X.b > 0], axis=1)),
]


def _caller(model: Any, how: Canonical | None = None) -> tuple[Caller, pl.DataFrame]:
    signature = describe(X)
    return Caller(model, "sklearn", signature, how or Canonical()), bind(X, signature)


def _counted(model: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how often the first tree is walked."""
    tree, walks = model.estimators_[0], []
    own = tree.predict_proba
    monkeypatch.setattr(tree, "predict_proba", lambda *a, **k: walks.append(1) or own(*a, **k), raising=False)
    return lambda: len(walks)


@pytest.mark.parametrize("model", FORESTS, ids=["one output", "two outputs"])
@pytest.mark.parametrize("how", [Canonical(), Canonical(tile=16)], ids=["whole", "tiles"])
def test_every_method_answers_the_same_bits_as_alone(model: Any, how: Canonical) -> None:
    """In any order, and as many times as it is asked."""
    caller, wire = _caller(model, how)
    alone = {method: describe_output(method, caller.raw(wire, method))[1] for method in METHODS}
    with caller.one_pass():
        for method in (*METHODS, *reversed(METHODS)):
            assert describe_output(method, caller.raw(wire, method))[1].equals(alone[method])
            assert describe_output(method, caller.raw(wire[:7], method))[1].equals(alone[method][:7])


@pytest.mark.parametrize("model", FORESTS, ids=["one output", "two outputs"])
def test_the_trees_are_walked_once_for_all_methods(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And once more for other rows, and when everything is asked anew."""
    caller, wire = _caller(model)
    walks = _counted(model, monkeypatch)
    with caller.one_pass():
        for method in METHODS:
            caller.raw(wire, method)
        assert walks() == 1
        caller.raw(wire[:20], "predict")
        assert walks() == 2
    for _ in range(2):
        caller.raw(wire, "predict")
    assert walks() == 4


def test_a_live_model_is_itself_again_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it fails, and while the user asks it by its own methods."""
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    caller, wire = _caller(model)
    monkeypatch.setattr(model.estimators_[0], "tree_", None)
    with caller.one_pass(), pytest.raises(AttributeError):
        caller.raw(wire, "predict")
    assert "predict_proba" not in vars(model)


def test_a_forest_with_a_method_of_its_own_is_asked_every_time() -> None:
    """Who replaced it may have made it depend on anything."""
    model = RandomForestClassifier(3, random_state=0).fit(X, y)
    own, asked = model.predict_proba, []
    model.predict_proba = lambda rows: asked.append(1) or own(rows)
    caller, wire = _caller(model)
    with caller.one_pass():
        for method in METHODS:
            caller.raw(wire, method)
    assert len(asked) == len(METHODS)
