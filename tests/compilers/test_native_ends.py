"""Models that no compiler knows, called natively after compiled steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from nbdeploy.compilers import Unsure
from tests.compilers.twins import AMOUNT, BINARY, NUMBERS, THREE, fitted, hold, twins_of

LABELS = BINARY.astype(object)
MEMBERS = [("linear", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=2))]


@pytest.mark.parametrize(
    ("last", "target"),
    [
        (SVC(), BINARY),
        (SVR(), AMOUNT),
        (MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0), THREE),
        (VotingClassifier(MEMBERS, voting="soft"), THREE),
        (StackingClassifier(MEMBERS, cv=2), BINARY),
        (PLSRegression(1), AMOUNT),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_pipeline_has_the_native_bits(last: Any, target: Any) -> None:
    """Alone and in batches, whatever the rows are."""
    held = hold(fitted(make_pipeline(StandardScaler(), last), NUMBERS, target), NUMBERS)
    assert held.twin.native == (type(last).__name__,)
    assert held.proven().exact


def test_several_outputs_are_answered_as_a_list() -> None:
    """So does scikit-learn."""
    target = np.column_stack([NUMBERS.a > 0, NUMBERS.b > 5]).astype(int)
    model = fitted(make_pipeline(MinMaxScaler(), KNeighborsClassifier()), NUMBERS, target)
    held = hold(model, NUMBERS)
    first = held.twin.one("predict_proba", held.rows.row(0))
    native = held.native(held.rows[:1], "predict_proba")
    assert [part.tolist() for part in first] == [part.tolist() for part in native]
    assert held.proven().exact


def test_labels_keep_their_type() -> None:
    """Text in an array of objects is not text of a fixed length."""
    held = hold(fitted(make_pipeline(StandardScaler(), SVC()), NUMBERS, LABELS), NUMBERS)
    answer = held.twin.one("predict", held.rows.row(0))
    assert answer.dtype == np.dtype(object)
    assert answer.tolist() == held.native(held.rows[:1], "predict").tolist()


def test_rows_that_the_model_refuses_are_left_to_native_code() -> None:
    """Which says what is wrong with them."""
    held = hold(fitted(make_pipeline(StandardScaler(), SVC()), NUMBERS, BINARY), NUMBERS)
    with pytest.raises(Unsure):
        held.twin.one("predict", [None, 1.0, 2.0])


@pytest.mark.parametrize(
    "model",
    [
        SVC(),
        make_pipeline(SVC()),
        make_pipeline(StandardScaler(), SVC()).set_output(transform="pandas"),
    ],
    ids=["alone", "alone in a pipeline", "by names"],
)
def test_nothing_is_gained_otherwise(model: Any) -> None:
    """No step before it is compiled, or it reads columns by name."""
    found, _ = twins_of(fitted(model, NUMBERS, BINARY), NUMBERS)
    assert all(isinstance(reason, str) for reason in found.values()), found
