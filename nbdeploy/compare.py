"""Are two tables of answers the same? Labels and integers exactly, floats to a relative tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

__all__ = ["ROUNDING", "Comparison", "compare"]

ROUNDING = 1e-9
"""Relative difference up to which another processor, or other rows in the batch, may change a float's last bits."""


_NEAR_ZERO = 1e-3


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


def compare(expected: pl.DataFrame, actual: pl.DataFrame, tolerance: float = 1e-12) -> Comparison:
    """Compare answers, column by column.

    A float's difference is relative to the larger of both values, and to a thousandth of the column's
    largest at least: a value near zero is a difference of larger ones, and its last bits are theirs.

    Parameters
    ----------
    expected, actual : polars.DataFrame, n rows
        Answers with the same columns.
    tolerance : float
        Largest relative difference of a float.

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
    rows = (worst > tolerance).arg_true().to_list()
    return Comparison(
        max_difference=float(worst.max() or 0.0),  # type: ignore[arg-type]
        rows=tuple(rows),
        identical=expected.equals(actual.cast(dict(expected.schema))),  # type: ignore[arg-type]
        first=_show(expected, actual, rows[:3]),
    )


def _difference(a: pl.Series, b: pl.Series) -> pl.Series:
    """Relative difference per row: 0 where both are the same, infinite where they cannot be compared."""
    if a.dtype != b.dtype:
        common = pl.Float64 if a.dtype.is_numeric() and b.dtype.is_numeric() else pl.String
        a, b = a.cast(common), b.cast(common)
    same = a.eq_missing(b)
    if not a.dtype.is_float():
        return pl.select(pl.when(same).then(0.0).otherwise(float("inf")).alias(a.name)).to_series()
    x, y = a.cast(pl.Float64), b.cast(pl.Float64)
    finite = x.filter(x.is_finite()).abs()
    largest = float(finite.max() or 0.0)  # type: ignore[arg-type]
    scale = pl.max_horizontal(x.abs(), y.abs(), pl.lit(largest * _NEAR_ZERO or 1.0))
    relative = ((x - y).abs() / scale).fill_nan(float("inf")).fill_null(float("inf"))
    return pl.select(pl.when(same).then(0.0).otherwise(relative).alias(a.name)).to_series()


def _show(expected: pl.DataFrame, actual: pl.DataFrame, rows: list[int]) -> str:
    return "; ".join(
        f"row {row}: "
        + ", ".join(
            f"{name} {expected[name][row]!r} became {actual[name][row]!r}"
            for name in expected.columns
            if expected[name][row] != actual[name][row]
        )
        for row in rows
    )
