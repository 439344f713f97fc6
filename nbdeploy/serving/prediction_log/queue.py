"""Where events wait: bounded, so that what cannot be written in time is lost to the log and not to the requests."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from nbdeploy.serving.prediction_log.event import Event, Records, Subject, packed

__all__ = ["Queue"]

MOST_EVENTS = 20_000
MOST_CELLS = 8_000_000
"""Of tables waiting: 64 MB, if all are floats."""

_CELL = 8
"""Bytes."""


class Queue:
    """Events that wait for the writer. Filled by one thread, emptied by another, without a lock.

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
        self._events: deque[Event | tuple[Subject, bytes]] = deque()
        self._most_events, self._most_cells = most_events, most_cells
        self._chance = chance
        # Each is written by one thread only, so that neither needs a lock.
        self._taken_in = self._given_out = 0

    def append(self, event: Event) -> None:
        """Take an event in; takes about two microseconds, and never waits."""
        if len(self._events) >= self._most_events:
            self.dropped += max(event.rows, 1)
            return
        if event.inputs is not None:
            cells = event.rows * event.subject.width
            if self.share < 1.0 and self._chance() >= self.share:
                event.inputs = event.answers = None
            elif self._taken_in - self._given_out + cells > self._most_cells:
                self.dropped += event.rows
                event.inputs = event.answers = None
            elif type(event.inputs) is list:
                content = packed(event)
                self._taken_in += len(content) // _CELL
                self._events.append((event.subject, content))
                return
            else:
                event.cells = cells
                self._taken_in += cells
        self._events.append(event)

    def drain(self) -> tuple[list[Event], Records]:
        """Give out everything that waits: events as they are, and those that are bytes."""
        events, records, subjects = list[Event](), list[tuple[int, bytes]](), dict[int, Subject]()
        for _ in range(len(self._events)):
            one = self._events.popleft()
            if isinstance(one, Event):
                self._given_out += one.cells
                events.append(one)
            else:
                subject, content = one
                self._given_out += len(content) // _CELL
                subjects[id(subject)] = subject
                records.append((id(subject), content))
        return events, Records(records, subjects)
