"""One column of pandas at a time: taken apart, and put together with exactly its dtype."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import available_timezones

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from nbdeploy.codecs.arrow_columns import ArrowPart, arrow_type, arrow_values
from nbdeploy.codecs.columns import column_of, unfit, wire_zone
from nbdeploy.codecs.labels import plain_label, wire_name
from nbdeploy.codecs.numpy_tables import array_series, object_values
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.values import holds, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["PandasPart", "values"]

_LEVELS = (pl.String, pl.Int64, pl.UInt64, pl.Float64, pl.Boolean)
_MARKERS: dict[str | None, Any] = {"nan": np.nan, "none": None, "NA": pd.NA, "NaT": pd.NaT, None: np.nan}
_NUMPY = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))} | {
    f"float{bits}" for bits in (16, 32, 64)
}
_ARROW = "ArrowDtype"


class PandasPart(Part):
    """A column, or a level of an index. See :class:`nbdeploy.codecs.parts.Part`."""

    def __init__(self, read: Callable[[], Any], label: Any, *, level: bool = False) -> None:
        self.label = label
        self.name = wire_name(label)
        self.level = level
        self._read = read

    @cached_property
    def _series(self) -> Any:
        return self._read()

    def series(self) -> pl.Series:
        """Read the values. See :class:`nbdeploy.codecs.parts.Part`."""
        series, dtype = self._series, self._series.dtype
        if isinstance(dtype, pd.SparseDtype):
            series, dtype = series.sparse.to_dense(), dtype.subtype
        if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
            return pl.Series(np.ascontiguousarray(series.to_numpy(), dtype=dtype.newbyteorder("=")))
        if isinstance(dtype, pd.CategoricalDtype):
            return self._categorical()
        if dtype.kind == "O" and isinstance(dtype, np.dtype):
            gone = series.isna()
            listed = zip(series.tolist(), gone, strict=True)
            return series_of(self.name, [None if missing else value for value, missing in listed])
        if isinstance(dtype, pd.ArrowDtype):
            return self._arrow().series()
        if isinstance(dtype, pd.DatetimeTZDtype):
            zone = _zone(self.name, dtype)
            naive = array_series(self.name, series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
            return naive.dt.replace_time_zone("UTC").dt.convert_time_zone(wire_zone(zone) or "UTC")
        try:
            return pl.Series("", pl.from_pandas(series, nan_to_null=True))
        except (TypeError, ValueError) as error:  # Arrow's own errors and those of text are ValueErrors
            told = f"column {self.name!r} of type {dtype} cannot be read: {error}"
            raise InvalidData(told, column=self.name) from error

    def described(self) -> tuple[Column, pl.Series]:
        """Describe the column. See :class:`nbdeploy.codecs.parts.Part`."""
        series, dtype = self._series, self._series.dtype
        facts: dict[str, Any] = {"label": None if isinstance(self.label, str) else plain_label(self.label)}
        facts |= {"level": self.level}
        if isinstance(dtype, pd.ArrowDtype):
            column, read = self._arrow().described()
            return msgspec.structs.replace(column, **facts, dtype=f"{_ARROW}({column.dtype})"), read
        read = self.series()
        read = read.fill_nan(None) if read.dtype.is_float() else read
        if isinstance(dtype, pd.CategoricalDtype):
            facts |= self._levels(read)
            empty = read if read.dtype != pl.Null else read.cast(pl.String)
            return Column(self.name, "categorical", "category", nullable=read.null_count() > 0, **facts), empty
        column = column_of(self.name, read, str(dtype))
        if dtype.kind == "O" and isinstance(dtype, np.dtype):
            facts |= {"missing": self._marker(), "holds": holds([v for v in series.tolist() if not _gone(v)])}
        if isinstance(dtype, pd.SparseDtype):
            facts["fill"] = None if dtype.fill_value != dtype.fill_value else _item(dtype.fill_value)
            facts["dtype"] = f"Sparse[{dtype.subtype}]"
        if isinstance(dtype, pd.StringDtype):
            facts["dtype"] = "str" if dtype.na_value is not pd.NA else f"string[{dtype.storage}]"
        if isinstance(dtype, (np.dtype, pd.DatetimeTZDtype)) and dtype.kind in "mM":
            facts["unit"] = dtype.unit if isinstance(dtype, pd.DatetimeTZDtype) else np.datetime_data(dtype)[0]
        if isinstance(dtype, pd.DatetimeTZDtype):
            facts["timezone"] = _zone(self.name, dtype)
        return msgspec.structs.replace(column, **facts), read

    def _arrow(self) -> ArrowPart:
        return ArrowPart(self.name, pa.chunked_array(pa.array(self._series)), self.label)

    def _categorical(self) -> pl.Series:
        objects = self._series.astype(object)
        found = series_of(self.name, objects.where(objects.notna(), None).tolist())
        if found.dtype == pl.Null:
            levels = series_of(self.name, self._series.cat.categories.tolist())
            return found.cast(levels.dtype) if levels.dtype in _LEVELS else found
        return found

    def _levels(self, read: pl.Series) -> dict[str, Any]:
        dtype = self._series.dtype
        levels = dtype.categories.tolist()
        kinds = {type(level) for level in levels}
        finite = all(level - level == 0 for level in levels) if kinds == {float} else True
        if kinds not in ({str}, {int}, {float}, {bool}, set()) or not finite or read.dtype not in (*_LEVELS, pl.Null):
            raise unfit(self.name, f"category of {dtype.categories.dtype}")
        kind = dtype.categories.dtype
        return {
            "categories": levels,
            "categories_dtype": "str" if isinstance(kind, pd.StringDtype) and kind.na_value is not pd.NA else str(kind),
            "ordered": bool(dtype.ordered),
        }

    def _marker(self) -> str | None:
        found = {_marker(value) for value in self._series[self._series.isna()].tolist()}
        if len(found) > 1:
            raise InvalidData(
                f"column {self.name!r} has {' and '.join(sorted(found))} for a missing value, which would become one: "
                "use one of them, for example column.where(column.notna(), None)",
                column=self.name,
            )
        return found.pop() if found else None


def values(series: pl.Series, column: Column) -> Any:
    """Return wire values as pandas had them."""
    if column.type == "categorical" and column.dtype == "category":
        kind, places = _category(tuple(column.categories or ()), column.categories_dtype, column.ordered)
        return pd.Categorical.from_codes([places.get(value, -1) for value in series.to_list()], dtype=kind)
    if column.dtype in _NUMPY:
        return series.to_numpy().astype(column.dtype, copy=False)
    if column.dtype == "object":
        return pd.Series(object_values(series, column, _MARKERS[column.missing]), dtype=object)
    if column.dtype.startswith(_ARROW):
        array = arrow_values(series, column, arrow_type(column.dtype[len(_ARROW) + 1 : -1]))
        return pd.arrays.ArrowExtensionArray(pa.chunked_array([array]))
    if column.dtype.startswith("Sparse["):
        fill = np.nan if column.fill is None else column.fill
        kind = pd.SparseDtype(np.dtype(column.dtype[7:-1]), fill)
        return pd.arrays.SparseArray(series.to_numpy(), dtype=kind)
    if column.type in {"datetime", "duration"}:
        return _times(series, column)
    return pd.array(series.to_numpy() if column.type == "string" else series.to_list(), dtype=column.dtype)


@lru_cache(maxsize=256)
def _category(categories: tuple[Any, ...], dtype: str | None, ordered: bool) -> tuple[Any, dict[Any, int]]:
    """Make a type of pandas' categories, with the place of each; it takes longer to make than to use."""
    places = {category: place for place, category in enumerate(categories)}
    return pd.CategoricalDtype(pd.Index(categories, dtype=dtype), ordered), places


def _times(series: pl.Series, column: Column) -> Any:
    unit = column.unit or "us"
    if column.type == "duration":
        return pd.TimedeltaIndex(series.to_numpy()).as_unit(unit)
    if column.timezone is None:
        return pd.DatetimeIndex(series.to_numpy()).as_unit(unit)
    universal = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    zone = column.timezone if column.timezone[0] not in "+-" else _offset(column.timezone)
    return pd.DatetimeIndex(universal.to_numpy()).tz_localize("UTC").tz_convert(zone).as_unit(unit)


def _zone(name: str, dtype: Any) -> str:
    """Name of a time zone, or its fixed offset."""
    key = getattr(dtype.tz, "key", None) or getattr(dtype.tz, "zone", None) or str(dtype.tz)
    if key in available_timezones():
        return str(key)
    offset = dtype.tz.utcoffset(None)
    if offset is None:
        raise InvalidData(
            f"column {name!r} has the time zone {dtype.tz}, which has no name elsewhere; "
            "convert it, for example with .dt.tz_convert('Europe/Madrid')",
            column=name,
        )
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _offset(text: str) -> dt.tzinfo:
    hours, _, minutes = text[1:].partition(":")
    distance = dt.timedelta(hours=int(hours), minutes=int(minutes))
    return dt.timezone(-distance if text[0] == "-" else distance)


def _gone(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _marker(value: Any) -> str:
    return "none" if value is None else "NA" if value is pd.NA else "NaT" if value is pd.NaT else "nan"


def _item(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
