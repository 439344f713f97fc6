"""What a run's notebook started and left behind: found, counted and ended with the run."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

import psutil

from nbdeploy.survival import SURVIVES

__all__ = ["adopt_orphans", "descendants", "end_strays", "survives"]

_PR_SET_CHILD_SUBREAPER = 36
_GRACE = 3.0
"""Seconds in which what was left behind may put things in order."""


def adopt_orphans() -> bool:
    """Become the parent of every descendant whose own parent ends, as daemons arrange for. Linux knows how.

    Returns
    -------
    bool
        Whether the system does so.
    """
    if sys.platform != "linux":
        return False
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    return False


def descendants(process: psutil.Process) -> Iterator[psutil.Process]:
    """All processes below one, except those that are to survive it, and what is below these."""
    with suppress(psutil.Error):
        below: dict[int, list[psutil.Process]] = {}
        for one in process.children(recursive=True):
            with suppress(psutil.Error):
                below.setdefault(one.ppid(), []).append(one)
        yield from _below(process.pid, below)


def _below(pid: int, children: dict[int, list[psutil.Process]]) -> Iterator[psutil.Process]:
    for child in children.get(pid, ()):
        if not survives(child):
            yield child
            yield from _below(child.pid, children)


def survives(process: psutil.Process) -> bool:
    """Whether a process is to outlive the run that started it."""
    with suppress(psutil.Error):
        return SURVIVES in process.environ()
    return False


def end_strays() -> list[str]:
    """End everything below this process: politely, and what stays not; its dead are buried.

    Returns
    -------
    list of str
        What was found alive, in words.
    """
    me = psutil.Process()
    said: list[str] = []
    for signal in ("terminate", "kill"):
        found = [each for each in descendants(me) if each.is_running()]
        alive = [each for each in found if _is_alive(each)]
        said = said or [_words(each) for each in alive]
        for each in alive:
            with suppress(psutil.Error):
                getattr(each, signal)()
        psutil.wait_procs(alive, timeout=_GRACE)
    return said


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return True
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
    return False


def _words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return f"process {process.pid} ({' '.join(process.cmdline())[:80] or process.name()})"
    return f"process {process.pid}"
