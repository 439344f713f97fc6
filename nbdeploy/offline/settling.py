"""Telling files that somebody is still writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from nbdeploy.offline.listing import Input

__all__ = ["SETTLE", "Settling"]

SETTLE = 2.0
"""Seconds for which a file must not have changed."""


class Settling:
    """Tells files that are still being written.

    A file that was last written :data:`SETTLE` seconds before it was found, or more, has settled. One that was
    written later, or in the future, is looked at again that many seconds after it was found: it has settled if its
    size and time are the same. Every file is looked at again just before it is read.

    Parameters
    ----------
    clock : callable
        Seconds since 1970; files were found just now.
    sleep : callable
        Waits for some seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._found = clock()

    def order(self, inputs: Sequence[Input]) -> list[int]:
        """Return the numbers of the inputs in the order to take them: first those for which nobody has to wait."""
        return sorted(range(len(inputs)), key=lambda i: self._is_recent(inputs[i]))

    def grows(self, one: Input) -> bool:
        """Whether a file is still being written; wait until that can be known."""
        if one.whole:
            return False
        if self._is_recent(one):
            self._sleep(max(0.0, self._found + SETTLE - self._clock()))
        return self.changed(one)

    def changed(self, one: Input) -> bool:
        """Whether a file is another one than was found; False if it is gone."""
        if one.whole:
            return False
        try:
            status = Path(one.place).stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) != (one.size, one.modified)

    def _is_recent(self, one: Input) -> bool:
        return not one.whole and self._found - one.modified / 1e9 < SETTLE
