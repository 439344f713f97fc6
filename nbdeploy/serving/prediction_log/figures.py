"""What Prometheus reads of the prediction log."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nbdeploy.wire.messages import LogState

__all__ = ["LogFigures"]


class LogFigures(Collector):
    """Rows written, waiting and lost, and whether the database takes any.

    Parameters
    ----------
    state : callable
        Tells how the log goes.
    """

    def __init__(self, state: Callable[[], LogState]) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        state = self._state()
        yield CounterMetricFamily("nbdeploy_log_rows", "Rows written to the prediction log.", state.written)
        yield CounterMetricFamily("nbdeploy_log_dropped_rows", "Rows lost to the prediction log.", state.dropped)
        yield GaugeMetricFamily("nbdeploy_log_waiting_rows", "Rows that wait for its database.", state.waiting)
        yield GaugeMetricFamily("nbdeploy_log_up", "Whether its database takes rows.", float(state.ok))

    def describe(self) -> list[Metric]:
        """Nothing: the figures have no labels to look for before they are asked for."""
        return []
