"""Forests whose trees are summed up without jobs: the same bits, and the model as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbdeploy.canonical import estimators_of, single_job, summed_trees

_RNG = np.random.default_rng(0)
_X = np.where(_RNG.random((120, 5)) < 0.05, np.nan, _RNG.normal(size=(120, 5)))
_FULL = np.nan_to_num(_X)
_Y = np.digitize(np.nan_to_num(_X[:, 0]), [-0.5, 0.6])


@settings(max_examples=30)
@given(
    kind=st.sampled_from([RandomForestClassifier, ExtraTreesClassifier]),
    trees=st.integers(1, 12),
    depth=st.sampled_from([1, 3, None]),
    weights=st.sampled_from([None, "balanced"]),
    labels=st.sampled_from([np.array([0, 1, 2]), np.array(["a", "b", "c"]), np.array([True, False, True])]),
    at=st.lists(st.integers(0, 119), min_size=1, max_size=40),
)
def test_every_method_has_the_same_bits(
    kind: Callable[..., Any], trees: int, depth: int | None, weights: str | None, labels: Any, at: list[int]
) -> None:
    """Missing values too."""
    model = kind(trees, max_depth=depth, class_weight=weights, random_state=0).fit(_X, labels[_Y])
    with np.errstate(divide="ignore"):
        for method in ("predict", "predict_proba", "predict_log_proba"):
            own = getattr(model, method)(_X[at])
            with summed_trees([model]):
                assert np.array_equal(getattr(model, method)(_X[at]), own)


def test_forests_inside_other_models_are_summed_too() -> None:
    members = [("forest", RandomForestClassifier(5, random_state=0)), ("trees", ExtraTreesClassifier(5))]
    model = make_pipeline(StandardScaler(), VotingClassifier(members, voting="soft")).fit(_FULL, _Y)
    own = model.predict_proba(_FULL)
    with single_job(model), summed_trees(estimators_of(model)):
        fitted = model[-1].estimators_
        assert all("predict_proba" in vars(forest) for forest in fitted)
        assert np.array_equal(model.predict_proba(_FULL), own)
    assert not any("predict_proba" in vars(forest) for forest in fitted)


def test_sparse_rows_are_answered_by_the_model_itself() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(_FULL, _Y)
    with summed_trees([model]):
        assert np.array_equal(model.predict_proba(csr_matrix(_FULL)), model.predict_proba(_FULL))


def test_what_a_forest_refuses_is_refused_as_before() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(_FULL, _Y)
    with summed_trees([model]), pytest.raises(ValueError, match="expecting 5 features"):
        model.predict(_FULL[:, :3])


def _several(model: Any) -> None:
    model.fit(_FULL, np.stack([_Y, _Y > 0], axis=1))


def _own(model: Any) -> None:
    model.predict_proba = lambda rows: np.zeros((len(rows), 3))


def _tree(model: Any) -> None:
    model.estimators_[0].predict_proba = lambda rows, check_input: np.zeros((len(rows), 3))


@pytest.mark.parametrize("change", [_several, _own, _tree])
def test_other_forests_are_left_alone(change: Callable[[Any], None]) -> None:
    """Those of several outputs, and those that somebody changed."""
    model = RandomForestClassifier(5, random_state=0).fit(_FULL, _Y)
    change(model)
    before = vars(model).get("predict_proba")
    with summed_trees([model]):
        assert vars(model).get("predict_proba") is before
    assert vars(model).get("predict_proba") is before
