"""The JSON that travels between an endpoint and its clients."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "CheckAnswer",
    "Deploy",
    "Deployment",
    "DeploymentList",
    "Fault",
    "FeedbackAnswer",
    "LogFacts",
    "LogState",
    "Offer",
    "OfferAnswer",
    "Past",
    "Serving",
    "Truth",
    "Unmatched",
    "Usage",
]


UNLOADED = "unloaded"
"""The state of a deployment that serves nothing until it is loaded again."""


PREPARING = "preparing"
"""The state in answer to an order that is not carried out yet, with a reason: it is to be given again."""


class Fault(msgspec.Struct, frozen=True):
    """A refusal or failure: the message, and the name of the error in :mod:`nbdeploy.errors`."""

    error: str
    kind: str = ""


class Offer(msgspec.Struct, frozen=True):
    """A snapshot on offer: the bytes of its two documents, in base64."""

    content: str
    record: str


class OfferAnswer(msgspec.Struct, frozen=True):
    """What the endpoint still lacks (SHA-256, 64 hexadecimal digits), and whether the snapshot is stored now."""

    missing: list[str]
    stored: bool


class Deploy(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order to serve a stored snapshot.

    Attributes
    ----------
    model, version, digest : str, int, str
        The snapshot.
    new : bool
        Whether a deployment that is named neither like the model nor like an existing one may be made.
    """

    model: str
    version: int
    digest: str
    new: bool = False


class Serving(msgspec.Struct, frozen=True):
    """One snapshot that answers, and its share of the requests in per cent."""

    model: str
    version: int
    digest: str
    share: int = 100


class Past(msgspec.Struct, frozen=True):
    """A snapshot that served, and when (UTC, ISO 8601)."""

    model: str
    version: int
    digest: str
    since: str
    until: str


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A named model on an endpoint, as it stands.

    Attributes
    ----------
    name : str
        The deployment's name.
    state : str
        ``serving``; in answer to an order ``unchanged`` if it serves that already, and ``preparing`` with a `reason`
        if the order is to be given again; ``failed`` with a `reason`.
    serving : list of Serving
        What answers now.
    author, created : str
        Who made the snapshot, and when.
    deployed, by : str
        When it was deployed, and the name of the token that did.
    history : list of Past
        What served before, latest last.
    """

    name: str
    state: str
    serving: list[Serving]
    author: str = ""
    created: str = ""
    deployed: str = ""
    by: str = ""
    reason: str = ""
    history: list[Past] = []


class LogState(msgspec.Struct, frozen=True):
    """How an endpoint's prediction log goes.

    Attributes
    ----------
    database : str
        Where it is, without a password.
    ok : bool
        Whether the database takes rows.
    reason, since : str
        Why not, and since when (UTC, ISO 8601).
    written, waiting, dropped : int
        Rows that are in the database, that wait for it, and that were lost because too many waited.
    """

    database: str
    ok: bool
    reason: str = ""
    since: str = ""
    written: int = 0
    waiting: int = 0
    dropped: int = 0


class LogFacts(msgspec.Struct, frozen=True):
    """What goes with a table of logged rows: the facts of :class:`nbdeploy.serving.prediction_log.reading.Logged`."""

    inputs: list[str] = []
    answers: list[str] = []
    masked: list[str] = []
    more: bool = False
    requests: int = 0
    without_rows: int = 0
    log: LogState | None = None


class CheckAnswer(msgspec.Struct, frozen=True):
    """Whether an endpoint answers a snapshot's sample as its certificate says.

    Attributes
    ----------
    version, digest : int, str
        The snapshot that answered.
    rows, different : int
        How many rows were asked, and how many were answered otherwise.
    identical : bool
        Whether every bit is the same.
    first : str
        The first rows that were answered otherwise.
    """

    version: int
    digest: str
    rows: int
    different: int = 0
    identical: bool = True
    first: str = ""


class Truth(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came true of a prediction.

    Attributes
    ----------
    id : str
        The prediction's id.
    truth : object
        A number, text, or true and false.
    row : int or None
        Which of its rows, from 0; it may be left out where there is one only.
    """

    id: str
    truth: Any = None
    row: int | None = None


class Unmatched(msgspec.Struct, frozen=True):
    """A truth that belongs to no prediction, and why."""

    id: str
    row: int | None
    reason: str


class FeedbackAnswer(msgspec.Struct, frozen=True):
    """What became of truths.

    Attributes
    ----------
    received, matched : int
        How many came, and how many of them belong to predictions.
    replaced, unchanged : int
        How many of those say something else than was known before, and how many the same.
    unmatched : int
        How many belong to none.
    first : list of Unmatched
        The first of those.
    """

    received: int
    matched: int
    replaced: int
    unchanged: int
    unmatched: int
    first: list[Unmatched] = []


class Usage(msgspec.Struct, frozen=True):
    """What the processes of a version take.

    Attributes
    ----------
    memory : int
        Bytes; pages that they share are counted once.
    cpu : float
        Seconds of processor time since they were started.
    processes : int
        How many answer.
    """

    memory: int
    cpu: float
    processes: int


class DeploymentList(msgspec.Struct, frozen=True):
    """Every deployment of an endpoint, how its prediction log goes, and what its versions (``churn:3``) take."""

    deployments: list[Deployment]
    log: LogState | None = None
    usage: dict[str, Usage] = {}
