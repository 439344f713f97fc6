"""The process that sees to schedules: a small loop over the database.

Everything that must not be lost or doubled is a transaction of :class:`~nbdeploy.batch.schedules.book.Book`, so the
loop may be killed anywhere, and two of them at once do no harm. A scheduler library would keep a second record of times
beside ours; of APScheduler, the line whose stores processes can share (4) has had alpha releases only.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.queue.queue import Enter, enter, go_on
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.lease import Lease
from nbdeploy.batch.schedules.schedule import SKIPPED, TRIGGERED, UNSTARTED, Due, Schedule
from nbdeploy.errors import NbdeployError

__all__ = ["LEASE", "Scheduler", "start"]

LEASE = "scheduler"
LOOK_EVERY = 2.0
"""Seconds between two looks at the database."""
RECOVER_EVERY = 5.0
"""Seconds between two looks for runs that nobody began."""

_log = logging.getLogger(__name__)


def now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


class Scheduler:
    """Sees to the schedules of a database, while it is the one that does.

    Parameters
    ----------
    ledger : Ledger
        The database of runs and schedules.
    clock : callable
        This moment.
    enter : callable
        Sees to it that what was added to the queue of a home is started.
    seconds : callable
        Seconds that pass, for the lease.
    place : str
        Where it lives, in words, if it ends with that: "the Jupyter server".

    Attributes
    ----------
    leads : bool
        Whether it is the one.
    """

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], datetime] = now,
        enter: Enter = enter,
        seconds: Callable[[], float] = time.monotonic,
        place: str = "",
    ) -> None:
        self.ledger = ledger
        self.book = Book(ledger.database)
        self.lease = Lease(ledger.database, LEASE, seconds, place)
        self.leads = False
        self._clock = clock
        self._enter = enter
        self._next: dict[str, tuple[Schedule, datetime | None]] = {}
        self._schedules: dict[str, Schedule] = {}
        self._stamps: Sequence[Any] = ()
        self._seconds = seconds
        self._recovered: float | None = None

    def run(self, stop: threading.Event, told: Callable[[bool], object] = bool) -> None:
        """See to the schedules until told to stop.

        Parameters
        ----------
        stop : threading.Event
            Ends it.
        told : callable
            Called when it begins to be the one, and when another one is.
        """
        before = None
        try:
            while not stop.is_set():
                try:
                    self.turn()
                except DBAPIError as error:  # a server that restarts, a disk that is full for a while
                    _log.warning("the database did not answer: %s", error.orig)
                    self.leads = False
                if self.leads != before:
                    before = self.leads
                    told(self.leads)
                stop.wait(LOOK_EVERY)
        finally:
            if self.lease.held:
                with contextlib.suppress(DBAPIError):
                    self.lease.release()

    def turn(self) -> None:
        """See to everything that is due at this moment."""
        self._recover()
        self.leads = self.lease.hold()
        if not self.leads:
            return
        at = self._clock()
        self._read()
        for schedule in self._schedules.values():
            if self._is_due(schedule, at):
                self.book.decide(schedule, at)
        for due in self.book.waiting(at):
            if due.schedule in self._schedules:
                self._begin(self._schedules[due.schedule], due)

    def _recover(self) -> None:
        if self._recovered is not None and self._seconds() - self._recovered < RECOVER_EVERY:
            return
        for folder in self.book.recover():
            shutil.rmtree(folder, ignore_errors=True)
        go_on(self.ledger, self._enter)  # also of one that waits: each machine has queues of its own
        self._recovered = self._seconds()

    def _read(self) -> None:
        stamps = self.book.stamps()
        if stamps != self._stamps:
            self._schedules = {schedule.id: schedule for schedule in self.book.all()}
            self._stamps = stamps

    def _is_due(self, schedule: Schedule, at: datetime) -> bool:
        seen, following = self._next.get(schedule.id, (None, None))
        if seen != schedule:
            following = next(schedule.times(schedule.decided), None)
            self._next[schedule.id] = (schedule, following)
        return not schedule.paused and following is not None and following <= at

    def _begin(self, schedule: Schedule, due: Due) -> None:
        try:
            start(self.ledger, schedule, due, self._enter)
        except NbdeployError as error:
            _log.warning("schedule %s could not start its run of %s: %s", schedule.name, due.due, error)
            return
        except DBAPIError:
            raise
        except Exception as error:  # a defect of one schedule must not stop the others
            _log.exception("schedule %s could not start its run of %s", schedule.name, due.due)
            self.book.settle(due, UNSTARTED, f"{type(error).__name__}: {error}")


def start(ledger: Ledger, schedule: Schedule, due: Due, enter: Enter = enter) -> bool:
    """Make a run of a time that waits, unless the run before still goes; it is queued then.

    Returns
    -------
    bool
        False if the time waits on, was skipped, or somebody else saw to it.

    Raises
    ------
    NbdeployError
        If the run cannot start; the time's note says why, and it is not tried again.
    """
    book = Book(ledger.database)
    alone = schedule.overlap != "allow"
    if alone and _still_going(ledger, book, schedule, due):
        return False
    try:
        settings = schedule.job.at.settings()
        prepared = schedule.job.prepare(due.due.astimezone(schedule.zone), settings, schedule.name)
    except NbdeployError as error:
        book.settle(due, UNSTARTED, str(error))
        raise
    if not book.claim(due, prepared.seal(ledger.url), alone):
        prepared.discard()
        return False
    enter(ledger, settings.home)
    return True


def _still_going(ledger: Ledger, book: Book, schedule: Schedule, due: Due) -> bool:
    going = [run for run in map(ledger.get, book.open_runs(schedule.id)) if not run.final]
    if going and schedule.overlap == "skip" and due.reason != TRIGGERED:
        book.settle(due, SKIPPED, f"run {going[0].id} was still going")
    return bool(going)
