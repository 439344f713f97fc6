"""How long the log stays: for so many days, and so many rows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, true

from nbdeploy.database import AuditRow, BlockRow, Database, PredictionRow, TruthRow

__all__ = ["KEEP", "MOST_ROWS", "Retention"]

KEEP = timedelta(days=30)
MOST_ROWS = 2_000_000
AUDIT = timedelta(days=400)
"""How long acts stay: for a year, and the time to look back at it."""

_EVERY_SECONDS = 60.0
_PORTION = 5_000
_SLACK_SECONDS = 60.0
_SETTLED_SECONDS = 86_400.0
_log = logging.getLogger(__name__)


@dataclass
class Retention:
    """Removes what is older than wanted, and the oldest of what is more than wanted.

    Attributes
    ----------
    keep : timedelta
        How long requests, their rows and truths stay.
    most_rows : int
        How many rows stay at most; a request counts as one at least.
    endpoint : str or None
        Whose rows; everybody's in the database if None.
    now : callable
        The clock, in seconds since 1970.
    steady : callable
        A clock that nobody sets, in seconds. Where the other one jumps ahead of it, nothing is too old until a day has
        shown that the jump is meant: a wrong time that is put right again deletes nothing.
    """

    keep: timedelta = KEEP
    most_rows: int = MOST_ROWS
    endpoint: str | None = None
    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    _next: float = field(default=0.0, init=False, repr=False)
    _known: int = field(default=-1, init=False, repr=False)
    _seen: int = field(default=0, init=False, repr=False)
    _ahead: float | None = field(default=None, init=False, repr=False)
    _trusted: float = field(default=0.0, init=False, repr=False)

    def apply(self, database: Database, written: int) -> None:
        """Remove what has to go, if it is time to look, or if too many rows were written since the last look.

        Parameters
        ----------
        database : Database
            Whose rows.
        written : int
            Rows written to it since the start.
        """
        self._known += written - self._seen if self._known >= 0 else 0
        self._seen = written
        if self.steady() < self._next and self._known <= self.most_rows * 1.1:
            return
        self._next = self.steady() + _EVERY_SECONDS
        if self._is_true(database):
            now = datetime.fromtimestamp(self.now(), UTC)
            self._remove(database, now - self.keep)
            self._delete(database, AuditRow, now - AUDIT)
        with database.reading() as session:
            self._known = int(
                session.execute(
                    select(func.coalesce(func.sum(_weight()), 0)).where(self._mine(PredictionRow))
                ).scalar_one()
            )
            cut = session.execute(self._beyond()).scalar() if self._known > self.most_rows else None
        if cut is not None:
            self._remove(database, cut + timedelta(microseconds=1))
            self._known = min(self._known, self.most_rows)

    def _is_true(self, database: Database) -> bool:
        """Whether the clock goes as a steady one does, or has done so for a day since it jumped.

        At a start there is nothing to compare with but the latest request: that all there is would be too old can be,
        and can be a clock that is wrong.
        """
        ahead = self.now() - self.steady()
        jumped = self._ahead is not None and abs(ahead - self._ahead) > _SLACK_SECONDS
        if self._ahead is None:
            with database.reading() as session:
                latest = session.execute(select(func.max(PredictionRow.time)).where(self._mine(PredictionRow))).scalar()
            jumped = latest is not None and self.now() - latest.timestamp() > self.keep.total_seconds()
        if jumped:
            self._trusted = self.steady() + _SETTLED_SECONDS
            _log.warning("the clock may have jumped: nothing is removed from the prediction log for its age for a day")
        self._ahead = ahead
        return self.steady() >= self._trusted

    def _mine(self, table: Any) -> Any:
        return true() if self.endpoint is None else table.endpoint.in_({self.endpoint, ""})

    def _beyond(self) -> Any:
        """When the youngest request came with which there are too many rows."""
        order = (PredictionRow.time.desc(), PredictionRow.id.desc())
        running = select(PredictionRow.time, func.sum(_weight()).over(order_by=order).label("total"))
        found = running.where(self._mine(PredictionRow)).subquery()
        return select(func.max(found.c.time)).where(found.c.total > self.most_rows)

    def _remove(self, database: Database, before: datetime) -> None:
        for table in (PredictionRow, BlockRow, TruthRow):
            self._delete(database, table, before)

    def _delete(self, database: Database, table: Any, before: datetime) -> None:
        """Delete in portions, so that nobody waits long for the database."""
        key = table.prediction if table is TruthRow else table.id
        old = select(key).where(table.time < before, self._mine(table)).limit(_PORTION)
        while True:
            with database.writing() as session:
                if not session.execute(delete(table).where(key.in_(old))).rowcount:  # type: ignore[attr-defined]
                    return


def _weight() -> Any:
    return case((PredictionRow.rows > 1, PredictionRow.rows), else_=1)
