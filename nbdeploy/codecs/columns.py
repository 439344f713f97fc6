"""Columns: their logical types, and how their values are kept on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = [
    "SIMPLE",
    "column_of",
    "frame_of",
    "frame_of_records",
    "item_column",
    "nameless",
    "nested_type",
    "unfit",
    "wire_dtype",
    "wire_zone",
]

SIMPLE: dict[str, Any] = {
    "binary": pl.Binary,
    "bool": pl.Boolean,
    "date": pl.Date,
    "float16": pl.Float16,
    "float32": pl.Float32,
    "float64": pl.Float64,
    "int16": pl.Int16,
    "int32": pl.Int32,
    "int64": pl.Int64,
    "int8": pl.Int8,
    "string": pl.String,
    "time": pl.Time,
    "uint16": pl.UInt16,
    "uint32": pl.UInt32,
    "uint64": pl.UInt64,
    "uint8": pl.UInt8,
}
"""Logical types that need no parameters, and how they are kept on the wire."""

_NAMES = {dtype: name for name, dtype in SIMPLE.items()}


def wire_dtype(column: Column) -> Any:
    """Polars type of a column on the wire.

    A sparse row is a list of the positions and values that are not zero, in order.

    Examples
    --------
    >>> wire_dtype(Column("age", "int64", "int64"))
    Int64
    >>> wire_dtype(Column("image", "list", "float32", items="float32", shape=[28, 28]))
    Array(Float32, shape=(28, 28))
    """
    simple = SIMPLE.get(column.type)
    return _PARAMETRIC[column.type](column) if simple is None else simple


def frame_of(columns: list[pl.Series]) -> pl.DataFrame:
    """Return columns as a frame, under their names; a list alone would rename one without a name."""
    return pl.DataFrame(columns if all(series.name for series in columns) else {s.name: s for s in columns})


def frame_of_records(records: Sequence[Sequence[Any]], signature: Signature) -> pl.DataFrame:
    """Return bound records as wire rows."""
    columns = zip(signature.columns, zip(*records, strict=True), strict=True)
    return frame_of([pl.Series(column.name, values, dtype=wire_dtype(column)) for column, values in columns])


def nameless(frame: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of a frame without their names.

    Methods of a Polars series look for it by its name, and take a name such as ``^a$`` for a pattern.
    """
    return [series.alias("") for series in frame.get_columns()]


def column_of(name: str, series: pl.Series, dtype: str) -> Column:
    """Describe a nameless Polars series as a column; `dtype` is the caller's own name of its type.

    NaN counts as missing.

    Raises
    ------
    InvalidData
        If it has only missing values, or no logical type fits.
    """
    kind = series.dtype
    gaps = series.null_count() > 0
    if kind == pl.Null or (isinstance(kind, (pl.List, pl.Array)) and nested_type(kind)[0] == pl.Null):
        raise InvalidData(
            f"column {name!r} has only missing values, so its type is unknown; "
            "give data with values in it, or leave the column out",
            column=name,
        )
    if isinstance(kind, pl.Datetime):
        return Column(name, "datetime", dtype, nullable=gaps, unit=kind.time_unit, timezone=kind.time_zone)
    if isinstance(kind, pl.Duration):
        return Column(name, "duration", dtype, nullable=gaps, unit=kind.time_unit)
    if isinstance(kind, (pl.Categorical, pl.Enum)):
        values = list(kind.categories) if isinstance(kind, pl.Enum) else _levels(series)
        return Column(name, "categorical", dtype, nullable=gaps, categories=values)
    if isinstance(kind, pl.Decimal):
        return Column(name, "decimal", dtype, nullable=gaps, precision=kind.precision or 38, scale=kind.scale)
    if isinstance(kind, (pl.List, pl.Array)):
        return _nested(name, series, dtype)
    nans = kind.is_float() and bool(series.is_nan().any())
    marker = "nan" if nans and not gaps else None
    if nans and gaps:
        raise InvalidData(
            f"column {name!r} has both NaN and null for a missing value, which would become one: "
            "use one of them, for example df.with_columns(pl.col(...).fill_nan(None))",
            column=name,
        )
    if type(kind) not in _NAMES:
        raise unfit(name, dtype)
    return Column(name, _NAMES[type(kind)], dtype, nullable=gaps or nans, missing=marker)


def unfit(name: str, dtype: str) -> InvalidData:
    """Return the error that a type has no place in a signature."""
    return InvalidData(
        f"column {name!r} has type {dtype}, which has no place in a signature; there are: {', '.join(SIMPLE)}, "
        "decimal, datetime, duration, categorical (of text, numbers or booleans), and lists of numbers or text",
        column=name,
    )


def nested_type(kind: Any) -> tuple[Any, list[int | None]]:
    """Return the type of the items of a list or an array, and its lengths, None where they vary."""
    shape: list[int | None] = []
    while isinstance(kind, (pl.List, pl.Array)):
        shape.append(kind.shape[0] if isinstance(kind, pl.Array) else None)
        kind = kind.inner
    return kind, shape


def item_column(column: Column) -> Column:
    """Return the column that the items of a list or a sparse row are values of."""
    return Column(column.name, str(column.items), str(column.items), nullable=column.gaps)


def wire_zone(zone: str | None) -> str | None:
    """Return the time zone that the wire has: fixed offsets travel as UTC."""
    return "UTC" if zone is not None and zone[0] in "+-" else zone


def _nested(name: str, series: pl.Series, dtype: str) -> Column:
    kind, shape = nested_type(series.dtype)
    if _NAMES.get(type(kind), "binary") in {"binary", "date", "time"}:
        raise unfit(name, dtype)
    inside = series.drop_nulls()
    for _ in shape:
        inside = inside.explode(empty_as_null=False, keep_nulls=True)
    if inside.null_count():
        raise InvalidData(
            f"column {name!r} has lists with missing values in them; there, NaN alone is understood", column=name
        )
    gaps = inside.dtype.is_float() and bool(inside.is_nan().any())
    items = _NAMES[type(kind)]
    return Column(name, "list", dtype, nullable=series.null_count() > 0, items=items, shape=shape, gaps=gaps)


def _levels(series: pl.Series) -> list[str]:
    return series.cast(pl.String).drop_nulls().unique().sort().to_list()


def _categorical(column: Column) -> Any:
    first = (column.categories or [""])[0]
    if isinstance(first, (str, bool)):
        return pl.String if isinstance(first, str) else pl.Boolean
    if isinstance(first, int) and all(type(value) is int for value in column.categories or ()):
        return pl.UInt64 if max(column.categories or ()) >= 2**63 else pl.Int64
    return pl.Float64


def _list(column: Column) -> Any:
    kind = SIMPLE[str(column.items)]
    for size in reversed(column.shape or ()):
        kind = pl.List(kind) if size is None else pl.Array(kind, size)
    return kind


_PARAMETRIC: dict[str, Any] = {
    "categorical": _categorical,
    "datetime": lambda column: pl.Datetime(_unit(column), wire_zone(column.timezone)),
    "decimal": lambda column: pl.Decimal(column.precision, column.scale),
    "duration": lambda column: pl.Duration(_unit(column)),
    "list": _list,
    "sparse": lambda column: pl.List(pl.Struct({"index": pl.UInt32, "value": SIMPLE[str(column.items)]})),
}


def _unit(column: Column) -> Literal["ns", "us", "ms"]:
    return cast(Literal["ns", "us", "ms"], {"s": "ms"}.get(column.unit or "us", column.unit or "us"))
