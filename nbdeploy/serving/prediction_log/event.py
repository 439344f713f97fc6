"""One request, as it is taken down where it is answered: nothing is copied, looked at or written there."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from nbdeploy.types import Signature

__all__ = ["Event", "Records", "Subject", "new_id", "packed"]


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
        The rows as bound to the signature, and their answers; a list is of rows, each a sequence of values.
    cells : int
        How many values of them the queue counted.
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
    cells: int = 0


class Records(msgspec.Struct, frozen=True):
    """Events whose rows are lists, as bytes: a fraction of the memory, and they may be unpacked in another process.

    Attributes
    ----------
    packed : sequence of (int, bytes)
        The number of its subject, and what :func:`packed` returned, of each event.
    subjects : mapping of int to Subject
        The subjects.
    """

    packed: Sequence[tuple[int, bytes]] = ()
    subjects: Mapping[int, Subject] = {}

    def __bool__(self) -> bool:
        return bool(self.packed)

    def events(self) -> list[Event]:
        """Return the events."""
        return [Event(self.subjects[number], *_decode(content)) for number, content in self.packed]


def packed(event: Event) -> bytes:
    """Return everything of an event but its subject as bytes."""
    return _encode(
        (
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
    )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode
