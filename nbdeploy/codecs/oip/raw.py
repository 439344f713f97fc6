"""Raw data of tensors: little-endian, in row order, nothing between the values.

BYTES are a length of four bytes and that many bytes for each value; a BOOL is a byte, 0 or 1. A missing number is NaN
where the datatype has one; elsewhere the parameter ``missing`` lists the positions that hold no value. See
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import struct
from math import prod
from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs.oip.datatypes import DATATYPES, datatype, datatype_name
from nbdeploy.codecs.oip.messages import Tensor
from nbdeploy.errors import InvalidData

__all__ = ["MISSING", "array_of", "missing_in", "series_bytes", "texts_of", "values_bytes"]

MISSING = "missing"
"""The parameter of a tensor that lists the positions without a value."""

_LENGTH = struct.Struct("<I")


def array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return the numbers of a tensor with raw data, flat; booleans as 0 and 1.

    Raises
    ------
    InvalidData
        If there are not as many bytes as the shape says, or one is no boolean.
    """
    kind = datatype(tensor.datatype, tensor.name)
    size = np.dtype(kind.array).itemsize
    _check_size(tensor, prod(tensor.shape) * size)
    values: np.ndarray[Any, Any] = np.frombuffer(tensor.data, dtype=kind.array)
    if kind.name == "BF16":
        return (values.astype("<u4") << 16).view("<f4")
    if kind.name == "BOOL":
        if (values > 1).any():
            at = int(np.flatnonzero(values > 1)[0])
            raise InvalidData(
                f"input {tensor.name!r}, value {at}: the byte {values[at]} is no BOOL; there are 0 and 1",
                input=tensor.name,
                value=int(values[at]),
            )
        return values.astype(bool)
    return values


def texts_of(tensor: Tensor, *, decode: bool) -> list[Any]:
    """Return the values of a BYTES tensor with raw data, as text if `decode`.

    Raises
    ------
    InvalidData
        If the bytes end too soon or too late, or are no UTF-8.
    """
    content, at, values = bytes(tensor.data), 0, list[Any]()
    for number in range(prod(tensor.shape)):
        if at + 4 > len(content):
            raise _ended(tensor, number)
        stop = at + 4 + _LENGTH.unpack_from(content, at)[0]
        if stop > len(content):
            raise _ended(tensor, number)
        values.append(content[at + 4 : stop])
        at = stop
    _check_size(tensor, at)
    return decoded(tensor, values) if decode else values


def decoded(tensor: Tensor, values: list[Any]) -> list[Any]:
    """Return bytes as text.

    Raises
    ------
    InvalidData
        Naming the first value that is no UTF-8.
    """
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        at = next(i for i, value in enumerate(values) if not _is_text(value))
        raise InvalidData(
            f"input {tensor.name!r}, value {at}: {values[at]!r:.60} is not UTF-8 text",
            input=tensor.name,
            value=values[at],
        ) from error


def missing_in(tensor: Tensor) -> list[int]:
    """Return the positions of a tensor that hold no value, by its parameter ``missing``.

    Raises
    ------
    InvalidData
        If that is no list of positions.
    """
    given = tensor.parameters.get(MISSING, [])
    try:
        found: Any = msgspec.json.decode(given) if isinstance(given, str) else given
        places = msgspec.convert(found, list[int])
    except msgspec.MsgspecError:
        raise InvalidData(
            f"input {tensor.name!r} has parameter missing={given!r:.60}; expected the JSON of a list of positions, "
            'for example "[0, 3]"'
        ) from None
    outside = next((at for at in places if not 0 <= at < prod(tensor.shape)), None)
    if outside is not None:
        raise InvalidData(
            f"input {tensor.name!r} has {outside} among its missing positions, and the shape {tensor.shape}"
        )
    return places


def series_bytes(series: pl.Series) -> tuple[bytes, list[int]]:
    r"""Return the raw data of a flat series, and the positions without a value, where the data cannot say so.

    Examples
    --------
    >>> series_bytes(pl.Series([1, None], dtype=pl.Int16))
    (b'\x01\x00\x00\x00', [1])
    >>> series_bytes(pl.Series(["a"]))
    (b'\x01\x00\x00\x00a', [])
    """
    kind = DATATYPES[datatype_name(series.dtype)]
    if series.dtype.is_float():
        return series.fill_null(float("nan")).to_numpy().astype(kind.array, copy=False).tobytes(), []
    missing = series.is_null().arg_true().to_list() if series.null_count() else []
    if not kind.array:
        return values_bytes(series.to_list()), missing
    filled = series.fill_null(False if series.dtype == pl.Boolean else 0) if missing else series
    return filled.to_numpy().astype(kind.array, copy=False).tobytes(), missing


def values_bytes(values: list[Any]) -> bytes:
    """Return text or bytes as the raw data of a BYTES tensor; None is empty."""
    parts = list[bytes]()
    for value in values:
        content = value.encode() if isinstance(value, str) else value or b""
        parts += [_LENGTH.pack(len(content)), content]
    return b"".join(parts)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_size(tensor: Tensor, size: int) -> None:
    if len(tensor.data) != size:
        raise InvalidData(
            f"input {tensor.name!r} of {tensor.datatype} and shape {tensor.shape} is {size} bytes, "
            f"but {len(tensor.data)} were sent",
            input=tensor.name,
        )


def _ended(tensor: Tensor, number: int) -> InvalidData:
    return InvalidData(
        f"input {tensor.name!r}: the data ends within value {number}; a value of BYTES is its length in four bytes, "
        "the lowest first, and then that many bytes",
        input=tensor.name,
    )
