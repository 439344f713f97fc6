"""What a fast lane is: a body in, a body out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

__all__ = ["FEW_BYTES", "JSON_HEAD", "Header", "Lane", "Read"]

Header = tuple[bytes, bytes]

FEW_BYTES = 65_536
"""Of a body of JSON that is looked at in a lane."""

JSON_HEAD: Sequence[Header] = ((b"content-type", b"application/json"),)
"""What the head of an answer in JSON says of its body."""


class Read(msgspec.Struct, frozen=True, gc=False):
    """A request that was read: bound records or a matrix, the methods, and what the answer's writer needs."""

    records: Any
    methods: Sequence[str]
    unknown: int = 0
    id: str | None = None


class Lane(Protocol):
    """One protocol's way through one deployment."""

    protocol: str
    """Its name, for the metrics."""
    longest: int
    """Bytes of a body that is looked at."""

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request of such headers is a plain one."""

    def read(self, body: bytes, query: bytes, headers: Mapping[bytes, bytes], /) -> Read:
        """Read a request.

        Raises
        ------
        Unusual
            If it is not plain.
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError
            If it is wrong.
        """

    def write(self, asked: Read, rows: Any, prediction: str, /) -> tuple[bytes, Sequence[Header]]:
        """Write the rows of all methods' columns; return the answer's body, and what its head says of that."""
