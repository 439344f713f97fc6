"""Columns kept by Arrow, in Arrow's own tables and in pandas, with their exact types."""

from __future__ import annotations

import re
from typing import Any
from zoneinfo import available_timezones

import msgspec
import polars as pl
import pyarrow as pa

from nbdeploy.codecs.columns import column_of, unfit
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.polars_tables import native
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["ArrowPart", "arrow_type", "arrow_values"]

_PLAIN = {
    "binary": pa.binary(), "bool": pa.bool_(), "date32[day]": pa.date32(), "date64[ms]": pa.date64(),
    "double": pa.float64(), "float": pa.float32(), "halffloat": pa.float16(), "large_binary": pa.large_binary(),
    "large_string": pa.large_string(), "string": pa.string(), "string_view": pa.string_view(),
    **{f"{sign}int{bits}": getattr(pa, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)},
    **{f"duration[{unit}]": pa.duration(unit) for unit in ("s", "ms", "us", "ns")},
    **{f"time32[{unit}]": pa.time32(unit) for unit in ("s", "ms")},
    **{f"time64[{unit}]": pa.time64(unit) for unit in ("us", "ns")},
}  # fmt: skip
_TIMESTAMP = re.compile(r"timestamp\[(s|ms|us|ns)(?:, tz=([^\]]+))?\]")
_DECIMAL = re.compile(r"decimal(32|64|128)\((\d+), (\d+)\)")
_LIST = re.compile(r"(large_list|list|fixed_size_list)<([^:]*): (.*?)( not null)?>(?:\[(\d+)\])?")
_DICTIONARY = re.compile(r"dictionary<values=(.+), indices=(u?int(?:8|16|32|64)), ordered=([01])>")


def arrow_type(text: str) -> pa.DataType:
    """Return the Arrow type that a text names, as ``str`` of a type writes it.

    Raises
    ------
    ValueError
        If it is none that a signature has.

    Examples
    --------
    >>> arrow_type("list<item: double>")
    ListType(list<item: double>)
    """
    if text in _PLAIN:
        return _PLAIN[text]
    if found := _TIMESTAMP.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    if found := _DECIMAL.fullmatch(text):
        return getattr(pa, f"decimal{found[1]}")(int(found[2]), int(found[3]))
    if found := _LIST.fullmatch(text):
        item = pa.field(found[2], arrow_type(found[3]), nullable=found[4] is None)
        if found[1] == "fixed_size_list":
            return pa.list_(item, int(found[5]))
        return (pa.large_list if found[1] == "large_list" else pa.list_)(item)
    if found := _DICTIONARY.fullmatch(text):
        return pa.dictionary(_PLAIN[found[2]], arrow_type(found[1]), ordered=found[3] == "1")
    raise ValueError(f"{text!r:.80} is no type of Arrow that a column has")


class ArrowPart(Part):
    """One column of an Arrow table. See :class:`nbdeploy.codecs.parts.Part`."""

    def __init__(self, name: str, array: Any, label: Any = None) -> None:
        self.name = name
        self.label = name if label is None else label
        self._array = array

    def series(self) -> pl.Series:
        """Read the values. See :class:`nbdeploy.codecs.parts.Part`."""
        kind, array = self._array.type, self._array
        if isinstance(kind, pa.DictionaryType):
            array, kind = array.cast(kind.value_type), kind.value_type
        if getattr(kind, "tz", None) and kind.tz not in available_timezones():
            array = array.cast(pa.timestamp(kind.unit, "UTC"))
        try:
            return pl.Series(array)
        except (TypeError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise InvalidData(f"column {self.name!r} of type {kind} cannot be read: {error}") from error

    def described(self) -> tuple[Column, pl.Series]:
        """Describe the column. See :class:`nbdeploy.codecs.parts.Part`."""
        series, kind = self.series(), self._array.type
        try:
            arrow_type(str(kind))
        except ValueError:
            raise unfit(self.name, str(kind)) from None
        column = column_of(self.name, series, str(kind))
        facts: dict[str, Any] = {}
        if column.type in {"datetime", "duration", "time"}:
            facts["unit"] = getattr(kind, "unit", column.unit)
        if getattr(kind, "tz", None):
            facts["timezone"] = kind.tz
        if isinstance(kind, pa.DictionaryType):
            facts |= {"type": "categorical", "categories": self._levels(), "ordered": kind.ordered, "missing": None}
        return msgspec.structs.replace(column, **facts), series

    def _levels(self) -> list[Any]:
        array = self._array
        whole = array.unify_dictionaries().combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        chunk = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        levels = chunk.dictionary.to_pylist()
        if {type(level) for level in levels} not in ({str}, {int}, {float}, {bool}):
            raise unfit(self.name, str(array.type))
        return list(levels)


def arrow_values(series: pl.Series, column: Column, kind: pa.DataType) -> Any:
    """Return wire values as an Arrow array of exactly a type."""
    if isinstance(kind, pa.DictionaryType):
        places = pl.Series(range(len(column.categories or ())), dtype=pl.UInt32)
        levels = pl.Series(column.categories, dtype=series.dtype)
        indices = series.replace_strict(levels, places, default=None, return_dtype=pl.UInt32)
        whole = pa.array(column.categories, kind.value_type)
        return pa.DictionaryArray.from_arrays(indices.to_arrow().cast(kind.index_type), whole, ordered=kind.ordered)
    return native(series, column).to_arrow().cast(kind)
