"""The parts of one endpoint, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from nbdeploy.bundles import Trust
from nbdeploy.errors import InvalidData
from nbdeploy.serving.dataplane import DataPlane
from nbdeploy.serving.deployments import Deployments
from nbdeploy.serving.gate import Gate
from nbdeploy.serving.home import Home
from nbdeploy.serving.metrics import Metrics
from nbdeploy.serving.prediction_log import PredictionLog
from nbdeploy.serving.prediction_log.retention import KEEP, MOST_ROWS, Retention
from nbdeploy.serving.tokens import Tokens
from nbdeploy.types import check_name
from nbdeploy.wire.client import is_loopback

__all__ = ["BLOB_LIMIT", "BODY_LIMIT", "DB_VARIABLE", "Options", "Service"]

BODY_LIMIT = 64 * 2**20
BLOB_LIMIT = 4 * 2**30
DB_VARIABLE = "NBDEPLOY_ENDPOINT_DB"
"""Tells a server in the background its database: on its command line, everybody could read the password."""

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """How an endpoint listens and what it lets in.

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
    db : str
        SQLAlchemy URL of the database of the prediction log; an SQLite file in the home if it is not given.
    log_share : float
        Of how many requests the prediction log keeps rows and answers, from 0 to 1.
    log_keep : float
        How long it keeps them, in seconds.
    log_rows : int
        How many rows it keeps at most.
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
    db: str = field(default="", repr=False)
    log_share: float = 1.0
    log_keep: float = KEEP.total_seconds()
    log_rows: int = MOST_ROWS

    def __post_init__(self) -> None:
        if self.anonymous not in {None, "predict"}:
            raise InvalidData(f"anonymous={self.anonymous!r} is not understood; there is: predict")
        if not 0.0 <= self.log_share <= 1.0:
            raise InvalidData(f"--log-share {self.log_share:g} is not understood; give a share from 0 to 1, as 0.1")
        if self.log_keep <= 0 or self.log_rows < 1:
            raise InvalidData(
                "the prediction log keeps rows for some time, and one at least; see --log-keep, --log-rows"
            )
        self.trusted()
        if self.default:
            check_name(self.default, "default deployment")

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def trusted(self) -> Trust:
        """Whose snapshots are taken, and whether their code may run."""
        code = self.allow_code or ("always" if self.local else "signed")
        return Trust(code, tuple(map(Path, self.trust)), required=bool(self.trust))


class Service:
    """One endpoint without its socket.

    Models are called in one thread, as they are not made for more; stored, loaded and checked in another,
    so that what serves goes on serving meanwhile.

    Parameters
    ----------
    home : Home
        Its state.
    options : Options
        What it lets in.
    """

    def __init__(self, home: Home, options: Options) -> None:
        self.home = home
        self.options = options
        self.metrics = Metrics()
        self.gate = Gate(Tokens(home.folder), anonymous=options.anonymous is not None)
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
        self.deployments = Deployments(home, self._calls, options.trusted())
        retention = Retention(timedelta(seconds=options.log_keep), options.log_rows)
        self.log = PredictionLog(options.db or home.database, options.log_share, retention)
        self.plane = DataPlane(self.deployments, self._calls, self.metrics, self.log)

    async def change(self, work: Callable[[], T]) -> T:
        """Run `work` in the one thread that changes what is stored and served."""
        return await asyncio.get_running_loop().run_in_executor(self._upkeep, work)

    async def start(self) -> None:
        """Serve again what was served before."""
        self.log.start()
        await self.change(self.deployments.restore)

    def close(self) -> None:
        """Let the threads finish."""
        self._upkeep.shutdown(cancel_futures=True)
        self._calls.shutdown(cancel_futures=True)
        self.log.close()
