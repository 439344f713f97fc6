"""Models that are called row by row: which they are, and that it changes no bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC, NuSVR, OneClassSVM

from nbdeploy.canonical import is_row_by_row
from nbdeploy.codecs import describe
from nbdeploy.predictor import Caller
from nbdeploy.types import Canonical

_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(90, 7)) * 10.0 ** _RNG.integers(-3, 4, size=7)
_Y = np.argmax(_X[:, :3] / np.abs(_X[:, :3]).max(axis=0), axis=1)


@settings(max_examples=40, deadline=None)
@given(
    machine=st.sampled_from([SVC, NuSVC, SVR, NuSVR, OneClassSVM]),
    kernel=st.sampled_from(["linear", "poly", "rbf", "sigmoid"]),
    scaler=st.sampled_from([StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler]),
    picked=st.lists(st.integers(0, len(_X) - 1), min_size=1, max_size=40),
)
def test_rows_alone_get_the_bits_that_they_get_among_others(
    machine: Any, kernel: str, scaler: Any, picked: list[int]
) -> None:
    """Padded, in a batch of any size, and alone; by every method."""
    more = {"nu": 0.1} if machine is NuSVC else {}
    model = make_pipeline(scaler(), machine(kernel=kernel, **more)).fit(_X, _Y)
    assert is_row_by_row(model)
    rows = _X[picked]
    for name in {"predict", "decision_function", "score_samples"} & {*dir(model)}:
        ask = getattr(model, name)
        batch = ask(rows)
        assert batch.tobytes() == np.concatenate([ask(row[None]) for row in rows]).tobytes()
        assert ask(np.repeat(rows[-1:], 16, axis=0))[:1].tobytes() == batch[-1:].tobytes()


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1000),
        LinearSVC(max_iter=20_000),
        RandomForestClassifier(2),
        SVC(kernel=lambda a, b: a @ b.T),
        make_pipeline(Normalizer(), SVC()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_other_models_are_padded(model: Any) -> None:
    assert not is_row_by_row(model.fit(StandardScaler().fit_transform(_X), _Y))


def test_a_model_with_a_replaced_method_is_padded() -> None:
    model = SVC().fit(_X, _Y)
    assert is_row_by_row(model)
    model.predict = lambda rows: [len(rows)] * len(rows)
    assert not is_row_by_row(model)


def test_a_caller_asks_for_one_row_what_is_asked_for_one() -> None:
    """The padding is seen by a model that answers how many rows it was given."""

    class Counting(SVC):
        def predict(self, X: Any) -> Any:
            return np.full(len(X), float(len(X)))

    signature = describe(_X)
    asked = {}
    for kind in (Counting, SVC):
        model = kind().fit(_X, _Y)
        caller = Caller(model, "sklearn", signature, Canonical())
        asked[kind] = caller.raw_records([tuple(_X[0])], "predict").tolist()
    assert asked == {Counting: [16.0], SVC: [SVC().fit(_X, _Y).predict(_X[:1])[0]]}
