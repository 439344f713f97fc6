"""Which batches a twin answers: by what was measured, and never by chance."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

from nbdeploy.compilers import Twin
from nbdeploy.compilers.choice import SIZES, Speed, below, choose, measure
from tests.compilers.twins import AMOUNT, NUMBERS, hold, twins_of

TREE = DecisionTreeRegressor(max_depth=3).fit(NUMBERS, AMOUNT)


def test_an_exact_twin_is_chosen_with_all_that_was_found_about_it() -> None:
    held = hold(TREE, NUMBERS)
    document = choose(TREE, held.signature, held.native, held.rows, speed_seconds=0.2).document()
    assert document["compiler"] == "treelite"
    assert document["exact"] is True
    assert document["below"] >= 1
    assert document["methods"] == {"predict": "exact"}
    assert document["tried"]["sample"] == len(NUMBERS)
    assert document["speed"][0]["rows"] == 1
    assert document["speed"][0]["twin"] < document["speed"][0]["native"]


def test_a_twin_that_rounds_is_not_chosen_beside_native_code() -> None:
    """Batches of different sizes would be answered with different bits."""
    model = LinearRegression().fit(NUMBERS, AMOUNT)
    held = hold(model, NUMBERS)
    document = choose(model, held.signature, held.native, held.rows, speed_seconds=0).document()
    assert document["compiler"] is None
    assert "equal only to rounding" in document["reason"]


def test_a_model_without_a_twin_says_why() -> None:
    class Own(BaseEstimator):
        def predict(self, X: Any) -> Any:
            return np.zeros(len(X))

    _, caller = twins_of(Own(), NUMBERS)
    document = choose(Own(), caller.signature, caller.native, hold(TREE, NUMBERS).rows).document()
    assert document["compiler"] is None
    assert document["reason"] == "a Own is not known"


def test_measuring_ends_where_the_next_size_would_take_too_long() -> None:
    """By a clock that says each call takes a tenth of a second per row."""
    held = hold(TREE, NUMBERS)
    ticks = count()
    speeds = measure(held.twin, held.native, "predict", held.rows, seconds=1.0, clock=lambda: next(ticks) * 0.1)
    assert [speed.rows for speed in speeds] == [1]


def test_all_sizes_are_measured_where_there_is_time() -> None:
    held = hold(TREE, NUMBERS)
    speeds = measure(held.twin, held.native, "predict", held.rows, seconds=60.0)
    assert tuple(speed.rows for speed in speeds) == SIZES


@pytest.mark.parametrize(
    ("speeds", "rows"),
    [
        ((), 16),
        ((Speed(1, 1.0, 2.0),), 0),
        ((Speed(1, 2.0, 1.0),), 2),
        ((Speed(1, 99.0, 1.0),), 16),
        ((Speed(1, 2.0, 1.0), Speed(32, 2.0, 3.0)), 16),
        (tuple(Speed(size, 2.0, 1.0) for size in SIZES), 2**31),
    ],
)
def test_the_border_is_where_both_are_as_fast(speeds: tuple[Speed, ...], rows: int) -> None:
    assert below(speeds) == rows


@given(st.lists(st.tuples(st.floats(1e-6, 10), st.floats(1e-6, 10)), min_size=1, max_size=4))
def test_the_border_never_passes_a_size_at_which_the_twin_was_slower(times: list[tuple[float, float]]) -> None:
    speeds = [Speed(size, *both) for size, both in zip(SIZES, times, strict=False)]
    border = below(tuple(speeds))
    slower = [speed.rows for speed in speeds if speed.twin > speed.native]
    assert not slower or border <= slower[0]


def test_a_twin_slower_than_its_model_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    held = hold(TREE, NUMBERS)
    slow = Twin(held.twin.methods, held.twin.exact)
    monkeypatch.setattr("nbdeploy.compilers.choice.compile_twins", lambda *_: iter([("slow", slow)]))
    monkeypatch.setattr("nbdeploy.compilers.choice.measure", lambda *_, **__: (Speed(1, 0.1, 0.2),))
    document = choose(TREE, held.signature, held.native, held.rows).document()
    assert document["compiler"] is None
    assert "slower" in document["reason"]
