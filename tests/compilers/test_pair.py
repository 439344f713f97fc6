"""A model and its twin answer together as one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from nbdeploy.compilers import Twin
from nbdeploy.compilers.pair import Pair
from nbdeploy.errors import InvalidData
from nbdeploy.predictor import Caller
from nbdeploy.types import Canonical
from tests.compilers.twins import BINARY, NUMBERS, fitted, hold

TREE = DecisionTreeClassifier(max_depth=3).fit(NUMBERS, BINARY)
EXACT = {"compiler": "treelite", "exact": True, "below": 8}


class Counting:
    """The native call, and how many rows it was asked for."""

    def __init__(self, native: Any) -> None:
        self.native, self.asked = native, []

    def __call__(self, rows: pl.DataFrame, method: str) -> Any:
        self.asked.append(rows.height)
        return self.native(rows, method)


def pair(model: Any, data: Any, canonical: Canonical, record: dict[str, Any]) -> tuple[Pair, Counting, pl.DataFrame]:
    held = hold(model, data)
    native = Counting(held.native)
    return Pair(model, held.signature, canonical, native, record, nullcontext), native, held.rows


def test_an_exact_twin_answers_batches_up_to_its_border_with_the_same_bits() -> None:
    both, native, rows = pair(TREE, NUMBERS, Canonical(), EXACT)
    small, large = both.raw(rows[:8], "predict_proba"), both.raw(rows[:9], "predict_proba")
    assert native.asked == [9]
    assert np.array_equal(small, large[:8])


def test_a_twin_that_rounds_answers_every_batch_and_native_code_the_rows_in_doubt() -> None:
    data = np.concatenate([np.linspace(-1.0, 1.0, 40), np.zeros(3)]).reshape(-1, 1)
    model = fitted(LogisticRegression(fit_intercept=False), data, data[:, 0] > 0)
    both, native, rows = pair(model, data, Canonical(twin="rows"), {})
    assert both.raw(rows, "predict").tolist() == model.predict(data).tolist()
    assert native.asked == [3]
    assert both.one([0.0], "predict").tolist() == [False]
    assert native.asked == [3, 1]


def test_one_record_is_answered_as_a_batch_of_one() -> None:
    both, native, rows = pair(TREE, NUMBERS, Canonical(), EXACT)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        one, batch = both.one(rows.row(5), method), both.raw(rows[5:6], method)
        assert one.dtype == batch.dtype
        assert np.array_equal(one, batch)
    assert native.asked == []


def test_without_a_twin_one_record_is_answered_natively() -> None:
    both, native, rows = pair(TREE, NUMBERS, Canonical(), {})
    assert both.twin is None
    assert both.one(rows.row(5), "predict").tolist() == TREE.predict(NUMBERS[5:6]).tolist()
    assert native.asked == [1]


def test_what_the_twin_leaves_is_refused_in_the_models_own_words() -> None:
    both, _, rows = pair(TREE, NUMBERS, Canonical(), EXACT)
    with pytest.raises(ValueError, match="infinity"):
        both.one([float("inf"), 1.0, 1.0], "predict")
    with pytest.raises(ValueError, match="infinity"):
        both.raw(rows[:2].with_columns(a=pl.lit(float("inf"))), "predict")


def test_a_twin_that_cannot_be_built_is_an_error_only_where_it_makes_the_answers() -> None:
    """Otherwise native code gives the same bits."""
    both, _, rows = pair(TREE, NUMBERS, Canonical(), {**EXACT, "compiler": "gone"})
    assert both.raw(rows[:1], "predict").tolist() == TREE.predict(NUMBERS[:1]).tolist()
    both, _, rows = pair(TREE, NUMBERS, Canonical(twin="gone"), {})
    with pytest.raises(InvalidData, match=r"compiled twin \(gone\), which cannot be built here"):
        both.raw(rows[:1], "predict")


@pytest.mark.parametrize("record", [{"compiler": 3, "exact": True}, {"compiler": "treelite", "exact": "yes"}, {}])
def test_a_record_that_says_nothing_sound_has_no_twin(record: dict[str, Any]) -> None:
    both, native, rows = pair(TREE, NUMBERS, Canonical(), record)
    both.raw(rows[:1], "predict")
    assert native.asked == [1]


def test_a_record_cannot_make_a_twin_exact_that_rounds() -> None:
    """Records are not signed: a forged one would change the last bits of a signed model's answers."""
    model = LogisticRegression().fit(NUMBERS, BINARY)
    both, native, rows = pair(model, NUMBERS, Canonical(), {"compiler": "rows", "exact": True, "below": 2**31})
    assert both.twin is None
    both.raw(rows[:2], "predict_proba")
    assert native.asked == [2]


def test_a_caller_uses_the_twin_that_it_is_told_of() -> None:
    held = hold(TREE, NUMBERS)
    caller = Caller(TREE, "sklearn", held.signature, Canonical(), EXACT)
    assert caller.twin is not None
    assert np.array_equal(caller.raw(held.rows, "predict"), caller.native(held.rows, "predict"))
    assert caller.one(held.rows.row(0), "predict").shape == (1,)


def test_a_twin_is_built_of_the_model_when_it_is_first_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    twin = Twin({}, {})
    monkeypatch.setattr("nbdeploy.compilers.pair.compile_by", lambda name, *_: built.append(name) or twin)
    both = Pair(TREE, hold(TREE, NUMBERS).signature, Canonical(), Counting(None), EXACT, nullcontext)
    assert built == []
    assert both.twin is twin
    assert built == ["treelite"]
