"""How processes end: what their status says of it, and what ends them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from nbdeploy.errors import NbdeployError

__all__ = ["WorkerDied", "end_with_parent", "how_ended", "kill"]

_SET_PDEATHSIG = 1


class WorkerDied(NbdeployError):
    """A worker ended before it answered.

    Parameters
    ----------
    status : int
        As of :func:`os.waitpid`.
    """

    def __init__(self, status: int) -> None:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        why = " (the system does that when memory runs out: try fewer workers)" if number == signal.SIGKILL else ""
        super().__init__(f"a worker process {how_ended(status)}{why}", signal=number, status=status)


def how_ended(status: int) -> str:
    """Say how a process ended, by its status as of :func:`os.waitpid`.

    Examples
    --------
    >>> how_ended(9), how_ended(256)
    ('was killed by SIGKILL', 'ended with 1')
    """
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with {os.waitstatus_to_exitcode(status)}"


def kill(pid: int) -> None:
    """End a process at once; one that has ended is left alone.

    Parameters
    ----------
    pid : int
        The process.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when the one that forked it ends, whatever either of them is doing.

    Linux does that; elsewhere nothing happens.

    Parameters
    ----------
    parent : int
        The process that forked this one; if it has ended already, this one ends here.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
