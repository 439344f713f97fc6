"""Questions and answers between a worker and a model process: a small head, and a table as an Arrow stream."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
import polars as pl

__all__ = ["Asked", "Buffer", "Records", "Told", "pack", "rows_bytes", "rows_of", "table_bytes", "table_of"]

T = TypeVar("T")

Records = Sequence[Sequence[Any]]
"""Bound records, or rows of answers."""

_SIZES = struct.Struct(">IQ")


class Asked(msgspec.Struct, frozen=True):
    """The head of a question.

    Attributes
    ----------
    methods : list of str
        What to answer the rows with; the default method if there is none.
    id : str
        Of the prediction, for the log.
    traces : list of str
        ``traceparent`` of those requests in it that belong to a trace.
    records : bool
        Whether the body holds records, as MessagePack, and not a table.
    """

    methods: list[str]
    id: str
    traces: list[str] = []
    records: bool = False


class Told(msgspec.Struct, frozen=True):
    """The head of an answer: an error if there is a `kind`, its class in :mod:`nbdeploy.errors`.

    Its body holds rows, as MessagePack, if `records`; otherwise a table.
    """

    kind: str = ""
    message: str = ""
    records: bool = False


def pack(head: Asked | Told, body: bytes) -> bytes:
    """Return a message.

    Examples
    --------
    >>> buffer = Buffer()
    >>> buffer.feed(pack(Told("InvalidData", "no"), b"abc"))
    >>> buffer.take(Told)
    (Told(kind='InvalidData', message='no', records=False), b'abc')
    """
    encoded = msgspec.msgpack.encode(head)
    return b"".join((_SIZES.pack(len(encoded), len(body)), encoded, body))


class Buffer:
    """What arrived of messages, in pieces of any size."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._wanted = _SIZES.size

    def feed(self, piece: bytes | memoryview) -> None:
        """Add what arrived."""
        self._bytes += piece

    def take(self, head: type[T]) -> tuple[T, bytes] | None:
        """Return the next message, if all of it is here."""
        if len(self._bytes) < self._wanted:
            return None
        heads, bodies = _SIZES.unpack_from(self._bytes)
        start, end = _SIZES.size + heads, _SIZES.size + heads + bodies
        if len(self._bytes) < end:
            self._wanted = end
            return None
        with memoryview(self._bytes) as view:
            found = msgspec.msgpack.decode(view[_SIZES.size : start], type=head)
            body = bytes(view[start:end])
        del self._bytes[:end]
        self._wanted = _SIZES.size
        return found, body


def table_bytes(frames: Sequence[pl.DataFrame]) -> bytes:
    """Return tables of the same columns, one under the other, as bytes."""
    buffer = io.BytesIO()
    (frames[0] if len(frames) == 1 else pl.concat(frames)).write_ipc_stream(buffer)
    return buffer.getvalue()


def table_of(body: bytes) -> pl.DataFrame:
    """Return the table of such bytes."""
    return pl.read_ipc_stream(io.BytesIO(body))


def rows_bytes(rows: Records) -> bytes:
    """Return records, or rows, as bytes."""
    return msgspec.msgpack.encode(rows)


def rows_of(body: bytes) -> list[list[Any]]:
    """Return the records, or rows, of such bytes."""
    return msgspec.msgpack.decode(body, type=list[list[Any]])
