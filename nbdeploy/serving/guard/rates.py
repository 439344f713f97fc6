"""How often each token is used: one number per token, shared by all workers through a file in memory.

The number is the time at which the token's next request would come if its requests came at the steady rate
(the generic cell rate algorithm, ITU-T I.371): a request is let in if that time is at most a burst ahead of now,
and moves it by one interval. So limits hold for all workers together, at the cost of two locks of a file (about
two microseconds), and only where there is a limit.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from nbdeploy.errors import Busy
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.pace import Pace

__all__ = ["Rates"]

_NUMBER = struct.Struct("d")
_HEAD = 8
_ROW = 24
_ROWS = 4096
_ROUNDING = 1e-9
_SIZE = _HEAD + _ROW * _ROWS


class Rates:
    """Counts the requests of each token.

    Parameters
    ----------
    path : Path
        A file that the processes of one endpoint share; made if absent.
    pace : Pace, optional
        What a token without a rate of its own may send; as much as it likes if not given.
    clock : callable
        Seconds since any moment, the same for all processes of this machine.
    """

    def __init__(self, path: Path, pace: Pace | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._pace = pace
        self._clock = clock
        self._shared: _Shared | None = None
        self._rows: dict[str, int] = {}

    def count(self, caller: Caller) -> None:
        """Let a request in.

        Raises
        ------
        Busy
            If it is one too many; it is worth trying again after that time.
        """
        pace = caller.pace or self._pace
        if pace is None:
            return
        if self._shared is None:
            self._shared = _Shared(self._path)
        row = self._rows.get(caller.name)
        if row is None:
            row = self._rows[caller.name] = self._shared.row(caller.name)
        wait = self._shared.step(row, self._clock(), pace)
        if wait > 0:
            raise Busy(f"the token {caller.name!r} may send {1 / pace.interval:g} requests per second", wait)


class _Shared:
    """Rows of (hash of a name: 16 bytes, number: 8 bytes) after their count."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._file, _SIZE)
        self._memory = mmap.mmap(self._file, _SIZE)
        self._lock = threading.Lock()

    def row(self, name: str) -> int:
        """Where a name's number is. When the table is full, names share the rows there are."""
        key = hashlib.sha256(name.encode()).digest()[:16]
        with FileLock(f"{self._path}.lock"):
            used = int.from_bytes(self._memory[:_HEAD], "little")
            for at in range(_HEAD, _HEAD + used * _ROW, _ROW):
                if self._memory[at : at + 16] == key:
                    return at + 16
            if used >= _ROWS:
                return _HEAD + key[0] * _ROW + 16
            at = _HEAD + used * _ROW
            self._memory[at : at + 16] = key
            self._memory[:_HEAD] = (used + 1).to_bytes(_HEAD, "little")
            return at + 16

    def step(self, at: int, now: float, pace: Pace) -> float:
        """Count one request, or return how many seconds too early it is."""
        with self._lock:  # record locks are a process's, not a thread's
            fcntl.lockf(self._file, fcntl.LOCK_EX, _NUMBER.size, at)
            try:
                (planned,) = _NUMBER.unpack_from(self._memory, at)
                # What lies further ahead than a burst was written before the machine's clock began anew.
                planned = max(now, min(planned, now + pace.burst * pace.interval))
                early = planned - now - (pace.burst - 1) * pace.interval
                admitted = early <= _ROUNDING
                _NUMBER.pack_into(self._memory, at, planned + pace.interval if admitted else planned)
                return 0.0 if admitted else float(early)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _NUMBER.size, at)
