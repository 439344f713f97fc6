"""Numbers of several processes in one folder: chosen before they start, added up, and kept when one of them dies."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock
from prometheus_client import CollectorRegistry, mmap_dict, multiprocess
from prometheus_client.metrics_core import Metric

__all__ = ["VARIABLE", "collected", "prepare", "retire"]

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_GONE = "retired"
_TRIES = 50
_PAUSE_SECONDS = 0.02
_Numbers: Any = mmap_dict.MmapedDict  # these two have no types
_Collector: Any = multiprocess.MultiProcessCollector


def prepare(folder: Path) -> dict[str, str]:
    """Empty the folder, and return the environment of the processes that shall keep their numbers in it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in folder.glob("*.db"):
        left.unlink(missing_ok=True)
    return {VARIABLE: str(folder)}


def collected(folder: str | Path) -> CollectorRegistry:
    """Return a registry with the sums of all processes, as they are now."""
    registry = CollectorRegistry()
    registry.register(_Held(Path(folder)))
    return registry


def retire(folder: Path, pid: int) -> None:
    """Add what a dead process counted to what all dead ones did, and remove its files.

    Counters go on as if it lived; gauges of what it held are gone; and files do not pile up however often a process
    is started anew. For one caller at a time: the supervisor.
    """
    with _lock(folder):
        for path in folder.glob(f"gauge_*_{pid}.db"):
            path.unlink(missing_ok=True)
        for kind in ("counter", "histogram", "summary"):
            path = folder / f"{kind}_{pid}.db"
            if path.exists():
                _add(path, folder / f"{kind}_{_GONE}.db")
                path.unlink()


def _add(path: Path, total: Path) -> None:
    kept = _Numbers(str(total))
    try:
        for key, value, _, _ in _Numbers.read_all_values_from_file(str(path)):
            kept.write_value(key, kept.read_value(key)[0] + value, 0.0)
    finally:
        kept.close()


class _Held:
    """The library's collector, while no file is taken away under it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        with _lock(self._folder):
            for _ in range(_TRIES - 1):
                try:
                    return self._all()
                except struct.error:  # a process makes a file at this moment, which is empty until it has its length
                    time.sleep(_PAUSE_SECONDS)
            return self._all()

    def _all(self) -> list[Metric]:
        return list(_Collector(None, str(self._folder)).collect())


def _lock(folder: Path) -> FileLock:
    return FileLock(folder / ".lock")
