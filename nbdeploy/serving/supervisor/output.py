"""What models print goes to the endpoint's log, line by line, under the version's name."""

from __future__ import annotations

import logging
import os
import threading
import time

__all__ = ["copy_output"]

LINES_PER_SECOND = 100
_LONGEST = 2000

_log = logging.getLogger(__name__)


def copy_output(name: str) -> int:
    """Return an open file for a process to write to; its lines are logged until it is closed everywhere.

    A model that prints in every call must not fill the disk: of more than 100 lines in a second the others are
    counted only.

    Parameters
    ----------
    name : str
        What stands before each line.
    """
    reading, writing = os.pipe()
    threading.Thread(target=_copy, args=(name, reading), name=f"output of {name}", daemon=True).start()
    return writing


def _copy(name: str, reading: int) -> None:
    second, lines = 0, 0
    with os.fdopen(reading, errors="replace") as stream:
        while text := stream.readline(_LONGEST):
            if int(time.monotonic()) != second:
                if lines > LINES_PER_SECOND:
                    _log.warning("%s: %d more lines were left out", name, lines - LINES_PER_SECOND)
                second, lines = int(time.monotonic()), 0
            lines += 1
            if lines <= LINES_PER_SECOND and text.strip():
                _log.info("%s: %s", name, text.rstrip())
