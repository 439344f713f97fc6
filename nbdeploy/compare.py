"""Are two tables of answers the same? Labels and integers exactly, floats to a relative tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

__all__ = ["ROUNDING", "SINGLE", "Comparison", "compare"]

ROUNDING = 1e-9
"""Relative difference up to which another processor, or other rows in the batch, may change a float's last bits."""

SINGLE = 1e-5
"""The same for a float of single precision, which has 7 digits and not 16."""

_NEAR_ZERO = 1e-3
_NEAR_ZERO_SINGLE = 0.1


@dataclass(frozen=True)
class Comparison:
    """What comparing two tables of answers found.

    Attributes
    ----------
    max_difference : float
        Largest relative difference of a float; infinite where a label, an integer or a missing value differs.
    rows : tuple of int
        Rows that differ by more than the tolerance.
    identical : bool
        Whether every bit is the same.
    first : str
        The first differing rows, for a message.
    """

    max_difference: float
    rows: tuple[int, ...]
    identical: bool
    first: str = ""

    @property
    def equal(self) -> bool:
        """Whether no row differs by more than the tolerance."""
        return not self.rows


def compare(expected: pl.DataFrame, actual: pl.DataFrame, tolerance: float = 1e-12, single: float = 0.0) -> Comparison:
    """Compare answers, column by column.

    A float's difference is relative to the larger of both values, and to a thousandth (in single precision a
    tenth) of the column's largest at least: a value near zero is a difference of larger ones, and its last bits
    are theirs.

    Parameters
    ----------
    expected, actual : polars.DataFrame, n rows
        Answers with the same columns.
    tolerance : float
        Largest relative difference of a float.
    single : float
        Largest relative difference of a float of single precision, where that is more.

    Examples
    --------
    >>> compare(pl.DataFrame({"a": [1.0, 2.0]}), pl.DataFrame({"a": [1.0, 2.5]})).rows
    (1,)
    """
    if expected.columns != actual.columns or expected.height != actual.height:
        shape = f"{expected.height} rows of {expected.columns} became {actual.height} rows of {actual.columns}"
        return Comparison(float("inf"), tuple(range(expected.height)), identical=False, first=shape)
    differences = pl.DataFrame([_difference(expected[name], actual[name]) for name in expected.columns])
    worst = differences.max_horizontal()
    allowed = {name: max(tolerance, single if _is_single(expected[name].dtype) else 0.0) for name in expected.columns}
    beyond = pl.any_horizontal(pl.col(name) > most for name, most in allowed.items())
    rows = differences.select(beyond).to_series().arg_true().to_list()
    return Comparison(
        max_difference=float(worst.max() or 0.0),  # type: ignore[arg-type]
        rows=tuple(rows),
        identical=expected.equals(actual.cast(dict(expected.schema))),  # type: ignore[arg-type]
        first=_show(expected, actual, rows[:3]),
    )


def _difference(a: pl.Series, b: pl.Series) -> pl.Series:
    """Relative difference per row: 0 where both are the same, infinite where they cannot be compared."""
    if a.dtype.is_nested():
        return _of_lists(a, b)
    if a.dtype != b.dtype:
        common = pl.Float64 if a.dtype.is_numeric() and b.dtype.is_numeric() else pl.String
        a, b = a.cast(common), b.cast(common)
    same = a.eq_missing(b)
    if not a.dtype.is_float():
        return pl.select(pl.when(same).then(0.0).otherwise(float("inf")).alias(a.name)).to_series()
    x, y = a.cast(pl.Float64), b.cast(pl.Float64)
    finite = x.filter(x.is_finite()).abs()
    largest = float(finite.max() or 0.0)  # type: ignore[arg-type]
    near_zero = _NEAR_ZERO_SINGLE if a.dtype == pl.Float32 else _NEAR_ZERO
    scale = pl.max_horizontal(x.abs(), y.abs(), pl.lit(largest * near_zero or 1.0))
    relative = ((x - y).abs() / scale).fill_nan(float("inf")).fill_null(float("inf"))
    return pl.select(pl.when(same).then(0.0).otherwise(relative).alias(a.name)).to_series()


def _is_single(dtype: pl.DataType) -> bool:
    """Whether a column's floats, or those in its lists, have single precision."""
    while isinstance(dtype, pl.List | pl.Array):
        dtype = dtype.inner  # type: ignore[assignment]
    return dtype == pl.Float32


def _of_lists(a: pl.Series, b: pl.Series) -> pl.Series:
    """The largest difference of what is in a row's lists; infinite where they are not of one shape."""
    same = a.eq_missing(b) if a.dtype == b.dtype else pl.Series([False]).new_from_index(0, len(a))
    if same.all():
        return pl.Series(a.name, [0.0]).new_from_index(0, len(a))
    before, after = _items(a), _items(b)
    places = before.drop("item").columns
    worst = pl.Series(a.name, np.where(same.to_numpy(), 0.0, np.inf))
    if before.select(places).equals(after.select(places)):
        found = before.select("row", worst=_difference(before["item"], after["item"])).group_by("row").max().sort("row")
        worst = worst.scatter(found["row"], found["worst"])
    return worst


def _items(series: pl.Series) -> pl.DataFrame:
    """Every item of every list, with its row and, in a sparse row, its position."""
    table = series.to_frame("item").with_row_index("row")
    while isinstance(table.schema["item"], (pl.List, pl.Array)):
        table = table.explode("item", empty_as_null=False, keep_nulls=True)
    return table.unnest("item").rename({"value": "item"}) if table.schema["item"] == pl.Struct else table


def _show(expected: pl.DataFrame, actual: pl.DataFrame, rows: list[int]) -> str:
    return "; ".join(
        f"row {row}: "
        + ", ".join(
            f"{name} {before!r:.120} became {after!r:.120}"
            for name, before, after in zip(expected.columns, expected.row(row), actual.row(row), strict=True)
            if before != after
        )
        for row in rows
    )
