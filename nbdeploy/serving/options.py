"""How an endpoint listens, what it lets in, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

from nbdeploy.bundles import Trust
from nbdeploy.errors import InvalidData, MissingExtra
from nbdeploy.serving.cache.places import place_of
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.prediction_log.retention import KEEP, MOST_ROWS
from nbdeploy.types import check_name
from nbdeploy.wire.client import is_loopback

__all__ = ["BLOB_LIMIT", "BODY_LIMIT", "SECRETS", "Options"]

BODY_LIMIT = 64 * 2**20
BLOB_LIMIT = 4 * 2**30
SECRETS = {"db": "NBDEPLOY_ENDPOINT_DB", "cache": "NBDEPLOY_ENDPOINT_CACHE"}
"""What a server in the background is told in its environment: on its command line, all could read the passwords."""
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")
_POSITIVE = (
    "body_limit",
    "blob_limit",
    "row_limit",
    "concurrency",
    "pending_limit",
    "timeout",
    "patience",
    "workers",
    "processes",
)


@dataclass(frozen=True)
class Options:
    """How an endpoint listens and what it lets in.

    All of it is plain values, so that it reaches the endpoint's process as one JSON document.

    Attributes
    ----------
    host, port : str, int
        Where it listens; port 0 takes a free one.
    anonymous : str or None
        ``predict`` lets programs on this machine predict and read without a token.
    open_metrics : bool
        Whether ``/metrics`` needs no token.
    body_limit, blob_limit : int
        Largest body of a request, and of an uploaded file, in bytes.
    allow_code : str
        When code that came with a snapshot may run: ``never``, ``signed`` or ``always``; if it is not given, always
        where only this machine can reach the endpoint, and signed elsewhere.
    trust : sequence of str
        Files of public keys. If there are any, only snapshots signed with one of them are taken.
    default : str
        The deployment that ``/invocations`` means; the only one, if it is not given.
    grpc_port : int or None
        Where it listens for gRPC, if it does; port 0 takes a free one.
    db : str
        SQLAlchemy URL of the database of the prediction log; an SQLite file in the home if it is not given.
    log_share : float
        Of how many requests the prediction log keeps rows and answers, from 0 to 1.
    log_keep : timedelta
        How long it keeps them.
    log_rows : int
        How many rows it keeps at most.
    row_limit : int
        Most rows of a request.
    concurrency : int
        Most requests that one worker works on at once, those that wait included.
    pending_limit : int
        How large the bodies of these requests may be together, in bytes.
    timeout : float
        How long a model may take to answer, in seconds, waiting included. One call of it is ended after three quarters,
        so that those that wait behind it are answered.
    patience : float
        How long a client may take to send a request's head, and then its body, in seconds; a body has one second more
        for each 500 bytes of it that came.
    rate : str
        How many requests each token may send, if it has no rate of its own: ``100/s``, ``600/m``; empty for any number.
    cache : str
        Where answers are kept, for the same question asked again: how many of them in memory, or the address of a
        Redis server; nowhere if empty.
    cors : sequence of str
        Pages from elsewhere that may ask from a browser: ``https://app.team``, or ``*`` for all.
    certfile, keyfile : str
        Certificate and private key in PEM, for TLS; connections are plain if empty.
    token_files : sequence of str
        ``SCOPE=FILE``: the secret in the file is let in with that scope, until the endpoint is started without it.
    root_path : str
        What a proxy puts before the routes: ``/models-of-team``.
    log_format : str
        ``text`` for people, ``json`` for programs.
    access_log : bool
        Whether each request has a line in the log.
    workers : int
        HTTP processes, which share the port.
    processes : int
        Processes per version, for what its twin does not answer. They share the memory of the model.
    model_memory : int
        How much memory one of them may take, in bytes, before another one takes its place; half of this machine's if 0.
    isolate : bool
        Whether a version whose packages differ from the endpoint's own runs in an environment of its own.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    anonymous: str | None = None
    open_metrics: bool = False
    body_limit: int = BODY_LIMIT
    blob_limit: int = BLOB_LIMIT
    allow_code: str = ""
    trust: Sequence[str] = ()
    default: str = ""
    grpc_port: int | None = None
    db: str = field(default="", repr=False)
    log_share: float = 1.0
    log_keep: timedelta = KEEP
    log_rows: int = MOST_ROWS
    row_limit: int = 1_000_000
    concurrency: int = 256
    pending_limit: int = 512 * 2**20
    timeout: float = 60.0
    patience: float = 20.0
    rate: str = ""
    cache: str = field(default="", repr=False)
    cors: Sequence[str] = ()
    certfile: str = ""
    keyfile: str = ""
    token_files: Sequence[str] = ()
    root_path: str = ""
    log_format: str = "text"
    access_log: bool = False
    workers: int = 1
    processes: int = 1
    model_memory: int = 0
    isolate: bool = False

    def __post_init__(self) -> None:
        if self.anonymous not in {None, "predict"}:
            raise InvalidData(f"anonymous={self.anonymous!r} is not understood; there is: predict")
        if not 0.0 <= self.log_share <= 1.0:
            raise InvalidData(f"--log-share {self.log_share:g} is not understood; give a share from 0 to 1, as 0.1")
        if self.log_keep <= timedelta() or self.log_rows < 1:
            raise InvalidData(
                "the prediction log keeps rows for some time, and one at least; see --log-keep, --log-rows"
            )
        for name in (*_POSITIVE, "workers", "processes"):
            if not getattr(self, name) > 0:
                raise InvalidData(f"{name.replace('_', '-')} has to be more than 0, not {getattr(self, name)}")
        if self.log_format not in {"text", "json"}:
            raise InvalidData(f"log-format={self.log_format!r} is not understood; there are: text, json")
        if self.keyfile and not self.certfile:
            raise InvalidData("keyfile is the key of a certificate; give that too: --certfile FILE")
        if self.root_path and not _PREFIX.fullmatch(self.root_path):
            raise InvalidData(f"root-path={self.root_path!r} is not understood; write it like /team/models")
        for origin in self.cors:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise InvalidData(f"cors={origin!r} is no origin; write it like https://app.team, without a path")
        self.trusted()
        self.pace()
        place_of(self.cache)
        if self.default:
            check_name(self.default, "default deployment")
        if self.grpc_port is not None and not (find_spec("grpc") and find_spec("google.protobuf")):
            raise MissingExtra("gRPC", "grpc")

    def pace(self) -> Pace | None:
        """How many requests each token may send; any number if None."""
        return Pace.parse(self.rate) if self.rate else None

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def trusted(self) -> Trust:
        """Whose snapshots are taken, and whether their code may run."""
        code = self.allow_code or ("always" if self.local else "signed")
        return Trust(code, tuple(map(Path, self.trust)), required=bool(self.trust))
