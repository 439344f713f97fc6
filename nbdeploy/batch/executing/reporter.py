"""Progress of a run, written for whoever follows it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence

from nbdeploy.batch.executing.memory import Meter
from nbdeploy.batch.executing.transcript import Transcript
from nbdeploy.batch.folder import Folder
from nbdeploy.notebooks import first_line

__all__ = ["Reporter"]

_FIRST_LOOK = 1.0
_LOOK_SHARE = 0.02
"""Part of the time gone by after which progress is written again, so that a long run writes little."""


class Reporter:
    """Writes cells as they begin, how long all has taken, and what memory; and headings into the log.

    Parameters
    ----------
    files : Folder
        Where to.
    log : Transcript
        Gets a heading for each cell.
    meter : Meter
        Knows the memory.
    expected : sequence of float
        Seconds that each cell took in an earlier run; if there are as many cells, it is told what is left.
    clock : callable, optional
        A monotonic clock.

    Attributes
    ----------
    attempt : int
        Which attempt goes on.
    """

    def __init__(
        self,
        files: Folder,
        log: Transcript,
        meter: Meter,
        expected: Sequence[float] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._log = log
        self._meter = meter
        self._expected = expected
        self._clock = clock
        self._begun = clock()
        self._told = self._cell_begun = self._begun
        self._step: dict[str, object] = {}
        self.attempt = 1

    def cell(self, position: int, total: int, source: str) -> None:
        """Say that a cell is next, or with ``position == total`` that all are done."""
        message = first_line(source)
        self._cell_begun = self._clock()
        if position < total:
            self._log.heading(f"cell {position + 1} of {total}: {message}")
        self._step = {"done": position, "total": total, "unit": "cells", "message": message}
        self._tell()

    def pause(self, message: str) -> None:
        """Say what is waited for."""
        self._step = {**self._step, "message": message}
        self._tell()

    def look(self) -> None:
        """Say again how far the run is, now and then."""
        gone = self._clock() - self._begun
        if self._step and self._clock() - self._told >= max(_FIRST_LOOK, _LOOK_SHARE * gone):
            self._tell()

    def _tell(self) -> None:
        self._told = self._clock()
        facts = {
            "seconds": round(self._told - self._begun, 3),
            "left": self._left(),
            "memory": self._meter.last,
            "attempt": self.attempt,
        }
        with self._files.events.open("a", encoding="utf-8") as events:
            events.write(json.dumps({**self._step, "facts": facts}) + "\n")

    def _left(self) -> float | None:
        """Seconds still to go, if the cells take as long as they did; None if nobody knows."""
        if not self._expected or self._step["total"] != len(self._expected):
            return None
        this, *others = [*self._expected[int(str(self._step["done"])) :], 0.0]
        return round(sum(others) + max(0.0, this - (self._clock() - self._cell_begun)), 3)
