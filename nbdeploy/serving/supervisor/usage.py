"""What versions take of the machine; and a process that takes too much memory is replaced by a new one."""

from __future__ import annotations

import contextlib
import logging
import threading

import psutil

from nbdeploy.serving.supervisor.versions import Versions
from nbdeploy.wire.messages import Usage

__all__ = ["Watch", "half_of_memory"]

_log = logging.getLogger(__name__)

INTERVAL = 1.0
_TOO_LATE = 2


class Watch:
    """Looks at all processes of versions every second.

    Parameters
    ----------
    versions : Versions
        Whose processes.
    limit : int
        Bytes that one may take: when it takes more, another one takes its place, and it ends after what it answers;
        when it takes twice as much it is ended at once.
    """

    def __init__(self, versions: Versions, limit: int) -> None:
        self._versions, self._limit = versions, limit
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            try:
                self._look()
            except Exception:
                _log.exception("the memory of models cannot be seen")

    def now(self) -> dict[str, Usage]:
        """Return what each version takes now, by its key: its processes, and the one that they are forked from."""
        with self._versions.lock:
            pids = {
                key: [running.loaded.zygote.pid, *(process.pid for process in running.processes)]
                for key, running in self._versions.running.items()
            }
        return {key: _taken(found) for key, found in pids.items()}

    def _look(self) -> None:
        with self._versions.lock:
            found = [
                (key, process.number, process.pid)
                for key, running in self._versions.running.items()
                for process in running.processes
            ]
        for key, number, pid in found:
            with contextlib.suppress(psutil.Error):  # it ended, which others notice
                self._check(key, number, psutil.Process(pid).memory_info().rss)

    def _check(self, key: str, number: int, size: int) -> None:
        if size > _TOO_LATE * self._limit:
            self._versions.kill(key, number)
        elif size > self._limit:
            self._versions.replace(key, number, f"takes {size / 2**20:.0f} MiB, more than {self._limit / 2**20:.0f}")


def _taken(pids: list[int]) -> Usage:
    memory, cpu, count = 0, 0.0, 0
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            seen = process.memory_full_info()
            memory += getattr(seen, "pss", seen.uss)  # where the system divides shared pages among those who share
            cpu += sum(process.cpu_times()[:2])
            count += 1
    return Usage(int(memory), round(cpu, 3), count - 1)


def half_of_memory() -> int:
    """Half of this machine's memory, in bytes."""
    return int(psutil.virtual_memory().total) // 2
