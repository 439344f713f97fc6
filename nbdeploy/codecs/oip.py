"""Open Inference Protocol v2: JSON tensors and tables.

A table is one tensor per column, or, where all columns share a type, one two-dimensional tensor. A column of
arrays of one shape is a tensor of more dimensions, and so is a sparse one, made dense; other lists are BYTES, each
the JSON text of a list.
See https://github.com/kserve/open-inference-protocol (Required API).
"""

from __future__ import annotations

from math import prod
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.columns import SIMPLE, wire_dtype
from nbdeploy.codecs.strict_json import encode, plain_series
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["InferenceRequest", "Tensor", "TensorMetadata", "WantedOutput", "inputs_of", "outputs_of", "rows", "tensors"]

MATRIX = "input"
"""Name of the one two-dimensional tensor; any name is accepted for it."""

_DTYPES: dict[str, Any] = {
    "BOOL": pl.Boolean,
    "BYTES": pl.String,
    "FP16": pl.Float32,
    "FP32": pl.Float32,
    "FP64": pl.Float64,
    "INT16": pl.Int16,
    "INT32": pl.Int32,
    "INT64": pl.Int64,
    "INT8": pl.Int8,
    "UINT16": pl.UInt16,
    "UINT32": pl.UInt32,
    "UINT64": pl.UInt64,
    "UINT8": pl.UInt8,
}
_DATATYPES = {**{dtype: name for name, dtype in _DTYPES.items() if name != "FP16"}, pl.Float16: "FP16"}
_VALUES: dict[str, tuple[type, ...]] = {"BOOL": (bool,), "BYTES": (str,), "FP": (float, int), "INT": (int,)}


class Tensor(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tensor: ``data`` is flat in row order, or nested as ``shape`` says; null is a missing value."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class WantedOutput(msgspec.Struct, frozen=True, omit_defaults=True):
    """An output that the caller asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of ``POST …/infer``."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] = []


class TensorMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a model says of one of its tensors; -1 stands for any number of rows."""

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}


def inputs_of(signature: Signature) -> list[TensorMetadata]:
    """Describe a model's inputs: one matrix where all columns share a type, else one tensor per column.

    Examples
    --------
    >>> inputs_of(Signature("pandas", [Column("age", "int64", "int64"), Column("n", "int64", "int64")]))
    [TensorMetadata(name='input', datatype='INT64', shape=[-1, 2], parameters={'columns': ['age', 'n']})]
    """
    kinds = {(column.type, _datatype(column)) for column in signature.columns}
    if len(kinds) == 1 and all(column.shape is None and column.required for column in signature.columns):
        shape = [-1, len(signature.columns)]
        return [TensorMetadata(MATRIX, _datatype(signature.columns[0]), shape, {"columns": signature.names})]
    return [TensorMetadata(column.name, _datatype(column), [-1, *_sizes(column)]) for column in signature.columns]


def outputs_of(signature: Signature, method: str) -> list[TensorMetadata]:
    """Describe what a method answers: one tensor per column."""
    output = signature.outputs[method]
    kinds = zip(output.columns, output.types, strict=True)
    columns = [output.details.get(name) or Column(name, kind, kind) for name, kind in kinds]
    return [
        TensorMetadata(column.name, "BYTES", [-1])
        if column.type == "sparse"
        else TensorMetadata(column.name, _datatype(column), [-1, *_sizes(column)])
        for column in columns
    ]


def tensors(frame: pl.DataFrame) -> list[Tensor]:
    """Return a table as one tensor per column.

    Examples
    --------
    >>> tensors(pl.DataFrame({"age": [41, None]}))
    [Tensor(name='age', shape=[2], datatype='INT64', data=[41, None], parameters={})]
    """
    return [_tensor(series) for series in frame.get_columns()]


def _tensor(series: pl.Series) -> Tensor:
    kind = series.dtype
    if isinstance(kind, pl.List) or (isinstance(kind, pl.Array) and series.null_count()):
        texts = [None if value is None else encode(value).decode() for value in series.to_list()]
        return Tensor(series.name, [len(series)], "BYTES", texts)
    shape = [len(series), *kind.shape] if isinstance(kind, pl.Array) else [len(series)]
    flat = series.reshape((-1,)) if isinstance(kind, pl.Array) else series
    # JSON has no durations; they travel as whole units.
    flat = flat.to_physical() if isinstance(kind, pl.Duration) else plain_series(flat)
    return Tensor(series.name, shape, _DATATYPES.get(flat.dtype.base_type(), "BYTES"), flat.to_list())


def rows(inputs: list[Tensor], signature: Signature) -> pl.DataFrame:
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


def _is_matrix(tensor: Tensor, signature: Signature) -> bool:
    """A lone tensor is the matrix unless it is by name and width one of the columns."""
    return tensor.name not in signature.names or (len(tensor.shape) == 2 and tensor.shape[1] != 1)


def _matrix(tensor: Tensor, signature: Signature) -> pl.DataFrame:
    width = tensor.shape[1] if len(tensor.shape) == 2 else 1
    expected = len(signature.columns)
    if len(tensor.shape) not in {1, 2} or width != expected:
        shown = ", ".join(signature.names[:12]) + (" …" if expected > 12 else "")
        raise InvalidData(
            f"input {tensor.name!r} has shape {tensor.shape}; expected [rows, {expected}], the columns being: {shown}; "
            "or one tensor per column, named like it",
            expected=signature.names,
        )
    values = _flat(tensor)
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
    series = _series(tensor, tensor.name, _flat(tensor), 0, 1)
    return series if column is None else _typed(series, column)


def _arrays(tensor: Tensor, column: Column) -> pl.Series:
    """A tensor of more dimensions as a column of arrays."""
    sizes = column.shape or []
    fits = len(tensor.shape) == 1 + len(sizes)
    if not fits or any(size not in (None, got) for size, got in zip(sizes, tensor.shape[1:], strict=True)):
        taken = ", ".join("any" if size is None else str(size) for size in sizes)
        raise InvalidData(f"input {tensor.name!r} has shape {tensor.shape}; expected [rows, {taken}]", expected=sizes)
    return _series(tensor, tensor.name, _flat(tensor), 0, 1).reshape(tuple(tensor.shape))


def _sizes(column: Column) -> list[int]:
    """The lengths that all of a column's arrays have, if they are arrays."""
    return [size for size in column.shape or () if size is not None] if _is_tensor(column) else []


def _is_tensor(column: Column) -> bool:
    return column.shape is not None and None not in column.shape


def _typed(series: pl.Series, column: Column) -> pl.Series:
    """JSON has no durations; they travel as whole units."""
    if column.type == "duration" and series.dtype.is_integer():
        return series.cast(pl.Int64).cast(wire_dtype(column))
    return series


def _flat(tensor: Tensor) -> list[Any]:
    if any(size < 0 for size in tensor.shape):
        raise InvalidData(f"input {tensor.name!r} has shape {tensor.shape}; sizes are not negative")
    values = tensor.data
    if any(isinstance(value, list) for value in values):
        if len(values) != tensor.shape[0]:
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


def _series(tensor: Tensor, name: str, values: list[Any], first: int, step: int) -> pl.Series:
    """Make a typed series, or name the first value that has another type."""
    dtype = _DTYPES.get(tensor.datatype)
    if dtype is None:
        raise InvalidData(
            f"input {tensor.name!r} has datatype {tensor.datatype!r}; there are: {', '.join(_DTYPES)}",
            datatype=tensor.datatype,
        )
    allowed = _VALUES[tensor.datatype.strip("U0123456789")]
    if not {type(value) for value in values} <= {*allowed, type(None)}:
        row = next(i for i, value in enumerate(values) if value is not None and type(value) not in allowed)
        raise _wrong(tensor, values[row], first + row * step)
    try:
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        row = next((i for i, value in enumerate(values) if not _fits(value, dtype)), 0)
        raise _wrong(tensor, values[row], first + row * step) from None


def _fits(value: Any, dtype: Any) -> bool:
    try:
        pl.Series([value], dtype=dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return False
    return True


def _wrong(tensor: Tensor, value: Any, at: int) -> InvalidData:
    return InvalidData(
        f"input {tensor.name!r}, value {at}: {value!r:.60} is not {tensor.datatype}", input=tensor.name, value=value
    )


def _datatype(column: Column) -> str:
    if column.type == "duration":
        return "INT64"
    if column.shape is not None:
        return _DATATYPES.get(SIMPLE[str(column.items)], "BYTES") if _is_tensor(column) else "BYTES"
    return _DATATYPES.get(wire_dtype(column).base_type(), "BYTES")
