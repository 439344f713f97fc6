"""Which values fit which columns of a table that is there already."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["family", "fits", "plain"]

_FITS = {("integer", "float"), ("decimal", "float"), ("integer", "decimal"), ("date", "datetime")}
_SIGNED: dict[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Decimal(20, 0),
}
_FAMILIES: Sequence[tuple[type[pl.DataType], str]] = (
    (pl.Boolean, "boolean"),
    (pl.String, "text"),
    (pl.Date, "date"),
    (pl.Datetime, "datetime"),
    (pl.Time, "time"),
    (pl.Duration, "duration"),
    (pl.Binary, "bytes"),
    (pl.Decimal, "decimal"),
)


def family(kind: pl.DataType) -> str:
    """Name what a type's values are.

    Examples
    --------
    >>> family(pl.Int16()), family(pl.Float32()), family(pl.List(pl.Int8))
    ('integer', 'float', 'other')
    """
    if kind.is_integer():
        return "integer"
    if kind.is_float():
        return "float"
    return next((name for one, name in _FAMILIES if isinstance(kind, one)), "other")


def fits(given: pl.DataType, column: pl.DataType) -> bool:
    """Whether a column holds all values of a type without changing them, apart from how many digits it has."""
    if isinstance(column, pl.Unknown):  # it was declared without a type
        return True
    if isinstance(given, pl.Decimal) and isinstance(column, pl.Decimal):
        return given.scale <= column.scale
    one, other = family(given), family(column)
    return one == other or (one, other) in _FITS


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return rows in types that every database has: signed numbers, text instead of categories.

    Raises
    ------
    InvalidData
        If a column's values are lists or structures.
    """
    casts = []
    for name, kind in frame.schema.items():
        if kind.is_nested() or isinstance(kind, pl.Object):
            raise InvalidData(
                f"column {name!r} holds {kind}, which is no type of a table's column; leave it out with --keep",
                column=name,
            )
        if isinstance(kind, pl.Categorical | pl.Enum | pl.Null):
            casts.append(pl.col(name).cast(pl.String))
        elif type(kind) in _SIGNED:
            casts.append(pl.col(name).cast(_SIGNED[type(kind)]))
        elif isinstance(kind, pl.Datetime) and kind.time_unit != "us":
            casts.append(pl.col(name).cast(pl.Datetime("us", kind.time_zone)))
        elif isinstance(kind, pl.Duration) and kind.time_unit != "us":
            casts.append(pl.col(name).cast(pl.Duration("us")))
    return frame.with_columns(casts) if casts else frame
