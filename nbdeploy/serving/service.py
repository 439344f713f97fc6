"""The parts of one endpoint, put together."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from nbdeploy.serving.cache import Answers, place_of
from nbdeploy.serving.dataplane import DataPlane
from nbdeploy.serving.guard.audit import Audit
from nbdeploy.serving.guard.gate import Gate
from nbdeploy.serving.guard.guard import Guard
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.serving.prediction_log import PredictionLog
from nbdeploy.serving.prediction_log.figures import LogFigures
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.usage import UsageFigures
from nbdeploy.serving.worker.deployments import Deployments
from nbdeploy.serving.worker.relay import Relay
from nbdeploy.wire.messages import Usage

__all__ = ["Service"]

T = TypeVar("T")


_THREADS = 4


class Supervision(Protocol):
    """The way to the supervisor."""

    def order(self, what: str, *arguments: Any) -> Any:
        """Have it do something, and wait for what comes of it; not in the event loop if that takes long."""

    def note(self, topic: str, content: Any) -> None:
        """Tell whoever listens to a topic there."""

    async def begin(self) -> None:
        """Learn what serves."""


class Service:
    """One worker without its socket.

    Parameters
    ----------
    home : Home
        The endpoint's state.
    options : Options
        What it lets in.
    supervision : Supervision
        The way to the supervisor.
    """

    def __init__(self, home: Home, options: Options, supervision: Supervision) -> None:
        self._supervision = supervision
        self.home = home
        self.options = options
        self.metrics = Metrics()
        self.gate = Gate(Tokens(home.folder), options.anonymous is not None, options.cors)
        rates = Rates(home.run / "rates", options.pace())
        self.guard = Guard(self.gate, rates, Room(options.concurrency, options.pending_limit))
        self._bodies = ThreadPoolExecutor(_THREADS, thread_name_prefix="bodies")
        self._upkeep = ThreadPoolExecutor(_THREADS, thread_name_prefix="upkeep")
        self.deployments = Deployments(home, options.trusted(), supervision.order)
        retention = Retention(options.log_keep, options.log_rows, home.identity)
        url = options.db or home.database
        self.log = PredictionLog(
            url,
            options.log_share,
            retention,
            home.identity,
            lambda source: Relay(url, source, supervision.note, supervision.order, options.workers > 1),
        )
        self.audit = Audit(home.folder, self.log.record)
        self.metrics.register(LogFigures(lambda: self.log.state))
        self.metrics.register(UsageFigures(self.usage))
        place = place_of(options.cache)
        self.cache = None if place is None else Answers(place)
        if self.cache is not None:
            self.metrics.register(self.cache)
        self.plane = DataPlane(
            self.deployments,
            self._bodies,
            self.metrics,
            self.log,
            self.cache,
            seconds=options.timeout,
            rows=options.row_limit,
        )

    def usage(self) -> dict[str, Usage]:
        """What each version takes, by its key; not in the event loop."""
        taken: dict[str, Usage] = self._supervision.order("usage")
        return taken

    async def change(self, work: Callable[[], T]) -> T:
        """Run `work`, which stores something or waits for the supervisor, beside the event loop."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._upkeep, lambda: context.run(work))

    async def start(self) -> None:
        """Learn what serves."""
        self.log.start()
        await self._supervision.begin()

    def close(self) -> None:
        """Let the threads finish."""
        self._upkeep.shutdown(wait=False, cancel_futures=True)
        self._bodies.shutdown(wait=False, cancel_futures=True)
        self.log.close()
        self.metrics.flush()
        if self.cache is not None:
            self.cache.close()
