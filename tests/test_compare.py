"""Whether two tables of answers agree."""

from __future__ import annotations

import polars as pl
import pytest

from nbdeploy.compare import compare

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


def test_another_shape_is_a_difference() -> None:
    """Columns and rows are counted."""
    assert "1 rows" in compare(pl.DataFrame({"x": [1, 2]}), pl.DataFrame({"x": [1]})).first
    assert "rows of ['y']" in compare(pl.DataFrame({"x": [1]}), pl.DataFrame({"y": [1]})).first
