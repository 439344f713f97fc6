"""Tables as bytes: Arrow IPC, compressed as a whole, because most of a small table is the names of its columns."""

from __future__ import annotations

import io

import polars as pl
import pyarrow as pa

__all__ = ["pack", "unpack"]

_CODEC = "zstd"


def pack(frame: pl.DataFrame) -> bytes:
    """Turn a table into bytes.

    Examples
    --------
    >>> unpack(pack(pl.DataFrame({"age": [41, None]})))["age"].to_list()
    [41, None]
    """
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer)
    size = buffer.tell().to_bytes(8, "big")
    return size + bytes(pa.compress(buffer.getvalue(), codec=_CODEC, asbytes=True))


def unpack(content: bytes) -> pl.DataFrame:
    """Turn what :func:`pack` made into a table again."""
    size = int.from_bytes(content[:8], "big")
    return pl.read_ipc_stream(pa.decompress(content[8:], size, codec=_CODEC, asbytes=True))
