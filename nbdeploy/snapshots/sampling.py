"""Rows that stand for the data: spread evenly, with a missing value of every column that has one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

__all__ = ["Kept", "choose_rows", "profile"]

_FEW = 20


@dataclass(frozen=True)
class Kept:
    """The rows that stay in the bundle; a model may have been proven with others, that leave no trace.

    Attributes
    ----------
    sample : polars.DataFrame, n rows
        The rows, as on the wire.
    expected : polars.DataFrame, n rows
        The canonical answers of every method.
    privacy : mapping
        For the version record: where the rows come from, and how many are the user's own.
    """

    sample: pl.DataFrame
    expected: pl.DataFrame
    privacy: Mapping[str, Any] = field(default_factory=dict)


def choose_rows(wire: pl.DataFrame, n: int) -> list[int]:
    """Choose up to `n` row numbers, evenly spread, plus one with a missing value per column that has any.

    Examples
    --------
    >>> choose_rows(pl.DataFrame({"x": range(10)}), 5)
    [0, 2, 4, 6, 8]
    """
    height = wire.height
    spread = {i * height // min(n, height) for i in range(min(n, height))}
    gaps = {int(column.is_null().arg_true()[0]) for column in wire.get_columns() if column.null_count()}
    return sorted(spread | gaps)


def profile(wire: pl.DataFrame, answers: pl.DataFrame) -> dict[str, object]:
    """Summarise inputs and answers: counts, missing values, ranges, and shares of few distinct values."""
    return {
        "rows": wire.height,
        "columns": {column.name: _summary(column) for column in wire.get_columns()},
        "outputs": {column.name: _summary(column) for column in answers.get_columns()},
    }


def _summary(column: pl.Series) -> dict[str, object]:
    facts: dict[str, object] = {"missing": column.null_count()}
    present = column.drop_nulls()
    if present.dtype.is_numeric() and len(present):
        numbers = present.cast(pl.Float64)
        numbers = numbers.filter(numbers.is_finite())
        figures = {"min": numbers.min(), "max": numbers.max(), "mean": numbers.mean(), "std": numbers.std() or 0.0}
        facts |= {name: _finite(figure) for name, figure in figures.items()}
    elif present.n_unique() <= _FEW:
        counts = present.value_counts(sort=True)
        facts["values"] = {str(value): count for value, count in counts.rows()}
    elif present.dtype.is_temporal():
        facts |= {"min": str(present.min()), "max": str(present.max())}
    return facts


def _finite(figure: Any) -> float | None:
    """JSON has no word for the mean of two numbers whose sum is too large."""
    return figure if figure is not None and math.isfinite(figure) else None
