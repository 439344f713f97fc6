"""Columns: their logical types, and values made to conform to them without loss."""

from __future__ import annotations

from typing import Any, Literal, NoReturn, cast

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["SIMPLE", "column_of", "conform", "parse", "series_of", "wire_dtype"]

SIMPLE: dict[str, Any] = {
    "bool": pl.Boolean,
    "date": pl.Date,
    "float32": pl.Float32,
    "float64": pl.Float64,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "int8": pl.Int8,
    "string": pl.String,
    "uint16": pl.UInt16,
    "uint32": pl.UInt32,
    "uint64": pl.UInt64,
    "uint8": pl.UInt8,
}
"""Logical types that need no parameters, and how they are kept on the wire."""

_NAMES = {dtype: name for name, dtype in SIMPLE.items()}
_EXACT_IN_FLOAT64 = 2**53


def wire_dtype(column: Column) -> Any:
    """Polars type of a column on the wire.

    Examples
    --------
    >>> wire_dtype(Column("age", "int64", "int64"))
    Int64
    """
    if column.type == "datetime":
        return pl.Datetime(_unit(column), column.timezone)
    if column.type == "duration":
        return pl.Duration(_unit(column))
    if column.type == "categorical":
        return pl.Series(column.categories or [""]).dtype
    return SIMPLE[column.type]


def column_of(series: pl.Series, dtype: str) -> Column:
    """Describe a Polars series as a column; `dtype` is the caller's own name of its type.

    Raises
    ------
    InvalidData
        If no logical type fits.
    """
    kind = series.dtype
    nullable = series.null_count() > 0
    if isinstance(kind, pl.Datetime):
        return Column(series.name, "datetime", dtype, nullable=nullable, unit=kind.time_unit, timezone=kind.time_zone)
    if isinstance(kind, pl.Duration):
        return Column(series.name, "duration", dtype, nullable=nullable, unit=kind.time_unit)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        values = list(kind.categories) if isinstance(kind, pl.Enum) else _levels(series)
        return Column(series.name, "categorical", dtype, nullable=nullable, categories=values)
    if kind == pl.Null:
        raise InvalidData(
            f"column {series.name!r} has only missing values, so its type is unknown; "
            "give data with values in it, or leave the column out",
            column=series.name,
        )
    if type(kind) not in _NAMES:
        raise InvalidData(
            f"column {series.name!r} has type {dtype}, which has no place in a signature; "
            f"there are: {', '.join(SIMPLE)}, categorical, datetime, duration",
            column=series.name,
        )
    return Column(series.name, _NAMES[type(kind)], dtype, nullable=nullable)


def _levels(series: pl.Series) -> list[str]:
    return series.cast(pl.String).drop_nulls().unique().sort().to_list()


def series_of(name: str, values: list[Any]) -> pl.Series:
    """Make a typed series of Python values; integers among floats become floats.

    Raises
    ------
    InvalidData
        If the values are of kinds that do not go together.
    """
    kinds = {type(value) for value in values if value is not None}
    if bool in kinds and len(kinds) > 1:
        raise _mixed(name, values, bool)
    try:
        return pl.Series(name, values, dtype=pl.Float64 if kinds == {int, float} else None, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        first = type(next(value for value in values if value is not None))
        raise _mixed(name, values, first) from None


def _mixed(name: str, values: list[Any], kind: type) -> InvalidData:
    row, value = next(
        ((row, value) for row, value in enumerate(values) if value is not None and type(value) is not kind),
        (0, values[0]),
    )
    return InvalidData(
        f"row {row}, column {name!r}: {value!r} is a {type(value).__name__}, but other rows have {kind.__name__}",
        row=row,
        column=name,
        value=value,
    )


def conform(series: pl.Series, column: Column) -> pl.Series:
    """Return the series in the column's wire type, if that loses nothing.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    series = series.alias(column.name)
    if series.dtype in (pl.Float64, pl.Float32):
        series = series.fill_nan(None)
    target = wire_dtype(column)
    converted = series if series.dtype == target else _convert(series, column, target)
    if not column.nullable and converted.null_count():
        _refuse(series, converted.is_null(), column, "is missing, and the model was given no missing values there")
    if column.categories is not None:
        known = converted.is_in(pl.Series(column.categories, dtype=target).implode()) | converted.is_null()
        if not known.all():
            _refuse(series, ~known, column, f"is not one of the categories {_some(column.categories)}")
    return converted


def parse(text: pl.Series, column: Column) -> pl.Series:
    """Read text as the column's type, as a CSV file needs it.

    Missing is an empty field; where the column may have missing values, or is not text, also what pandas
    takes for missing: ``NA``, ``NaN``, ``null``, ``None``, ``N/A`` and their like.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    target = wire_dtype(column)
    if column.nullable or target != pl.String:
        stripped = text if target == pl.String else text.str.strip_chars()
        text = pl.select(pl.when(~stripped.is_in(_MISSING)).then(stripped).alias(column.name)).to_series()
    if target == pl.Boolean:
        words = text.str.to_lowercase()
        values = words.replace_strict({"true": True, "1": True, "false": False, "0": False}, default=None)
    elif target == pl.String or target.is_temporal():
        return conform(text, column)
    elif target.is_integer():
        # Whole numbers with blanks are written as 3.0 by pandas.
        values = text.str.replace(r"\.0+$", "").cast(target, strict=False)
    else:
        values = text.cast(target, strict=False)
    unread = values.is_null() & text.is_not_null()
    if unread.any():
        _refuse(text, unread, column, f"is not {_article(column.type)}")
    return conform(values, column)


_MISSING = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]


def _convert(series: pl.Series, column: Column, target: Any) -> pl.Series:
    if series.dtype == pl.Null:
        return series.cast(target)
    if not _may_become(series.dtype, target):
        present = series.is_not_null()
        if not present.any():
            return pl.Series(column.name, [None] * len(series), dtype=target)
        _refuse(series, present, column, f"is not {_article(column.type)}")
    if series.dtype == pl.String and target != pl.String:
        converted = _parse_time(series, target)
    else:
        converted = series.cast(target, strict=False)
    lost = converted.is_null() & series.is_not_null()
    if target.is_integer() and series.dtype.is_float():
        lost |= (converted.cast(pl.Float64) != series).fill_null(False)
    if target.is_float() and series.dtype.is_integer():
        lost |= (series.cast(pl.Int128).abs() > _EXACT_IN_FLOAT64).fill_null(False)
    if lost.any():
        _refuse(series, lost, column, f"is not {_article(column.type)}")
    return converted


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
    aware = target.time_zone is not None
    formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
    parsed = [
        series.str.to_datetime(f"{f}%#z" if aware else f, time_unit=target.time_unit, strict=False) for f in formats
    ]
    if not aware:
        parsed.append(series.str.to_date("%Y-%m-%d", strict=False).cast(target))
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


def _unit(column: Column) -> Literal["ns", "us", "ms"]:
    return cast(Literal["ns", "us", "ms"], {"s": "ms"}.get(column.unit or "us", column.unit or "us"))
