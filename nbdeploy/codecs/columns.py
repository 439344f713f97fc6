"""Columns: their logical types, their labels, and how their values are kept on the wire."""

from __future__ import annotations

from typing import Any, Literal, cast

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["SIMPLE", "column_of", "labels", "plain_label", "series_of", "typed", "wire_dtype"]

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

_NAMES = {pl.Null: "null", **{dtype: name for name, dtype in SIMPLE.items()}}
_MANY = {"categorical", "datetime", "duration"}


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

    A series without values is of type ``null``, and one that no logical type fits is ``unknown``:
    that matters to a signature, which takes :func:`typed` columns, but not to binding.
    NaN counts as missing.
    """
    kind = series.dtype
    name, gaps = series.name, series.null_count() > 0
    if isinstance(kind, pl.Datetime):
        return Column(name, "datetime", dtype, nullable=gaps, unit=kind.time_unit, timezone=kind.time_zone)
    if isinstance(kind, pl.Duration):
        return Column(name, "duration", dtype, nullable=gaps, unit=kind.time_unit)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        values = list(kind.categories) if isinstance(kind, pl.Enum) else _levels(series)
        return Column(name, "categorical", dtype, nullable=gaps, categories=values)
    nans = kind.is_float() and bool(series.is_nan().any())
    marker = "nan" if nans and not gaps else None
    return Column(name, _NAMES.get(type(kind), "unknown"), dtype, nullable=gaps or nans, missing=marker)


def typed(column: Column) -> Column:
    """Return the column, if its type has a place in a signature.

    Raises
    ------
    InvalidData
        If it has only missing values, or no logical type fits.
    """
    if column.type == "null":
        raise InvalidData(
            f"column {column.name!r} has only missing values, so its type is unknown; "
            "give data with values in it, or leave the column out",
            column=column.name,
        )
    if column.type not in SIMPLE and column.type not in _MANY:
        raise InvalidData(
            f"column {column.name!r} has type {column.dtype}, which has no place in a signature; "
            f"there are: {', '.join(SIMPLE)}, categorical (of text or numbers), datetime, duration",
            column=column.name,
        )
    return column


def plain_label(label: Any) -> Any:
    """Return a label as JSON can hold it; None where it is the wire name itself.

    Raises
    ------
    InvalidData
        If it is neither text nor a number.
    """
    if isinstance(label, str):
        return None
    label = label.item() if hasattr(label, "dtype") and hasattr(label, "item") else label
    if isinstance(label, (bool, int, float)):
        return label
    raise InvalidData(
        f"column label {label!r} is a {type(label).__name__}; labels are text or numbers: "
        "flatten the columns first, for example df.columns = ['_'.join(c) for c in df.columns]",
        column=str(label),
    )


def labels(columns: list[Column]) -> list[Any]:
    """Return the container's own labels of columns.

    Examples
    --------
    >>> labels([Column("age", "int64", "int64"), Column("7", "int64", "int64", label=7)])
    ['age', 7]
    """
    return [column.name if column.label is None else column.label for column in columns]


def _levels(series: pl.Series) -> list[str]:
    return series.cast(pl.String).drop_nulls().unique().sort().to_list()


def series_of(name: str, values: list[Any]) -> pl.Series:
    """Make a typed series of Python values; integers among floats become floats.

    Raises
    ------
    InvalidData
        If the values are of kinds that do not go together, or one is more than a column can hold.
    """
    kinds = {type(value) for value in values if value is not None}
    if bool in kinds and len(kinds) > 1:
        raise _mixed(name, values, bool)
    try:
        return pl.Series(name, values, dtype=pl.Float64 if kinds == {int, float} else None, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError, UnicodeError):
        if len(kinds) == 1:
            raise _beyond(name, values) from None
        raise _mixed(name, values, type(next(value for value in values if value is not None))) from None


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


def _beyond(name: str, values: list[Any]) -> InvalidData:
    row, value = next(((row, value) for row, value in enumerate(values) if not _fits(value)), (0, values[0]))
    why = {int: "has more than 64 bits", str: "is not valid Unicode text"}.get(type(value), "cannot be read")
    return InvalidData(f"row {row}, column {name!r}: {value!r:.60} {why}", row=row, column=name, value=value)


def _fits(value: Any) -> bool:
    try:
        pl.Series([value], strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError, UnicodeError):
        return False
    return True


def _unit(column: Column) -> Literal["ns", "us", "ms"]:
    return cast(Literal["ns", "us", "ms"], {"s": "ms"}.get(column.unit or "us", column.unit or "us"))
