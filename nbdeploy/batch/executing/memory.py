"""How much memory a run takes, with all that it started."""

from __future__ import annotations

import resource
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from nbdeploy.batch.processes import descendants

__all__ = ["Meter", "Pulse", "oom_kills"]

_KIB = 1 if sys.platform == "darwin" else 1024
"""Bytes in a unit of ``ru_maxrss``."""
_REMEMBERED = 4


class Meter:
    """Measures this process and those below it.

    Memory is the sum of their resident sets, so that pages which forked processes share are counted for each.
    """

    def __init__(self) -> None:
        self._me = psutil.Process()
        self._peak = 0
        self._samples: deque[int] = deque([0], maxlen=_REMEMBERED)

    def sample(self) -> None:
        """Measure."""
        total = 0
        for process in (self._me, *descendants(self._me)):
            with suppress(psutil.Error):
                total += process.memory_info().rss
        self._samples.append(total)
        self._peak = max(self._peak, total)

    @property
    def last(self) -> int:
        """Bytes at the last sample."""
        return self._samples[-1]

    @property
    def lately(self) -> int:
        """Most bytes in the last seconds: a process that is found dead may have been measured without it."""
        return max(self._samples)

    @property
    def peak(self) -> int:
        """Most bytes so far; the system also tells them of a process that has ended, between two samples."""
        return max(self._peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * _KIB)


class Pulse:
    """Calls something again and again beside the main thread; a context manager.

    Parameters
    ----------
    *beats : callable
        What to call.
    seconds : float
        How often.
    """

    def __init__(self, *beats: Callable[[], None], seconds: float = 0.5) -> None:
        self._beats = beats
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        while True:
            for beat in self._beats:
                beat()
            if self._ended.wait(self._seconds):
                return


def oom_kills(root: Path = Path("/")) -> int:
    """How many processes of our control group the system has killed because memory ran out.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.

    Notes
    -----
    ``memory.events`` of control groups v2, ``memory.oom_control`` of v1: see ``cgroups(7)`` and the kernel's
    ``Documentation/admin-guide/cgroup-v2.rst``.
    """
    found = 0
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in {"", "memory"}:
                found += _kills(root / "sys/fs/cgroup" / controllers, path.lstrip("/"))
    return found


def _kills(mount: Path, path: str) -> int:
    for place in (mount / path, mount):  # inside a container the path may be that of the host
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError, ValueError):
                facts = dict(line.split() for line in (place / name).read_text().splitlines())
                return int(facts["oom_kill"]) if "oom_kill" in facts else 0
    return 0
