"""The parts of one endpoint, put together."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nbdeploy.serving.cache import Answers, place_of
from nbdeploy.serving.dataplane import DataPlane
from nbdeploy.serving.deployments import Deployments
from nbdeploy.serving.gate import Gate
from nbdeploy.serving.guard.audit import Audit
from nbdeploy.serving.guard.guard import Guard
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.serving.prediction_log import PredictionLog
from nbdeploy.serving.prediction_log.figures import LogFigures
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.serving.tokens import Tokens
from nbdeploy.serving.watching.metrics import Metrics

__all__ = ["Service"]

T = TypeVar("T")


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
        self.gate = Gate(Tokens(home.folder), options.anonymous is not None, options.cors)
        rates = Rates(home.run / "rates", options.pace())
        self.guard = Guard(self.gate, rates, Room(options.concurrency, options.pending_limit))
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
        self.deployments = Deployments(home, self._calls, options.trusted())
        retention = Retention(options.log_keep, options.log_rows, home.identity)
        self.log = PredictionLog(options.db or home.database, options.log_share, retention, home.identity)
        self.audit = Audit(home.folder, self.log.record)
        self.metrics.register(LogFigures(lambda: self.log.state))
        place = place_of(options.cache)
        self.cache = None if place is None else Answers(place)
        if self.cache is not None:
            self.metrics.register(self.cache)
        self.plane = DataPlane(
            self.deployments,
            self._calls,
            self.metrics,
            self.log,
            self.cache,
            seconds=options.timeout,
            rows=options.row_limit,
        )

    async def change(self, work: Callable[[], T]) -> T:
        """Run `work` in the one thread that changes what is stored and served."""
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._upkeep, lambda: context.run(work))

    async def start(self) -> None:
        """Serve again what was served before."""
        self.log.start()
        await self.change(self.deployments.restore)

    def close(self) -> None:
        """Let the threads finish."""
        self._upkeep.shutdown(cancel_futures=True)
        self._calls.shutdown(cancel_futures=True)
        self.log.close()
        self.metrics.flush()
        if self.cache is not None:
            self.cache.close()
