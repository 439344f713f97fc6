"""NumPy arrays: columns of one or two dimensions go by position; more dimensions are one column of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, frame_of, nameless
from nbdeploy.codecs.parts import Part, SeriesPart
from nbdeploy.codecs.values import holds, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = [
    "CONTAINER",
    "array_series",
    "is_plain_matrix",
    "marker",
    "matrix_frame",
    "object_values",
    "quick_matrix",
    "record_matrix",
]

_UNITS = ("s", "ms", "us", "ns")


class Numpy:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        array = _unmasked(data)
        if array.ndim == 0 or array.dtype.names:
            told = "a single value" if array.ndim == 0 else "an array with named fields"
            raise InvalidData(f"{told} is not a table; give rows, for example pandas.DataFrame(array)")
        if array.ndim != 2:
            return [ArrayPart("value", array)]
        return [ArrayPart(f"x{i}", array[:, i]) for i in range(array.shape[1])]

    def placed(self, data: Any, signature: Signature) -> list[Part]:
        """Return the parts that stand for the signature's columns, by position."""
        array, only = _unmasked(data), signature.columns[0]
        if len(signature.columns) == 1 and only.shape is not None and array.dtype != object:
            if array.ndim != 1 + len(only.shape):
                taken = ", ".join("any" if size is None else str(size) for size in only.shape)
                raise InvalidData(f"an array of shape {array.shape} does not fit; the model takes (rows, {taken})")
            return [SeriesPart(array_series(only.name, array))]
        return self.parts(array)

    def form(self, data: Any) -> dict[str, Any]:
        return {"dims": data.ndim, "dtype": str(data.dtype)}

    def take(self, data: Any, rows: list[int]) -> Any:
        return data[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        dtype = np.dtype(signature.dtype or "float64")
        if dtype.kind == "V":
            raise ValueError(f"{dtype} is no type of an array of rows")
        if signature.dims != 2:
            return _values(nameless(wire)[0], signature.columns[0], dtype)
        if dtype.kind == "f":
            # Missing values become NaN.
            return np.ascontiguousarray(wire.to_numpy().astype(dtype, copy=False))
        columns = zip(nameless(wire), signature.columns, strict=True)
        return np.stack([_values(series, column, dtype) for series, column in columns], axis=1)


CONTAINER = Numpy()


class ArrayPart(Part):
    """One column of an array. See :class:`nbdeploy.codecs.parts.Part`."""

    def __init__(self, name: str, values: Any) -> None:
        self.name = self.label = name
        self._values = values

    def series(self) -> pl.Series:
        return array_series(self.name, self._values)

    def described(self) -> tuple[Column, pl.Series]:
        values = self._values
        series = self.series()
        series = series.fill_nan(None) if series.dtype.is_float() else series
        column = column_of(self.name, series, str(values.dtype))
        if column.type in {"datetime", "duration"} and values.dtype.kind in "mM":
            return msgspec.structs.replace(column, unit=np.datetime_data(values.dtype)[0]), series
        if values.dtype.kind == "O":
            items = values.tolist()
            return msgspec.structs.replace(column, missing=marker(self.name, items), holds=holds(items)), series
        return column, series


def marker(name: str, values: list[Any]) -> str | None:
    """Name of what stands for a missing value among objects: ``none`` or ``nan``.

    Raises
    ------
    InvalidData
        If both do.
    """
    found = {"none" if value is None else "nan" for value in values if _is_missing(value)}
    if len(found) > 1:
        raise InvalidData(f"column {name!r} has both None and NaN for a missing value; use one of them", column=name)
    return found.pop() if found else None


def array_series(name: str, values: Any) -> pl.Series:
    """Return an array as a nameless series, of arrays if it has more than one dimension.

    Of objects, None and NaN are missing.

    Raises
    ------
    InvalidData
        If it has masked values, or its type is not one of a column.
    """
    values = _unmasked(values)
    kind = values.dtype.kind
    if values.ndim > 1 and kind not in "biufU":
        raise InvalidData(f"arrays of {values.ndim} dimensions hold numbers, text or booleans, not {values.dtype}")
    if kind in "OUS" and values.ndim == 1:
        return series_of(name, [None if _is_missing(value) else value for value in values.tolist()])
    if kind == "c" or kind == "V":
        raise InvalidData(f"column {name!r} has type {values.dtype}, which has no place in a signature", column=name)
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
    return pl.Series(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("=")))


def object_values(series: pl.Series, column: Column, missing: Any) -> Any:
    """Return wire values as an array of Python objects, with what stands for a missing one."""
    values = np.empty(len(series), dtype=object)
    if column.holds == "ndarray":
        items = _arrays(series)
    elif column.holds == "tuple":
        items = [None if value is None else tuple(value) for value in series.to_list()]
    else:
        items = series.to_list()
    for row, item in enumerate(items):
        values[row] = item
    if series.null_count():
        values[series.is_null().to_numpy()] = missing
    return values


def _arrays(series: pl.Series) -> list[Any]:
    if isinstance(series.dtype, pl.Array):
        present = iter(series.drop_nulls().to_numpy())
        return [None if gone else next(present) for gone in series.is_null()]
    rows = (series[row] for row in range(len(series)))
    return [None if row is None else row.to_numpy() for row in rows]


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, (float, np.floating)) and value != value)


def _unmasked(values: Any) -> Any:
    if np.ma.is_masked(values):
        raise InvalidData("the array has masked values; say what they are: array.filled(np.nan), for example")
    return np.asarray(values)


def _values(series: pl.Series, column: Column, dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "US" and column.shape is None:
        # As wide as the widest text: the width of the data given would cut longer text off.
        text = np.array(series.to_list(), dtype=dtype.kind)
        return text.astype(np.promote_types(text.dtype, dtype))
    if dtype.kind != "O":
        values = series.to_numpy()
        if dtype.kind == "U":
            values = np.array(values.tolist(), dtype=str)
            return values.astype(np.promote_types(values.dtype, dtype))
        return values.astype(dtype, copy=False)
    return object_values(series, column, None if column.missing == "none" else np.nan)


def quick_matrix(data: Any, signature: Signature) -> pl.DataFrame | None:
    """Bind a matrix of exactly the signature's type of float, without missing values."""
    return matrix_frame(data, signature.names) if is_plain_matrix(data, signature) else None


def is_plain_matrix(data: Any, signature: Signature) -> bool:
    """Whether data is a matrix of exactly the signature's columns and type of float, without missing values."""
    if type(data) is not np.ndarray or data.ndim != 2 or data.shape[1] != len(signature.columns) or not len(data):
        return False
    kinds = {column.type for column in signature.columns}
    if len(kinds) > 1 or kinds.pop() not in {"float32", "float64"} or str(data.dtype) != signature.columns[0].type:
        return False
    return not np.isnan(data).any()


def matrix_frame(matrix: np.ndarray[Any, Any], names: Sequence[str]) -> pl.DataFrame:
    """Return a matrix of floats as a frame; no value becomes null.

    Examples
    --------
    >>> matrix_frame(np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"]).rows()
    [(1.0, 2.0), (3.0, 4.0)]
    """
    height, together = len(matrix), pl.Series(matrix.ravel("F"))  # a tenth of the time of making each column
    return frame_of([together.slice(i * height, height).alias(name) for i, name in enumerate(names)])


def record_matrix(records: Sequence[Sequence[Any]], signature: Signature) -> Any:
    """Return bound records as :func:`nbdeploy.codecs.rebuild` does a table of them, without the table.

    None if the model was not given a matrix of the very type that all its columns have, one of floats.
    """
    if signature.container != "numpy" or signature.dims != 2 or signature.dtype not in {"float32", "float64"}:
        return None
    if any(column.type != signature.dtype for column in signature.columns):
        return None
    return np.array(records, dtype=signature.dtype)  # None becomes NaN
