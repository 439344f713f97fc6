"""pandas frames and series, versions 2 and 3, rebuilt with their exact dtypes and labels."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl

from nbdeploy.codecs.columns import column_of, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]

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
        labels = [column.name if column.label is None else column.label for column in signature.columns]
        if signature.dims == 1:
            return pd.Series(_values(wire[:, 0], signature.columns[0]), name=labels[0])
        kinds = {column.dtype for column in signature.columns}
        if kinds in ({"float64"}, {"float32"}):
            # One block in row order: linear algebra reads it as it stands, so a row's bits stay its own.
            block = np.ascontiguousarray(wire.fill_null(float("nan")).to_numpy())
            return pd.DataFrame(block, columns=pd.Index(labels), copy=False)
        values = {i: _values(wire[:, i], column) for i, column in enumerate(signature.columns)}
        frame = pd.DataFrame(values, copy=False)
        frame.columns = pd.Index(labels)
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
        values = pl.Series(name, pl.from_pandas(series, nan_to_null=True))
        column = column_of(values, dtype)
    if column.type in {"datetime", "duration"}:
        column = msgspec.structs.replace(column, unit=getattr(series.dtype, "unit", None) or np.datetime_data(dtype)[0])
    return msgspec.structs.replace(column, label=_plain(label)), values


def _plain(label: Any) -> Any:
    """A label as JSON can hold it; None where it is the wire name itself."""
    if isinstance(label, str):
        return None
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, (bool, int, float)):
        return label
    raise InvalidData(
        f"column label {label!r} is a {type(label).__name__}; labels are text or numbers: "
        "flatten the columns first, for example df.columns = ['_'.join(c) for c in df.columns]",
        column=str(label),
    )


def _take_categorical(name: str, series: Any) -> tuple[Column, pl.Series]:
    categories = series.cat.categories.tolist()
    objects = series.astype(object)
    values = series_of(name, objects.where(objects.notna(), None).tolist())
    if values.dtype == pl.Null:
        values = values.cast(pl.Series(categories or [""]).dtype)
    return (
        Column(
            name,
            "categorical",
            "category",
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
    if column.type == "datetime":
        stamps = (
            pd.DatetimeIndex(series.dt.replace_time_zone(None).to_numpy())
            if column.timezone is None
            else (
                pd.DatetimeIndex(series.dt.convert_time_zone("UTC").dt.replace_time_zone(None).to_numpy())
                .tz_localize("UTC")
                .tz_convert(column.timezone)
            )
        )
        return stamps.as_unit(column.unit or "us")
    if column.type == "duration":
        return pd.TimedeltaIndex(series.to_numpy()).as_unit(column.unit or "us")
    if column.dtype in _NUMPY:
        return series.to_numpy().astype(column.dtype, copy=False)
    return pd.array(series.to_numpy() if column.type == "string" else series.to_list(), dtype=column.dtype)


_NUMPY = {"bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)), "float32", "float64"}
