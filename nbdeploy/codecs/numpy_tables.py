"""NumPy arrays of one or two dimensions; columns go by position."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "array_series"]

_UNITS = ("s", "ms", "us", "ns")


class Numpy:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        array = _unmasked(data)
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
        return np.stack([_values(column, dtype) for column in wire.get_columns()], axis=1)


CONTAINER = Numpy()


def array_series(name: str, values: Any) -> pl.Series:
    """Return a one-dimensional array as a series; of objects, None and NaN are missing.

    Raises
    ------
    InvalidData
        If it has masked values, or its type is not one of a column.
    """
    values = _unmasked(values)
    kind = values.dtype.kind
    if kind in "OUS":
        return series_of(name, [None if value is None or value != value else value for value in values.tolist()])
    if kind in "mM":
        unit = np.datetime_data(values.dtype)[0]
        if unit not in _UNITS and values.dtype != "M8[D]":
            raise InvalidData(
                f"column {name!r} has type {values.dtype}; units are {', '.join(_UNITS)}, and D for dates: "
                f"give array.astype('{values.dtype.name.partition('[')[0]}[s]'), for example",
                column=name,
            )
        if unit == "s":
            values = values.astype(f"{kind}8[ms]")
    return pl.Series(name, np.ascontiguousarray(values))


def _unmasked(values: Any) -> Any:
    if np.ma.is_masked(values):
        raise InvalidData("the array has masked values; say what they are: array.filled(np.nan), for example")
    return np.asarray(values)


def _take(name: str, values: Any) -> tuple[Column, pl.Series]:
    series = array_series(name, values)
    series = series.fill_nan(None) if series.dtype.is_float() else series
    column = column_of(series, str(values.dtype))
    if column.type in {"datetime", "duration"} and values.dtype.kind in "mM":
        unit = np.datetime_data(values.dtype)[0]
        column = msgspec.structs.replace(column, unit=unit)
    return column, series


def _values(series: pl.Series, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "U":
        # As wide as the widest text: the width of the data given would cut longer text off.
        text = np.array(series.to_list(), dtype=str)
        return text.astype(np.promote_types(text.dtype, dtype))
    if dtype.kind != "O":
        return series.to_numpy().astype(dtype, copy=False)
    values = np.empty(len(series), dtype=object)
    values[:] = [np.nan if value is None else value for value in series.to_list()]
    return values
