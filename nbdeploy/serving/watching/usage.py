"""What Prometheus reads of the processes of versions, which the supervisor alone sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from nbdeploy.wire.messages import Usage

__all__ = ["UsageFigures"]

_LABELS = ("model", "version")


class UsageFigures(Collector):
    """Memory, processor time and number of the processes of what is served now.

    Parameters
    ----------
    usage : callable
        Tells what each version takes, by its key: ``churn:3``.
    """

    def __init__(self, usage: Callable[[], Mapping[str, Usage]]) -> None:
        self._usage = usage

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        memory = GaugeMetricFamily(
            "nbdeploy_memory_bytes", "Memory of a version's processes, shared pages counted once.", labels=_LABELS
        )
        cpu = CounterMetricFamily("nbdeploy_cpu_seconds", "Processor time of a version's processes.", labels=_LABELS)
        processes = GaugeMetricFamily("nbdeploy_model_processes", "Processes of a version.", labels=_LABELS)
        for key, taken in sorted(self._usage().items()):
            labels = key.split(":")
            memory.add_metric(labels, taken.memory)
            cpu.add_metric(labels, taken.cpu)
            processes.add_metric(labels, taken.processes)
        yield from (memory, cpu, processes)

    def describe(self) -> list[Metric]:
        """Nothing: the supervisor is not asked before somebody wants to know."""
        return []
