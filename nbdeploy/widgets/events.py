"""Progress as JSON, a line for each event, for programs that start ours."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from nbdeploy.types import Progress, Report
from nbdeploy.widgets.pace import Pace

__all__ = ["json_progress"]

INTERVAL = 0.2
"""Seconds between two events, at least; the first and the last are always told."""


class _Events:
    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._pace: Pace | None = None
        self._due = 0.0
        self._latest: Progress | None = None

    def __call__(self, step: Progress) -> None:
        now = self._clock()
        if self._pace is None or not self._pace.covers(step):
            self.flush()
            self._pace, self._due = Pace(step, now), now
        self._latest = step
        if now >= self._due:
            self._due = now + INTERVAL
            self.flush()

    def flush(self) -> None:
        """Tell the newest step, if it was not told."""
        if self._latest is None or self._pace is None:
            return
        step, now = self._latest, self._clock()
        left = self._pace.left(step, now)
        event: dict[str, Any] = {
            "event": "progress",
            "message": step.message,
            "done": step.done,
            "total": step.total,
            "unit": step.unit,
            "share": step.share,
            "per_second": self._pace.rate(step, now),
            "seconds_left": None if left is None else round(left, 1),
        }
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()
        self._latest = None


@contextmanager
def json_progress(stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> Iterator[Report]:
    """Write progress to standard error as JSON, a line for each event.

    Examples
    --------
    >>> with json_progress(sys.stdout, clock=lambda: 0.0) as report:
    ...     report(Progress(0, 2, "rows", "predicting"))
    {"event": "progress", "message": "predicting", "done": 0, "total": 2, "unit": "rows", "share": 0.0, \
"per_second": null, "seconds_left": null}
    """
    events = _Events(stream or sys.stderr, clock)
    try:
        yield events
    finally:
        events.flush()
