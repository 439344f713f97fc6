"""What a run's notebook started and left behind: found, counted and ended with the run."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress

import psutil

from nbdeploy.batch.processes import descendants

__all__ = ["adopt_orphans", "end_strays"]

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
