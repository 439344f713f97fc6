"""What Prometheus reads. Only real deployments become labels, so that callers cannot make more.

With one process the numbers are in its memory. With several, each keeps its own in a file of a shared folder, and
whichever is asked adds them up (``prometheus_client``'s multiprocess mode, which the environment variable chooses
before that library is imported): see :mod:`nbdeploy.serving.watching.workers`.
"""

from __future__ import annotations

import os
import platform
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.registry import Collector

from nbdeploy.serving.watching.workers import VARIABLE, collected
from nbdeploy.version import __version__

__all__ = ["Metrics"]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024, 4096)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


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
        self._queue = Gauge(
            "nbdeploy_queue", "Requests that wait for a model.", version, multiprocess_mode="livesum", **registry
        )
        self._batch = Histogram(
            "nbdeploy_batch_requests", "Requests in one call of a model.", version, buckets=_SIZES, **registry
        )
        self._memory = Gauge(
            "nbdeploy_memory_bytes",
            "Memory of a version's processes, shared pages counted once.",
            version,
            multiprocess_mode="livemostrecent",
            **registry,
        )
        build = Gauge("nbdeploy_build_info", "Always 1.", ["version", "python"], multiprocess_mode="max", **registry)
        build.labels(__version__, platform.python_version()).set(1)
        self._made: dict[tuple[str, ...], Any] = {}
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
        asked = (deployment, str(version), protocol, outcome)
        made = self._made.get(asked)
        if made is None:
            rows_of = self._rows.labels(*asked[:3])
            made = self._made[asked] = (self._requests.labels(*asked), self._seconds.labels(*asked), rows_of)
        requests, latency, predicted = made
        requests.inc()
        latency.observe(seconds)
        if rows:
            predicted.inc(rows)

    def answered(self, method: str, status: int) -> None:
        """Count one response, whatever was asked; status 0 if the client left."""
        asked = (method if method in _METHODS else "other", str(status))
        made = self._made.get(asked)
        if made is None:
            made = self._made[asked] = self._answers.labels(*asked)
        made.inc()

    def refused(self, reason: str) -> None:
        """Count a request that was not let in, by the name of the error."""
        self._refused.labels(reason).inc()

    def queued(self, deployment: str, version: int, change: int) -> None:
        """Count `change` more, or less, requests that wait for a model."""
        self._queue.labels(deployment, str(version)).inc(change)

    def called(self, deployment: str, version: int, requests: int) -> None:
        """Count one call of a model, for so many requests."""
        self._batch.labels(deployment, str(version)).observe(requests)

    def memory(self, deployment: str, version: int, size: int) -> None:
        """State the memory of a version's processes, in bytes; 0 when they are gone."""
        self._memory.labels(deployment, str(version)).set(size)

    def register(self, collector: Collector) -> None:
        """Show what another part of this process counts."""
        self._others.append(collector)

    def text(self) -> bytes:
        """Everything in Prometheus' text format, of all processes."""
        folder = os.environ.get(VARIABLE)
        own = self._registry if folder is None else collected(folder)
        shown = CollectorRegistry()
        for collector in (own, *self._others):
            shown.register(collector)
        return generate_latest(shown)
