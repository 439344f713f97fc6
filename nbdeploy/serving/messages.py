"""What the supervisor and its HTTP workers tell each other. All of it travels between processes of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.wire.messages import Deployment

__all__ = [
    "Ack",
    "Beat",
    "Drop",
    "Leave",
    "Line",
    "Listening",
    "Load",
    "Note",
    "Order",
    "Reply",
    "Silent",
    "Stop",
    "Table",
    "Unready",
    "Version",
]


@dataclass(frozen=True)
class Version:
    """A snapshot as a worker has to know it.

    Attributes
    ----------
    key : str
        ``churn:3``. A number of the endpoint's own store never means anything else.
    bundle : Path
        Its folder, every file of which was compared with its digest.
    twin : Path or None
        Its compiled twin; None if it has none that a worker can answer by.
    batch_rows : int
        Up to how many rows requests are put together; 0 where that does not pay.
    """

    key: str
    bundle: Path
    twin: Path | None = None
    batch_rows: int = 0


@dataclass(frozen=True)
class Load:
    """To a worker: get ready to answer with a version. Acknowledged."""

    turn: int
    version: Version


@dataclass(frozen=True)
class Line:
    """To a worker, with an open socket: a process of a version to ask."""

    key: str
    process: int


@dataclass(frozen=True)
class Leave:
    """To a worker: ask a process nothing more, and hang it up."""

    key: str
    process: int


@dataclass(frozen=True)
class Table:
    """To a worker: what is served from now on; each deployment with the key of the version that answers, if one does.

    Acknowledged.
    """

    turn: int
    deployments: Mapping[str, tuple[Deployment, str | None]]


@dataclass(frozen=True)
class Unready:
    """To a worker: a version has no process for now, and why; it is ready again with an empty reason."""

    key: str
    reason: str


@dataclass(frozen=True)
class Drop:
    """To a worker: a version is not served any more; finish what asks for it."""

    key: str


@dataclass(frozen=True)
class Reply:
    """To a worker: what came of an order, an error if it failed."""

    number: int
    value: Any


@dataclass(frozen=True)
class Stop:
    """To a worker: finish what is asked, then end."""


@dataclass(frozen=True)
class Listening:
    """Of a worker: it takes requests."""


@dataclass(frozen=True)
class Ack:
    """Of a worker: it has done what that turn was about; `problem` says why not."""

    turn: int
    problem: str = ""


@dataclass(frozen=True)
class Beat:
    """Of a worker, every second: its event loop turns."""


@dataclass(frozen=True)
class Order:
    """Of a worker: the supervisor is to do something, and to answer with a :class:`Reply`."""

    number: int
    what: str
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Silent:
    """Of a worker: a process of a version does not answer in time."""

    key: str
    process: int


@dataclass(frozen=True)
class Note:
    """Of a worker: something for whoever listens to that topic at the supervisor."""

    topic: str
    content: Any = field(repr=False)
