"""Work that may be late lets work go first that somebody waits for."""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

__all__ = ["give_way"]

SLICE_NANOSECONDS = 50_000_000
_CALLS = {"x86_64": 314, "aarch64": 274, "riscv64": 274}
"""Numbers of the system call ``sched_setattr``, which the C library has no function for before glibc 2.41."""
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""``struct sched_attr``: size, policy, flags, nice, priority, runtime, deadline, period. See sched_setattr(2)."""


def give_way() -> None:
    """Have the calling thread interrupted by those that answer somebody, on Linux; its share of the time stays.

    Since Linux 6.6 a thread that runs goes on for a slice of some milliseconds, whoever wakes and however nice it is,
    and requests wait for that. One that asked for longer slices, as it can without any right since Linux 6.12, is
    interrupted by all that did not; and one of a batch interrupts nobody when it wakes itself. Less time would be
    the wrong thing to ask for: on a busy machine the log would fall behind.
    """
    number = _CALLS.get(platform.machine())
    if sys.platform == "linux" and number is not None:
        nice = os.getpriority(os.PRIO_PROCESS, 0)
        wanted = _ATTRIBUTES.pack(_ATTRIBUTES.size, os.SCHED_BATCH, 0, nice, 0, SLICE_NANOSECONDS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)  # where that is forbidden, everything stays as it is
