"""One process at a time does what only one may do for a database; when it is gone, another one does."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from nbdeploy.batch.processes import Worker
from nbdeploy.database import Database, LeaseRow

__all__ = ["Holder", "Lease", "holder"]

RENEW = 3.0
"""Seconds after which the holder shows that it lives."""
PATIENCE = 9.0
"""Seconds without a sign of life after which another process takes over. Of a holder on the same machine that is gone
it is known at once."""
_STALE = timedelta(seconds=60)


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes
    ----------
    worker : Worker
        Its process.
    alive : bool
        Whether it still does, as far as can be seen from here.
    place : str
        Where it lives, in words.
    """

    worker: Worker
    alive: bool
    place: str = ""


class Lease:
    """A lease that this object wants to hold.

    The holder counts; whoever waits watches the count by its own clock. So clocks need not agree, and may be set.

    Parameters
    ----------
    database : Database
        Where it is recorded.
    name : str
        What it is for.
    clock : callable
        Seconds that pass, from any zero.
    place : str
        Where this process lives, in words.
    """

    def __init__(
        self, database: Database, name: str, clock: Callable[[], float] = time.monotonic, place: str = ""
    ) -> None:
        self.database = database
        self.name = name
        self.place = place
        self.held = False
        self._clock = clock
        self._worker = Worker.of()
        self._token = secrets.token_hex(8)
        self._renewed = self._seen_at = clock()
        self._seen: tuple[str, int] | None = None

    def hold(self) -> bool:
        """Take or keep the lease, if that is possible now; call it every second or two."""
        if self.held and self._clock() - self._renewed < RENEW:
            return True
        try:
            self.held = self._take()
        except IntegrityError:  # another process took a lease that nobody had
            self.held = False
        return self.held

    def release(self) -> None:
        """Give it back, so that another process need not wait."""
        mine = delete(LeaseRow).where(LeaseRow.name == self.name, LeaseRow.token == self._token)
        with self.database.writing() as session:
            session.execute(mine)
        self.held = False

    def _take(self) -> bool:
        now = self._clock()
        with self.database.reading() as session:
            row = session.get(LeaseRow, self.name)
        if row is not None and row.token != self._token and not self._abandoned(row, now):
            return False
        with self.database.writing() as session:
            found = session.get(LeaseRow, self.name, with_for_update=True)
            if found is None:
                found = LeaseRow(name=self.name, beat=0)
                session.add(found)
            elif row is None or (found.token, found.beat) != (row.token, row.beat):
                return False  # it lives after all, or somebody else was faster
            found.token, found.beat, found.renewed = self._token, found.beat + 1, datetime.now(UTC)
            found.place = self.place
            found.host, found.pid, found.pid_started = self._worker.host, self._worker.pid, self._worker.started
        self._renewed = now
        return True

    def _abandoned(self, row: LeaseRow, now: float) -> bool:
        if (row.token, row.beat) != self._seen:
            self._seen, self._seen_at = (row.token, row.beat), now
        return _worker(row).gone or now - self._seen_at >= PATIENCE


def holder(database: Database, name: str) -> Holder | None:
    """Who holds a lease, if anybody ever did."""
    with database.reading() as session:
        row = session.get(LeaseRow, name)
    if row is None:
        return None
    worker = _worker(row)
    return Holder(worker, not worker.gone and datetime.now(UTC) - row.renewed < _STALE, row.place)


def _worker(row: LeaseRow) -> Worker:
    return Worker(row.host, row.pid, row.pid_started)
