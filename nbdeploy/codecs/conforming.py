"""Values made to conform to a column's type, if that loses nothing."""

from __future__ import annotations

from typing import Any, Literal, NoReturn

import polars as pl

from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["conform", "converted", "parse"]

_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>")


def conform(series: pl.Series, column: Column) -> pl.Series:
    """Return the series in the column's wire type, if that loses nothing.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    values = converted(series.fill_nan(None) if series.dtype.is_float() else series, column)
    if not column.nullable and values.null_count():
        _refuse(series, values.is_null(), column, "is missing, and the model was given no missing values there")
    if column.categories is not None:
        known = values.is_in(pl.Series(column.categories, dtype=values.dtype).implode()) | values.is_null()
        if not known.all():
            _refuse(series, ~known, column, f"is not one of the categories {_some(column.categories)}")
    return values


def parse(text: pl.Series, column: Column) -> pl.Series:
    """Read text as the column's type, as a CSV file needs it.

    Missing is an empty field; where the column may have missing values, or is not text, also what pandas
    takes for missing: ``NA``, ``NaN``, ``null``, ``None``, ``N/A`` and their like. A category of the column
    is never missing. So a CSV file and a table differ only in plain text that may be missing: there ``NA``
    is missing in the file, and a word like any other in the table.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    target = wire_dtype(column)
    if column.nullable or target != pl.String:
        stripped = text if target == pl.String else text.str.strip_chars()
        missing = {*_MISSING} - {str(value) for value in column.categories or ()}
        text = pl.select(pl.when(~stripped.is_in(list(missing))).then(stripped).alias(column.name)).to_series()
    if target == pl.Boolean:
        words = text.str.to_lowercase()
        values = words.replace_strict({"true": True, "1": True, "false": False, "0": False}, default=None)
    elif target == pl.String or target.is_temporal():
        return conform(text, column)
    elif target.is_integer():
        # Whole numbers with blanks are written as 3.0 by pandas.
        values = text.str.replace(r"\.0+$", "").cast(target, strict=False)
    else:
        values = text.cast(pl.Float64, strict=False)
    unread = values.is_null() & text.is_not_null()
    if unread.any():
        _refuse(text, unread, column, f"is not {_article(column.type)}")
    return conform(values, column)


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
    series = series.alias(column.name)
    target = wire_dtype(column)
    if series.dtype in (target, pl.Null):
        values, lost = series.cast(target), pl.repeat(False, len(series), eager=True)
    elif _may_become(series.dtype, target):
        text = series.dtype == pl.String and target != pl.String
        read = _parse_time(series, target) if text else series
        values = read.cast(target, strict=False)
        lost = (values.is_null() & series.is_not_null()) | _changed(read, values, exact=exact)
    else:
        values, lost = pl.repeat(None, len(series), dtype=target, eager=True), series.is_not_null()
    if column.unit == "s":  # the wire has milliseconds at least
        lost |= (values.dt.timestamp("ms") if column.type == "datetime" else values.dt.total_milliseconds()) % 1000 != 0
    if lost.any():
        finer = f" in {column.unit}" if column.unit and series.dtype.is_temporal() else ""
        _refuse(series, lost.fill_null(False), column, f"is not {_article(column.type)}{finer}")
    return values.alias(column.name)


def _changed(before: pl.Series, after: pl.Series, *, exact: bool) -> pl.Series:
    """Whether each value became another one when its type did."""
    source, target = before.dtype, after.dtype
    if target.is_float() and source.is_integer():
        exactly = 2**24 if target == pl.Float32 else 2**53
        return before.cast(pl.Int128).abs() > exactly
    if target.is_float() and not exact:
        return after.is_infinite() & before.cast(pl.Float64).is_finite()
    if target.is_numeric() or target.is_temporal():
        return after.cast(source, strict=False) != before
    return pl.repeat(False, len(before), eager=True)


def _may_become(source: Any, target: Any) -> bool:
    """Whether values of one type can be values of another at all."""
    if source.is_numeric() and target.is_numeric():
        return True
    if isinstance(source, (pl.Categorical, pl.Enum)) and target == pl.String:
        return True
    if isinstance(target, pl.Datetime) and isinstance(source, pl.Datetime):
        return (source.time_zone is None) == (target.time_zone is None)
    if isinstance(target, pl.Duration):
        return isinstance(source, pl.Duration)
    if isinstance(target, pl.Datetime) or target == pl.Date:
        return source in (pl.String, pl.Date)
    return False


def _parse_time(series: pl.Series, target: Any) -> pl.Series:
    """ISO 8601 text as dates or datetimes."""
    if target == pl.Date:
        return series.str.to_date("%Y-%m-%d", strict=False)
    read = _parse_datetime(series, target, "us")
    if target.time_unit != "ns":
        return read
    # Nanoseconds overflow in silence: only what microseconds show to be in their range is read as them.
    inside = read.cast(target, strict=False).is_not_null()
    return pl.select(pl.when(inside).then(_parse_datetime(series, target, "ns"))).to_series()


def _parse_datetime(series: pl.Series, target: Any, unit: Literal["us", "ns"]) -> pl.Series:
    aware = target.time_zone is not None
    formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
    parsed = [series.str.to_datetime(f"{f}%#z" if aware else f, time_unit=unit, strict=False) for f in formats]
    if not aware:
        parsed.append(series.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime(unit), strict=False))
    together = pl.select(pl.coalesce(*parsed)).to_series()
    return together.dt.convert_time_zone(target.time_zone) if aware else together


def _refuse(series: pl.Series, bad: pl.Series, column: Column, why: str) -> NoReturn:
    rows = bad.arg_true()
    row = int(rows[0])
    value = series[row]
    more = f" (and {len(rows) - 1} more rows)" if len(rows) > 1 else ""
    detail = f"{'the value' if value is None else repr(value)} {why}{more}; expected {_article(column.type)}"
    raise InvalidData(
        f"row {row}, column {column.name!r}: {detail}",
        row=row,
        column=column.name,
        value=value,
        expected=column.type,
        detail=detail,
    )


def _article(type_name: str) -> str:
    return f"{'an' if type_name[0] in 'aeio' else 'a'} {type_name}"


def _some(values: list[Any]) -> str:
    shown = ", ".join(repr(value) for value in values[:8])
    return shown if len(values) <= 8 else f"{shown} … ({len(values)})"
