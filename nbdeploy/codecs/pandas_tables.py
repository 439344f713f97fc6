"""pandas frames and series, versions 2 and 3, rebuilt with their exact dtypes and labels."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl

from nbdeploy.codecs.columns import column_of, labels, plain_label, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]

_LEVELS = (pl.String, pl.Int64, pl.UInt64, pl.Float64, pl.Boolean, pl.Null)
_MARKERS: dict[str | None, Any] = {"nan": np.nan, "none": None, "NA": pd.NA, None: np.nan}


class Pandas:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        if isinstance(data, pd.Series):
            return [_take(data, "value" if data.name is None else data.name)]
        if not isinstance(data, pd.DataFrame):
            raise InvalidData(f"a pandas {type(data).__name__} is not a table; give a DataFrame or a Series")
        return [_take(data.iloc[:, i], label) for i, label in enumerate(data.columns)]

    def shape(self, data: Any) -> tuple[int, str | None]:
        return data.ndim, None

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.iloc[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        names = labels(signature.columns)
        if signature.dims == 1:
            return pd.Series(_values(wire[:, 0], signature.columns[0]), name=names[0])
        kinds = {column.dtype for column in signature.columns}
        if kinds in ({"float64"}, {"float32"}):
            # One block in row order: linear algebra reads it as it stands, so a row's bits stay its own.
            block = np.ascontiguousarray(wire.fill_null(float("nan")).to_numpy())
            return pd.DataFrame(block, columns=pd.Index(names), copy=False)
        values = {i: _values(wire[:, i], column) for i, column in enumerate(signature.columns)}
        frame = pd.DataFrame(values, copy=False)
        frame.columns = pd.Index(names)
        return frame


CONTAINER = Pandas()


def _take(series: pd.Series, label: Any) -> tuple[Column, pl.Series]:
    name = str(label)
    dtype = str(series.dtype)
    if isinstance(series.dtype, pd.CategoricalDtype):
        column, values = _take_categorical(name, series)
    elif dtype == "object":
        column, values = _take_objects(name, series)
    else:
        if isinstance(series.dtype, pd.SparseDtype):
            series = series.sparse.to_dense()
        values = _read(name, series)
        column = column_of(values, dtype)
    if column.type in {"datetime", "duration"}:
        column = msgspec.structs.replace(column, unit=_unit(series.dtype) or column.unit)
    return msgspec.structs.replace(column, label=plain_label(label)), values


def _read(name: str, series: pd.Series) -> pl.Series:
    try:
        return pl.Series(name, pl.from_pandas(series, nan_to_null=True))
    except (TypeError, ValueError) as error:  # Arrow's own errors and those of text are ValueErrors
        raise InvalidData(f"column {name!r} of type {series.dtype} cannot be read: {error}", column=name) from error


def _unit(dtype: Any) -> str | None:
    """The unit of pandas' and Arrow's times; None for objects, whose unit is that of their wire type."""
    if isinstance(dtype, np.dtype):
        return np.datetime_data(dtype)[0] if dtype.kind in "mM" else None
    return getattr(getattr(dtype, "pyarrow_dtype", dtype), "unit", None)


def _take_categorical(name: str, series: Any) -> tuple[Column, pl.Series]:
    categories = series.cat.categories.tolist()
    objects = series.astype(object)
    values = series_of(name, objects.where(objects.notna(), None).tolist())
    levels = series_of(name, categories)
    if values.dtype == pl.Null and categories:
        values = values.cast(levels.dtype)
    return (
        Column(
            name,
            "categorical" if levels.dtype in _LEVELS else "unknown",
            "category" if levels.dtype in _LEVELS else f"category of {series.cat.categories.dtype}",
            nullable=values.null_count() > 0,
            categories=categories,
            ordered=bool(series.cat.ordered),
            categories_dtype=str(series.cat.categories.dtype),
        ),
        values,
    )


def _take_objects(name: str, series: Any) -> tuple[Column, pl.Series]:
    missing = series.isna()
    absent = series[missing].iloc[0] if missing.any() else None
    marker = None if not missing.any() else "none" if absent is None else "NA" if absent is pd.NA else "nan"
    values = series_of(name, [None if gone else value for value, gone in zip(series.tolist(), missing, strict=True)])
    return msgspec.structs.replace(column_of(values, "object"), missing=marker), values


def _values(series: pl.Series, column: Column) -> Any:
    """The column's values as pandas had them."""
    if column.type == "categorical":
        categories = pd.Index(column.categories or [], dtype=column.categories_dtype)
        return pd.Categorical(series.to_list(), categories=categories, ordered=column.ordered)
    if column.dtype == "object":
        values = np.empty(len(series), dtype=object)
        values[:] = series.to_list()
        values[series.is_null().to_numpy()] = _MARKERS[column.missing]
        return pd.Series(values, dtype=object)
    if column.type in {"datetime", "duration"}:
        times = _times(series, column)
        return pd.Series(times).astype(column.dtype) if column.dtype.endswith("[pyarrow]") else times
    if column.dtype in _NUMPY:
        return series.to_numpy().astype(column.dtype, copy=False)
    return pd.array(series.to_numpy() if column.type == "string" else series.to_list(), dtype=column.dtype)


def _times(series: pl.Series, column: Column) -> Any:
    unit = column.unit or "us"
    if column.type == "duration":
        return pd.TimedeltaIndex(series.to_numpy()).as_unit(unit)
    if column.timezone is None:
        return pd.DatetimeIndex(series.to_numpy()).as_unit(unit)
    universal = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return pd.DatetimeIndex(universal.to_numpy()).tz_localize("UTC").tz_convert(column.timezone).as_unit(unit)


_NUMPY = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "float32", "float64"}
