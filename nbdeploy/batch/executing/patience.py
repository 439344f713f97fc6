"""Patience with a database that does not answer for a while: a server that restarts, a disk that is full."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

__all__ = ["patiently"]

_SECONDS = 1800.0
_LONGEST_PAUSE = 10.0


def patiently(act: Callable[[], object], pause: float = 0.5, seconds: float = _SECONDS) -> None:
    """Do what has to be done sooner or later, until the database takes it.

    Parameters
    ----------
    act : callable
        What may be done more than once.
    pause : float
        Seconds before it is tried again; longer each time.
    seconds : float
        When to give up.

    Raises
    ------
    DBAPIError
        If the database has not answered for so long.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            act()
            return
        except DBAPIError:
            if time.monotonic() + pause > until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
