"""What Prometheus reads. Only names of real deployments become labels, so that callers cannot make more."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

__all__ = ["Metrics"]

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one endpoint, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ["deployment", "version", "protocol"]
        self._requests = Counter(
            "nbdeploy_requests", "Prediction requests.", [*labels, "outcome"], registry=self._registry
        )
        self._rows = Counter("nbdeploy_rows", "Rows predicted.", labels, registry=self._registry)
        self._seconds = Histogram(
            "nbdeploy_request_seconds",
            "Seconds from a request's whole body to its answer, waiting included.",
            labels,
            buckets=_SECONDS,
            registry=self._registry,
        )

    def record(self, deployment: str, version: int, protocol: str, outcome: str, rows: int, seconds: float) -> None:
        """Count one request.

        Parameters
        ----------
        deployment, version, protocol : str, int, str
            What was asked, and how.
        outcome : str
            ``ok``, ``refused`` or ``failed``.
        rows : int
            How many rows were answered.
        seconds : float
            How long it took.
        """
        labels = (deployment, str(version), protocol)
        self._requests.labels(*labels, outcome).inc()
        self._rows.labels(*labels).inc(rows)
        self._seconds.labels(*labels).observe(seconds)

    def register(self, collector: Collector) -> None:
        """Show what another part counts."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
