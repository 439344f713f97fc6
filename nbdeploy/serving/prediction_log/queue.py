"""Where events wait: bounded, so that what cannot be written in time is lost to the log and not to the requests."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from nbdeploy.serving.prediction_log.event import Event, Records

__all__ = ["Queue"]

MOST_EVENTS = 20_000
MOST_CELLS = 8_000_000
"""Of tables waiting: 64 MB, if all are floats."""


class Queue:
    """Events that wait for the writer. Filled and emptied by any thread; neither keeps another one long.

    Parameters
    ----------
    share : float
        Of how many requests rows and answers are kept, from 0 to 1; of all others only that they were.
    most_events, most_cells : int
        How many events, and values of their rows, may wait.
    chance : callable
        Numbers from 0 to 1.

    Attributes
    ----------
    dropped : int
        Rows that were lost because the queue was full.
    """

    def __init__(
        self,
        share: float = 1.0,
        most_events: int = MOST_EVENTS,
        most_cells: int = MOST_CELLS,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.share = share
        self.dropped = 0
        self._most_events, self._most_cells = most_events, most_cells
        self._chance = chance
        self._turn = threading.Lock()
        self._clear()

    def append(self, event: Event) -> None:
        """Take an event in; takes about two microseconds."""
        with self._turn:
            if self._count >= self._most_events:
                self.dropped += max(event.rows, 1)
                return
            self._count += 1
            if event.inputs is not None:
                self._keep(event)
            if type(event.inputs) is list:
                self._records.add(event)
            else:
                self._events.append(event)

    def drain(self) -> tuple[list[Event], Records]:
        """Give out everything that waits: requests of records, and all others."""
        with self._turn:
            found = self._events, self._records
            self._clear()
        return found

    def _keep(self, event: Event) -> None:
        """Keep an event's rows, if they are chosen and there is room."""
        cells = event.rows * event.subject.width
        if self.share < 1.0 and self._chance() >= self.share:
            event.inputs = event.answers = None
        elif self._cells + cells > self._most_cells:
            self.dropped += event.rows
            event.inputs = event.answers = None
        else:
            self._cells += cells

    def _clear(self) -> None:
        self._events: list[Event] = []
        self._records = Records()
        self._count = self._cells = 0
