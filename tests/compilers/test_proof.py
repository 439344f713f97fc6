"""A proof finds what is wrong with a twin: other answers, other bits alone, answers where native code refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.tree import DecisionTreeClassifier

from nbdeploy.codecs import bind, describe
from nbdeploy.compilers import Row, Twin, Unsure
from nbdeploy.compilers.proof import Differs, prove
from nbdeploy.compilers.samples import border_rows, edge_rows, random_rows
from nbdeploy.signatures import Column, Signature
from tests.compilers.twins import NUMBERS, TABLE, hold

DATA = np.linspace(0.0, 8.0, 40).reshape(-1, 1)
SIGNATURE = describe(DATA)
ROWS = bind(DATA, SIGNATURE)


def native(rows: pl.DataFrame, _: str) -> Any:
    """Twice the number; what is not finite is refused."""
    x = rows["x0"].to_numpy()
    if not np.isfinite(x).all():
        raise ValueError("not finite")
    return x * 2.0


def twin(answer: Any) -> Twin:
    return Twin({"predict": lambda rows: (answer(rows, rows.numbers(None, float)[..., 0]), None)}, {"predict": True})


def finite(x: Any) -> Any:
    if not np.isfinite(x).all():
        raise Unsure
    return x


def test_a_twin_with_the_same_bits_is_exact() -> None:
    proof = prove(twin(lambda _, x: finite(x) * 2.0), native, SIGNATURE, ROWS)
    assert proof.exact
    assert proof.tried["sample"] == 40
    assert proof.tried["borders"] > 0


def test_a_twin_with_other_last_bits_is_equal_to_rounding() -> None:
    proof = prove(twin(lambda _, x: finite(x) * 2.0 * (1 + 1e-12)), native, SIGNATURE, ROWS)
    assert proof.methods == {"predict": "rounding"}
    assert 0 < proof.max_difference < 2e-12


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _, x: finite(x) * 2.0 * (1 + 1e-8), "differently"),
        (lambda rows, x: finite(x) * 2.0 * (1 + 1e-15 * isinstance(rows, Row)), "alone"),
        (lambda _, x: x * 2.0, "that the model refuses with ValueError"),
        (lambda _, x: (finite(x) * 2.0).astype(np.float32), "answers with float32"),
        (lambda _, x: finite(x * np.nan), "leaves every row"),
        (lambda _, x: x.nothing, "leaves every row"),
    ],
    ids=["other", "unstable", "lenient", "type", "timid", "broken"],
)
def test_a_twin_that_is_wrong_is_dropped_with_the_reason(answer: Any, why: str) -> None:
    with pytest.raises(Differs, match=why):
        prove(twin(answer), native, SIGNATURE, ROWS)


def test_a_threshold_that_is_off_by_one_float_is_found() -> None:
    """Random rows would never hit it: the search for borders does."""
    model = DecisionTreeClassifier(max_depth=1).fit(DATA, DATA[:, 0] > 3.0)
    held = hold(model, DATA)
    edge = np.nextafter(np.float32(model.tree_.threshold[0]), np.float32(np.inf))

    def moved(rows: Any) -> Any:
        x = rows.numbers(None, np.float32)[..., 0].astype(np.float32)
        return (np.asarray(finite(x) > edge), None)

    off = Twin({"predict": moved}, {"predict": True})
    with pytest.raises(Differs, match="differently"):
        prove(off, held.native, held.signature, held.rows)
    held.proven()


def test_borders_are_neighbouring_floats_on_both_sides_of_where_answers_change() -> None:
    rows = border_rows(ROWS, SIGNATURE, lambda rows: rows["x0"].to_numpy() > 2.5)
    values = set(rows["x0"].to_list())
    assert {2.5, np.nextafter(2.5, 3)} <= values


def test_random_rows_stay_within_what_was_observed() -> None:
    """Numbers within the range, every category, and missing values only where some may be."""
    signature = describe(TABLE)
    drawn = random_rows(bind(TABLE, signature), signature, 300, np.random.default_rng(0))
    assert set(drawn["tier"]) == {"low", "mid", "top"}
    assert drawn["kids"].is_between(0, 3).all()
    assert drawn["income"].null_count() > 20
    assert drawn["age"].null_count() == 0
    assert drawn["age"].is_between(TABLE.age.min(), TABLE.age.max()).all()


def test_edges_change_one_column_each_and_only_as_the_signature_allows() -> None:
    signature = describe(TABLE)
    usual, extreme = edge_rows(bind(TABLE, signature), signature)
    rows = pl.concat(usual)
    assert rows["town"].str.contains("never seen").any()
    assert set(rows["tier"]) <= {"low", "mid", "top"}
    assert rows["income"].null_count() > 0
    assert rows["age"].null_count() == 0
    assert pl.concat(extreme)["debt"].is_infinite().any()


def test_one_record_and_a_batch_are_read_alike() -> None:
    """Missing is NaN, whole numbers are themselves, and batches are cut without a trace."""
    held = hold(DecisionTreeClassifier().fit(NUMBERS, NUMBERS.a > 0), NUMBERS)
    small = Twin(held.twin.methods, held.twin.exact, cells=2**21)
    whole, _ = held.twin.many("predict_proba", held.rows)
    cut, _ = small.many("predict_proba", held.rows)
    assert np.array_equal(whole, cut)
    assert np.isnan(Row([None, 2]).numbers([0], np.float64)).all()
    assert Row([None, 2]).numbers([1], np.int64).tolist() == [2]


def test_a_signature_without_floats_has_no_borders() -> None:
    whole = Signature("pandas", [Column("n", "int64", "int64")])
    assert border_rows(pl.DataFrame({"n": [1, 2]}), whole, lambda rows: rows["n"].to_numpy()).height == 0
