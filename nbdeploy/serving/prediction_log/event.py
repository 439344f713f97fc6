"""One request, as it is taken down where it is answered: nothing is copied, looked at or written there."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from nbdeploy.types import Signature

__all__ = ["PILE", "Event", "Records", "Subject", "new_id"]


def new_id() -> str:
    """Make the id of a prediction: 32 hexadecimal digits that sort by time (a UUID of version 7, RFC 9562).

    Examples
    --------
    >>> len(new_id()), new_id()[12]
    (32, '7')
    """
    left = random.getrandbits(74)
    return f"{time.time_ns() // 1_000_000:012x}7{left >> 62:03x}{0x8000000000000000 | (left & 0x3FFFFFFFFFFFFFFF):016x}"


class Subject(msgspec.Struct, frozen=True, dict=True):
    """Who answers: made once for each version that is served.

    Attributes
    ----------
    deployment, version, digest : str, int, str
        The deployment, and the snapshot behind it.
    signature : Signature or None
        What it takes; None of one that does not serve.
    """

    deployment: str
    version: int
    digest: str
    signature: Signature | None = None

    @cached_property
    def width(self) -> int:
        """How many values a row has."""
        return len(self.signature.columns) if self.signature is not None else 0

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The types of its inputs."""
        from nbdeploy.codecs.binding import empty

        return dict(empty(self.signature).schema) if self.signature is not None else {}

    @cached_property
    def private(self) -> list[str]:
        """Columns of which nothing is kept."""
        return [column.name for column in self.signature.columns if column.private] if self.signature else []


class Event(msgspec.Struct, gc=False):
    """One request, filled in while it is answered.

    Attributes
    ----------
    subject : Subject
        Who answers.
    id : str
        Of this prediction.
    protocol, caller : str
        How it was asked, and by which token.
    time, seconds : float
        When it came (seconds since 1970), and how long the answer took.
    methods : sequence of str
        What it was asked for; the default one if empty.
    rows : int
        How many rows it has, as far as that is known.
    outcome, reason : str
        ``ok``, ``refused`` or ``failed``, and why.
    inputs, answers : polars.DataFrame, list or None
        The rows as bound to the signature, and their answers; a list is of rows, each a sequence of values. Inputs
        may be a matrix as well, see :func:`nbdeploy.codecs.numpy_tables.is_plain_matrix`.
    """

    subject: Subject
    id: str
    protocol: str
    caller: str
    time: float
    seconds: float = 0.0
    methods: Any = ()
    rows: int = 0
    outcome: str = "failed"
    reason: str = ""
    inputs: Any = None
    answers: Any = None


class Records:
    """Events whose rows are lists, as bytes: a fraction of the memory, and nothing to be done for another process.

    Attributes
    ----------
    rows : int
        How many rows they have, at least one each.

    Examples
    --------
    >>> records = Records()
    >>> records.add(Event(Subject("churn", 1, "sha256:aa"), "7", "v1", "crm", 1e9, rows=1, inputs=[[41]]))
    >>> [[event.inputs for event in pile] for pile in records.piles()]
    [[[[41]]]]
    """

    def __init__(self) -> None:
        self.rows = 0
        self._piles: list[_Pile] = []
        self._growing: dict[int, _Pile] = {}

    def __bool__(self) -> bool:
        return bool(self._piles)

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return sum(len(content) for _, _, content in self._piles)

    def add(self, event: Event) -> None:
        """Add an event; takes about a microsecond."""
        subject = event.subject
        pile = self._growing.get(id(subject))
        if pile is None or pile[1][0] >= PILE:
            pile = self._growing[id(subject)] = (subject, [0], bytearray(_ARRAY.size))
            self._piles.append(pile)
        fields = (
            event.id,
            event.protocol,
            event.caller,
            event.time,
            event.seconds,
            event.methods,
            event.rows,
            event.outcome,
            event.reason,
            event.inputs,
            event.answers,
        )
        pile[2].extend(_encode(fields))
        pile[1][0] += 1
        self.rows += event.rows or 1

    def piles(self) -> Iterator[list[Event]]:
        """Give the events, some of one subject at a time: what is done with all of them at once takes long."""
        for subject, (count,), content in self._piles:
            _ARRAY.pack_into(content, 0, 0xDD, count)
            yield [Event(subject, *fields) for fields in _decode(content)]


PILE = 256
"""How many events go together."""

_Pile = tuple[Subject, list[int], bytearray]
"""Whose they are, how many, and what they are after the head."""

_ARRAY = struct.Struct(">BI")
"""The head of an array of MessagePack: its mark, and its length."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[Any, ...]]).decode
