"""NumPy arrays of one or two dimensions; columns go by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]


class Numpy:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        array = np.asarray(data)
        if array.ndim not in {1, 2}:
            raise InvalidData(f"an array of {array.ndim} dimensions is not a table; give one or two dimensions")
        if array.ndim == 1:
            return [_take("value", array)]
        return [_take(f"x{i}", array[:, i]) for i in range(array.shape[1])]

    def shape(self, data: Any) -> tuple[int, str | None]:
        return data.ndim, str(data.dtype)

    def take(self, data: Any, rows: list[int]) -> Any:
        return data[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        dtype = np.dtype(signature.dtype or "float64")
        if signature.dims == 1:
            return _values(wire[:, 0], dtype)
        if dtype.kind == "f":
            return np.ascontiguousarray(wire.fill_null(float("nan")).to_numpy().astype(dtype, copy=False))
        block = np.empty(wire.shape, dtype=dtype)
        for i in range(wire.width):
            block[:, i] = _values(wire[:, i], dtype)
        return block


CONTAINER = Numpy()


def _take(name: str, values: Any) -> tuple[Column, pl.Series]:
    dtype = str(values.dtype)
    if values.dtype.kind in "OUS":
        objects = [None if value is None or value != value else value for value in values.tolist()]
        series = series_of(name, objects)
    else:
        series = pl.Series(name, np.ascontiguousarray(values))
        series = series.fill_nan(None) if series.dtype.is_float() else series
    return column_of(series, dtype), series


def _values(series: pl.Series, dtype: np.dtype[Any]) -> Any:
    if dtype.kind != "O":
        return series.to_numpy().astype(dtype, copy=False)
    values = np.empty(len(series), dtype=object)
    values[:] = [np.nan if value is None else value for value in series.to_list()]
    return values
