"""Single values made to conform to a column's type, if that loses nothing."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.codecs.refusals import expectation, refuse
from nbdeploy.codecs.written import read_text
from nbdeploy.signatures import PER_SECOND
from nbdeploy.types import Column

__all__ = ["converted"]


def converted(series: pl.Series, column: Column, *, exact: bool = False) -> pl.Series:
    """Return the series in the column's wire type, with the column's name.

    Parameters
    ----------
    series : polars.Series
        The values.
    column : Column
        What they are to be; whether it is nullable, and its categories, do not matter here.
    exact : bool
        Whether ``float32`` takes only what it holds exactly; otherwise decimals are rounded to it,
        because ``0.1`` in a file or a request has no other type than ``float64``.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    series = series.alias("")
    target = wire_dtype(column)
    if series.dtype in (target, pl.Null):
        values, lost = series.cast(target), None
    else:
        values, lost = _cast(series, column, target, exact)
    finer = _finer(values, column)
    if finer is not None:
        lost = finer if lost is None else lost | finer
    if lost is not None and lost.any():
        told = f" in {column.unit}" if column.unit and series.dtype.is_temporal() else ""
        refuse(series, lost.fill_null(False), column, f"is not {expectation(column)}{told}")
    return values


def _cast(series: pl.Series, column: Column, target: Any, exact: bool) -> tuple[pl.Series, pl.Series]:
    """Values in the target's type, and which of them were lost on the way."""
    if series.dtype == pl.String and target != pl.String:
        values = read_text(series, column)
        return values, values.is_null() & series.is_not_null()
    if not _may_become(series.dtype, target):
        return pl.Series([None], dtype=target).new_from_index(0, len(series)), series.is_not_null()
    values = series.cast(target, strict=False)
    lost = values.is_null() & series.is_not_null()
    changed = _changed(series, values, exact=exact)
    return values, lost if changed is None else lost | changed


def _changed(before: pl.Series, after: pl.Series, *, exact: bool) -> pl.Series | None:
    """Whether each value became another one when its type did."""
    source, target = before.dtype, after.dtype
    if target.is_float() and source.is_integer():
        return (after.cast(pl.Int128, strict=False) != before.cast(pl.Int128)).fill_null(True) & before.is_not_null()
    if target.is_float() and source.is_float() and not exact:
        return after.is_infinite() & before.cast(pl.Float64).is_finite()
    if target.is_numeric() or target.is_temporal():
        return after.cast(source, strict=False).ne_missing(before)
    return None


def _may_become(source: Any, target: Any) -> bool:
    """Whether values of one type can be values of another at all."""
    if source.is_numeric() and target.is_numeric():
        return True
    if isinstance(source, (pl.Categorical, pl.Enum)) and target == pl.String:
        return True
    if isinstance(target, pl.Datetime) and isinstance(source, pl.Datetime):
        return (source.time_zone is None) == (target.time_zone is None)
    if isinstance(target, pl.Datetime):
        return target.time_zone is None and source == pl.Date
    if target == pl.Date:
        return isinstance(source, pl.Datetime) and source.time_zone is None
    return isinstance(target, pl.Duration) and isinstance(source, pl.Duration)


def _finer(values: pl.Series, column: Column) -> pl.Series | None:
    """Whether each time is finer than the model's own unit, where the wire has no such coarse one."""
    if (
        column.unit is None
        or (column.unit != "s" and column.type != "time")
        or (column.type, column.unit) == ("time", "ns")
    ):
        return None
    ticks = {"time": "ns", "datetime": "ms", "duration": "ms"}[column.type]
    return values.to_physical() % (PER_SECOND[ticks] // PER_SECOND[column.unit]) != 0
