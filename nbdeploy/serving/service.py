"""The parts of one endpoint, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nbdeploy.bundles import Trust
from nbdeploy.errors import InvalidData
from nbdeploy.serving.dataplane import DataPlane
from nbdeploy.serving.deployments import Deployments
from nbdeploy.serving.gate import Gate
from nbdeploy.serving.home import Home
from nbdeploy.serving.metrics import Metrics
from nbdeploy.serving.tokens import Tokens
from nbdeploy.types import check_name
from nbdeploy.wire.client import is_loopback

__all__ = ["BLOB_LIMIT", "BODY_LIMIT", "Options", "Service"]

BODY_LIMIT = 64 * 2**20
BLOB_LIMIT = 4 * 2**30

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

    def __post_init__(self) -> None:
        if self.anonymous not in {None, "predict"}:
            raise InvalidData(f"anonymous={self.anonymous!r} is not understood; there is: predict")
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
        self.plane = DataPlane(self.deployments, self._calls, self.metrics)

    async def change(self, work: Callable[[], T]) -> T:
        """Run `work` in the one thread that changes what is stored and served."""
        return await asyncio.get_running_loop().run_in_executor(self._upkeep, work)

    async def start(self) -> None:
        """Serve again what was served before."""
        await self.change(self.deployments.restore)

    def close(self) -> None:
        """Let the threads finish."""
        self._upkeep.shutdown(cancel_futures=True)
        self._calls.shutdown(cancel_futures=True)
