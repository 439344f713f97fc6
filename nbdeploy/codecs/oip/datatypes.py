"""The datatypes of Open Inference tensors: what they are in Polars, in NumPy and in JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from nbdeploy.codecs.columns import SIMPLE, wire_dtype
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["DATATYPES", "Datatype", "column_datatype", "datatype", "datatype_name", "sizes"]


@dataclass(frozen=True)
class Datatype:
    """One datatype.

    Attributes
    ----------
    name : str
        What the protocol calls it.
    dtype : polars data type
        What its values are read as.
    array : str
        NumPy's name of the same, little-endian, as raw data has it; empty for BYTES, whose items have a length each.
    values : tuple of type
        The Python types of its values in JSON.
    """

    name: str
    dtype: Any
    array: str
    values: tuple[type, ...]


_REAL = (float, int)
DATATYPES: dict[str, Datatype] = {
    made.name: made
    for made in (
        # NumPy has no bfloat16: it is the upper half of a float32.
        Datatype("BF16", pl.Float32, "<u2", _REAL),
        Datatype("BOOL", pl.Boolean, "|u1", (bool,)),
        Datatype("BYTES", pl.String, "", (str,)),
        # In JSON a decimal number has no other type than float64; rounding it twice may differ from rounding it once.
        Datatype("FP16", pl.Float32, "<f2", _REAL),
        Datatype("FP32", pl.Float32, "<f4", _REAL),
        Datatype("FP64", pl.Float64, "<f8", _REAL),
        Datatype("INT16", pl.Int16, "<i2", (int,)),
        Datatype("INT32", pl.Int32, "<i4", (int,)),
        Datatype("INT64", pl.Int64, "<i8", (int,)),
        Datatype("INT8", pl.Int8, "|i1", (int,)),
        Datatype("UINT16", pl.UInt16, "<u2", (int,)),
        Datatype("UINT32", pl.UInt32, "<u4", (int,)),
        Datatype("UINT64", pl.UInt64, "<u8", (int,)),
        Datatype("UINT8", pl.UInt8, "|u1", (int,)),
    )
}
"""Every datatype, by name."""

_NAMES: dict[Any, str] = {kind.dtype: name for name, kind in DATATYPES.items() if name not in {"FP16", "BF16"}}
_NAMES[pl.Float16] = "FP16"


def datatype(name: str, tensor: str) -> Datatype:
    """Return a datatype by its name.

    Raises
    ------
    InvalidData
        If there is none of that name; `tensor` is whose it should be.
    """
    found = DATATYPES.get(name)
    if found is None:
        raise InvalidData(
            f"input {tensor!r} has datatype {name!r}; there are: {', '.join(DATATYPES)}", datatype=name, input=tensor
        )
    return found


def datatype_name(dtype: Any) -> str:
    """Return the name of the datatype that a series of a Polars type is sent as; whatever has none is text.

    Examples
    --------
    >>> datatype_name(pl.Int8), datatype_name(pl.Date)
    ('INT8', 'BYTES')
    """
    return _NAMES.get(dtype.base_type(), "BYTES")


def column_datatype(column: Column) -> str:
    """Return the name of the datatype that a column is advertised with."""
    if column.type == "duration":
        return "INT64"
    if column.shape is not None:
        return datatype_name(SIMPLE[str(column.items)]) if _is_tensor(column) else "BYTES"
    return datatype_name(wire_dtype(column))


def sizes(column: Column) -> list[int]:
    """Return the lengths that all of a column's arrays have, if they are arrays."""
    return [size for size in column.shape or () if size is not None] if _is_tensor(column) else []


def _is_tensor(column: Column) -> bool:
    return column.shape is not None and None not in column.shape
