"""The table that the tensors of a request hold."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.codecs.oip.datatypes import datatype
from nbdeploy.codecs.oip.messages import Tensor
from nbdeploy.codecs.oip.raw import array_of, decoded, missing_in, texts_of
from nbdeploy.codecs.strict_json import INFINITE
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["rows"]

_PLAIN = {"bool", "float16", "float32", "float64", *(f"{u}int{bits}" for bits in (8, 16, 32, 64) for u in ("", "u"))}


def rows(inputs: list[Tensor], signature: Signature) -> Any:
    """Return the table that the tensors of a request hold, in their own types; see :func:`nbdeploy.codecs.bind`.

    Raises
    ------
    InvalidData
        If a tensor's shape, datatype and data do not fit together, or it is no column of the model.
    """
    if not inputs:
        raise InvalidData("the request has no inputs")
    names = [tensor.name for tensor in inputs]
    if len(set(names)) < len(names):
        raise InvalidData(f"the request has two inputs of one name: {', '.join(sorted(names))}")
    for tensor in inputs:
        _check(tensor)
    only = signature.columns[0] if len(signature.columns) == 1 else None
    if len(inputs) == 1 and only is not None and only.shape is not None:
        return pl.DataFrame([_column(inputs[0], only).alias(only.name)])
    if len(inputs) == 1 and _is_matrix(inputs[0], signature):
        return _matrix(inputs[0], signature)
    heights = {tensor.name: tensor.shape[0] for tensor in inputs if tensor.shape}
    if len(set(heights.values())) > 1:
        raise InvalidData(f"the inputs have different numbers of rows: {heights}", rows=heights)
    known = {column.name: column for column in signature.columns}
    return pl.DataFrame([_column(tensor, known.get(tensor.name)) for tensor in inputs])


def _check(tensor: Tensor) -> None:
    if any(size < 0 for size in tensor.shape):
        raise InvalidData(f"input {tensor.name!r} has shape {tensor.shape}; sizes are not negative")
    if tensor.data is None:
        raise InvalidData(
            f"input {tensor.name!r} has no data: give a list, or the parameter binary_data_size and that many bytes "
            "after the JSON"
        )
    if not isinstance(tensor.data, (list, bytes, memoryview)):
        raise InvalidData(f"input {tensor.name!r} has data {tensor.data!r:.60}; expected a list")


def _is_matrix(tensor: Tensor, signature: Signature) -> bool:
    """A lone tensor is the matrix unless it is by name and width one of the columns."""
    return tensor.name not in signature.names or (len(tensor.shape) == 2 and tensor.shape[1] != 1)


def _matrix(tensor: Tensor, signature: Signature) -> Any:
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    expected = len(signature.columns)
    if len(tensor.shape) not in {1, 2} or width != expected:
        shown = ", ".join(signature.names[:12]) + (" …" if expected > 12 else "")
        raise InvalidData(
            f"input {tensor.name!r} has shape {tensor.shape}; expected [rows, {expected}], the columns being: {shown}; "
            "or one tensor per column, named like it",
            expected=signature.names,
        )
    numbers = _numbers(tensor) if {column.type for column in signature.columns} <= _PLAIN else None
    if numbers is not None:
        return numbers.reshape(-1, expected)
    values = _flat(tensor, binary=all(column.type == "binary" for column in signature.columns))
    return pl.DataFrame(
        [
            _typed(_series(tensor, column.name, values[i::expected], i, expected), column)
            for i, column in enumerate(signature.columns)
        ]
    )


def _column(tensor: Tensor, column: Column | None) -> pl.Series:
    if column is not None and column.shape is not None and len(tensor.shape) > 1:
        return _arrays(tensor, column)
    if len(tensor.shape) not in {1, 2} or (len(tensor.shape) == 2 and tensor.shape[1] != 1):
        raise InvalidData(f"input {tensor.name!r} has shape {tensor.shape}; a column has [rows] or [rows, 1]")
    binary = column is not None and column.type == "binary"
    series = _series(tensor, tensor.name, _flat(tensor, binary=binary), 0, 1)
    return series if column is None else _typed(series, column)


def _arrays(tensor: Tensor, column: Column) -> pl.Series:
    """A tensor of more dimensions as a column of arrays."""
    sizes = column.shape or []
    fits = len(tensor.shape) == 1 + len(sizes)
    if not fits or any(size not in (None, got) for size, got in zip(sizes, tensor.shape[1:], strict=True)):
        taken = ", ".join("any" if size is None else str(size) for size in sizes)
        raise InvalidData(f"input {tensor.name!r} has shape {tensor.shape}; expected [rows, {taken}]", expected=sizes)
    if 0 in tensor.shape:
        return pl.Series(tensor.name, [[]] * tensor.shape[0], dtype=wire_dtype(column))
    return _series(tensor, tensor.name, _flat(tensor), 0, 1).reshape(tuple(tensor.shape))


def _typed(series: pl.Series, column: Column) -> pl.Series:
    """JSON has no durations; they travel as whole units."""
    if column.type == "duration" and series.dtype.is_integer():
        return series.cast(pl.Int64).cast(wire_dtype(column))
    return series


def _numbers(tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """All values as one array, where that changes none of them and none is missing."""
    kind = datatype(tensor.datatype, tensor.name)
    if not kind.array or missing_in(tensor):
        return None
    if not isinstance(tensor.data, list):
        return array_of(tensor)
    values = _unnested(tensor)
    kinds = set(map(type, values))
    if not kinds <= {*kind.values} or kinds == {bool} or kind.dtype == pl.Float32:
        return None
    try:
        return np.array(values, dtype=kind.array)
    except OverflowError:
        return None


def _flat(tensor: Tensor, *, binary: bool = False) -> Any:
    """The values in row order: numbers in an array where that says all, anything else in a list."""
    kind = datatype(tensor.datatype, tensor.name)
    if isinstance(tensor.data, list):
        values: Any = _unnested(tensor)
        if values and isinstance(values[0], bytes) and not binary:
            values = decoded(tensor, values)
    else:
        values = array_of(tensor) if kind.array else texts_of(tensor, decode=not binary)
    missing = missing_in(tensor)
    if missing:
        values = values.tolist() if isinstance(values, np.ndarray) else [*values]
        for at in missing:
            values[at] = None
    return values


def _unnested(tensor: Tensor) -> list[Any]:
    values: list[Any] = tensor.data
    if list in set(map(type, values)):
        if not tensor.shape or len(values) != tensor.shape[0]:
            raise _misfit(tensor, f"{len(values)} items")
        for size in tensor.shape[1:]:
            values = _unpacked(tensor, values, size)
    if len(values) != prod(tensor.shape):
        raise _misfit(tensor, f"{len(values)} values")
    return values


def _unpacked(tensor: Tensor, values: list[Any], size: int) -> list[Any]:
    for value in values:
        if not isinstance(value, list) or len(value) != size:
            raise _misfit(tensor, f"an item {value!r:.60} where a list of {size} belongs")
    return [inner for value in values for inner in value]


def _misfit(tensor: Tensor, found: str) -> InvalidData:
    return InvalidData(f"input {tensor.name!r} has shape {tensor.shape}, but its data has {found}")


def _series(tensor: Tensor, name: str, values: Any, first: int, step: int) -> pl.Series:
    """Make a typed series, or name the first value that has another type."""
    if isinstance(values, np.ndarray):
        return pl.Series(name, np.ascontiguousarray(values))
    kind = datatype(tensor.datatype, tensor.name)
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bytes} and kind.name == "BYTES":
        return pl.Series(name, values, dtype=pl.Binary)
    if str in kinds and kind.dtype.is_float():
        values = [INFINITE.get(value, value) if isinstance(value, str) else value for value in values]
        kinds = set(map(type, values)) - {type(None)}
    if not kinds <= {*kind.values}:
        row = next(i for i, value in enumerate(values) if value is not None and type(value) not in kind.values)
        raise _wrong(tensor, values[row], first + row * step)
    try:
        return pl.Series(name, values, dtype=kind.dtype, strict=True)
    except (TypeError, OverflowError, UnicodeError, pl.exceptions.PolarsError):
        row = next((i for i, value in enumerate(values) if not _fits(value, kind.dtype)), 0)
        raise _wrong(tensor, values[row], first + row * step) from None


def _fits(value: Any, dtype: Any) -> bool:
    try:
        pl.Series([value], dtype=dtype, strict=True)
    except (TypeError, OverflowError, UnicodeError, pl.exceptions.PolarsError):
        return False
    return True


def _wrong(tensor: Tensor, value: Any, at: int) -> InvalidData:
    return InvalidData(
        f"input {tensor.name!r}, value {at}: {value!r:.60} is not {tensor.datatype}", input=tensor.name, value=value
    )
