"""Whether two tables of answers agree."""

from __future__ import annotations

import polars as pl
import pytest

from nbdeploy.compare import SINGLE, compare

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-10]),
        ([1.0, 1e-17], [1.0, -3e-17]),
        ([NAN, INF, None], [NAN, INF, None]),
        (["a", None], ["a", None]),
        ([1, 2], [1, 2]),
        ([1, 2], [1.0, 2.0]),
    ],
)
def test_rounding_is_no_difference(expected: list[object], found: list[object]) -> None:
    """Nor are missing values or infinities in the same places."""
    assert compare(pl.DataFrame({"x": expected}), pl.DataFrame({"x": found}), 1e-9).equal


LISTS = pl.List(pl.Float64)
ARRAYS = pl.Array(pl.Float64, (1, 2))
SPARSE = pl.List(pl.Struct({"index": pl.UInt32, "value": pl.Float64}))


@pytest.mark.parametrize(
    ("dtype", "expected", "close", "far"),
    [
        (LISTS, [[1.0, 2.0], [], None], [[1.0, 2.0 + 1e-12], [], None], [[1.0, 2.0 + 1e-3], [], None]),
        (LISTS, [[1.0], [2.0]], [[1.0], [2.0]], [[1.0, 1.0], [2.0]]),
        (ARRAYS, [[[1.0, 2.0]], [[NAN, 0.0]]], [[[1.0, 2.0]], [[NAN, 1e-17]]], [[[2.0, 2.0]], [[NAN, 0.0]]]),
        (
            SPARSE,
            [[{"index": 3, "value": 1.0}], []],
            [[{"index": 3, "value": 1.0 + 1e-12}], []],
            [[{"index": 4, "value": 1.0}], []],
        ),
    ],
    ids=["lists", "lengths", "arrays", "sparse"],
)
def test_lists_are_compared_item_by_item(dtype: pl.DataType, expected: list, close: list, far: list) -> None:
    """Floats in them to a tolerance, their lengths and positions exactly."""
    first = pl.DataFrame({"x": expected}, schema={"x": dtype})
    assert compare(first, pl.DataFrame({"x": close}, schema={"x": dtype}), 1e-9).equal
    found = compare(first, pl.DataFrame({"x": far}, schema={"x": dtype}), 1e-9)
    assert found.rows == (0,)
    assert "row 0: x [" in found.first


@pytest.mark.parametrize(
    ("expected", "found", "row"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-6], 1),
        ([1.0, 2.0], [1.0, NAN], 1),
        ([NAN, 2.0], [1.0, 2.0], 0),
        ([INF, 1.0], [-INF, 1.0], 0),
        ([INF, 1.0], [INF, 1.1], 1),
        ([1.0, None], [1.0, 0.0], 1),
        (["a", "b"], ["a", "B"], 1),
        ([1, 2**53], [1, 2**53 + 1], 1),
    ],
)
def test_a_difference_names_its_row(expected: list[object], found: list[object], row: int) -> None:
    """The first one."""
    assert compare(pl.DataFrame({"x": expected}), pl.DataFrame({"x": found}), 1e-9).rows == (row,)


@pytest.mark.parametrize(("moved", "equal"), [(2e-7, True), (1e-3, False)])
def test_single_precision_rounds_as_coarsely_as_it_counts(moved: float, equal: bool) -> None:
    """Where rounding of single precision is allowed; doubles beside it stay as strict as they were."""
    expected = pl.DataFrame({"x": [1.0, 0.0], "y": [1.0, 2.0]}, schema={"x": pl.Float32, "y": pl.Float64})
    found = expected.with_columns(x=pl.col("x") + moved)
    assert compare(expected, found, 1e-9, SINGLE).equal is equal
    assert not compare(expected, found, 1e-9).equal
    assert not compare(expected, expected.with_columns(y=pl.col("y") + 2e-7), 1e-9, SINGLE).equal


def test_another_shape_is_a_difference() -> None:
    """Columns and rows are counted."""
    assert "1 rows" in compare(pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"x": [1]})).first
    assert "rows of ['y']" in compare(pl.DataFrame({"x": [1]}), pl.DataFrame({"y": [1]})).first
