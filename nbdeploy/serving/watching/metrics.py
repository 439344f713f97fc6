"""What Prometheus reads. Only real deployments become labels, so that callers cannot make more.

With one process the numbers are in its memory. With several, each keeps its own in a file of a shared folder, and
whichever is asked adds them up (``prometheus_client``'s multiprocess mode, which the environment variable chooses
before that library is imported): see :mod:`nbdeploy.serving.watching.workers`. What requests are counted by costs
the library several microseconds each time, so they are summed up here and handed over four times a second.
"""

from __future__ import annotations

import asyncio
import os
import platform
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from nbdeploy.serving.watching.workers import VARIABLE, collected
from nbdeploy.version import __version__

__all__ = ["Metrics"]

FLUSH_SECONDS = 0.25
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "gRPC"})


class Metrics:
    """Numbers of one process of an endpoint, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry: dict[str, Any] = {"registry": self._registry}
        version = ["deployment", "version"]
        asked = [*version, "protocol", "outcome"]
        self._requests = Counter("nbdeploy_requests", "Prediction requests.", asked, **registry)
        self._seconds = Histogram(
            "nbdeploy_request_seconds",
            "Seconds from a request's whole body to its answer, waiting included.",
            asked,
            buckets=_SECONDS,
            **registry,
        )
        self._rows = Counter("nbdeploy_rows", "Rows predicted.", [*version, "protocol"], **registry)
        self._answers = Counter(
            "nbdeploy_http_responses", "Responses to all requests.", ["method", "status"], **registry
        )
        self._refused = Counter("nbdeploy_refused", "Requests that were not let in.", ["reason"], **registry)
        model = ["model", "version"]  # deployments may share a version, and then its processes
        self._queue = Gauge(
            "nbdeploy_queue", "Requests that wait for a model.", model, multiprocess_mode="livesum", **registry
        )
        self._batch = Histogram(
            "nbdeploy_batch_requests", "Requests in one call of a model.", model, buckets=_SIZES, **registry
        )
        self._waiting: dict[tuple[str, int], int] = {}
        build = Gauge("nbdeploy_build_info", "Always 1.", ["version", "python"], multiprocess_mode="max", **registry)
        build.labels(__version__, platform.python_version()).set(1)
        self._counts: dict[tuple[str, int, str, str], _Count] = {}
        self._statuses: dict[tuple[str, int], int] = {}
        self._calls: dict[tuple[str, int, int], int] = {}
        self._planned = False
        self._others: list[Collector] = []

    def record(self, deployment: str, version: int, protocol: str, outcome: str, rows: int, seconds: float) -> None:
        """Count one prediction request.

        Parameters
        ----------
        deployment, version, protocol : str, int, str
            What was asked, and how; the deployment has to exist.
        outcome : str
            ``ok``, ``refused``, ``late`` or ``failed``.
        rows : int
            How many rows were answered.
        seconds : float
            How long it took.
        """
        asked = (deployment, version, protocol, outcome)
        count = self._counts.get(asked)
        if count is None:
            count = self._counts[asked] = _Count()
        count.add(rows, seconds)
        if not self._planned:
            self._plan()

    def answered(self, method: str, status: int) -> None:
        """Count one response, whatever was asked; status 0 if the client left."""
        key = (method, status)
        self._statuses[key] = self._statuses.get(key, 0) + 1
        if not self._planned:
            self._plan()

    def flush(self) -> None:
        """Show what was counted. To be called where requests are: in the event loop's thread."""
        self._planned = False
        counts, self._counts = self._counts, {}
        statuses, self._statuses = self._statuses, {}
        calls, self._calls = self._calls, {}
        for (deployment, version, protocol, outcome), count in counts.items():
            asked = (deployment, str(version), protocol, outcome)
            self._requests.labels(*asked).inc(count.requests)
            self._rows.labels(*asked[:3]).inc(count.rows)
            count.show(self._seconds.labels(*asked))
        for (method, status), number in statuses.items():
            self._answers.labels(method if method in _METHODS else "other", str(status)).inc(number)
        for (model, version, requests), number in calls.items():
            histogram = self._batch.labels(model, str(version))
            histogram._sum.inc(requests * number)
            histogram._buckets[bisect_left(_SIZES, requests)].inc(number)

    def _plan(self) -> None:
        try:
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
            self._planned = True
        except RuntimeError:
            self.flush()

    def refused(self, reason: str) -> None:
        """Count a request that was not let in, by the name of the error."""
        self._refused.labels(reason).inc()

    def wait(self, waiting: Mapping[tuple[str, int], int]) -> None:
        """State how many requests wait in this process, for each model and version that it has now."""
        for model, version in self._waiting.keys() | waiting.keys():
            number = waiting.get((model, version), 0)
            if self._waiting.get((model, version)) != number:
                self._queue.labels(model, str(version)).set(number)
        self._waiting = dict(waiting)

    def called(self, model: str, version: int, requests: int) -> None:
        """Count one call of a model, for so many requests."""
        call = (model, version, requests)
        self._calls[call] = self._calls.get(call, 0) + 1
        if not self._planned:
            self._plan()

    def register(self, collector: Collector) -> None:
        """Show what another part of this process counts."""
        self._others.append(collector)

    def text(self) -> bytes:
        """Everything in Prometheus' text format, of all processes; :meth:`flush` comes before."""
        folder = os.environ.get(VARIABLE)
        own = self._registry if folder is None else collected(folder)
        shown = CollectorRegistry()
        for collector in (own, *self._others):
            shown.register(collector)
        return generate_latest(shown)


class _Count:
    """Requests of one kind between two flushes."""

    __slots__ = ("buckets", "requests", "rows", "seconds")

    def __init__(self) -> None:
        self.requests = self.rows = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(_SECONDS) + 1)

    def add(self, rows: int, seconds: float) -> None:
        self.requests += 1
        self.rows += rows
        self.seconds += seconds
        self.buckets[bisect_left(_SECONDS, seconds)] += 1

    def show(self, histogram: Any) -> None:
        """Add to a histogram at once what ``observe`` would, one by one."""
        histogram._sum.inc(self.seconds)
        for bucket, number in zip(histogram._buckets, self.buckets, strict=True):
            if number:
                bucket.inc(number)
