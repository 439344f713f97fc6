"""A schedule, and which of its times become runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from nbdeploy.batch.schedules.calendar import Calendar, delay, latest, zone
from nbdeploy.batch.schedules.jobs import Job

__all__ = ["LATE", "MISSED", "OVERLAP", "Due", "Schedule", "due_since"]

MISSED = ("last", "skip", "all")
"""What becomes of times at which no scheduler ran: the last one is caught up, none, or all."""
OVERLAP = ("skip", "queue", "allow")
"""What becomes of a time at which the run before still goes: nothing, it waits, or both run."""
LATE = timedelta(seconds=60)
"""A time that nobody saw to for longer is missed."""

DUE, MADE_UP, TRIGGERED = "due", "missed", "triggered"
WAITING, STARTED, SKIPPED, UNSTARTED = "waiting", "started", "skipped", "failed"
calendar_of = lru_cache(256)(Calendar)


@dataclass(frozen=True)
class Due:
    """One time of a schedule, and what becomes of it.

    Attributes
    ----------
    schedule : str
        The schedule's id.
    due, begin : datetime
        The time that the cron line names, and when the run begins: later by the jitter.
    reason, state, run, note
        See :class:`nbdeploy.database.DueRow`.
    """

    schedule: str
    due: datetime
    begin: datetime
    reason: str = DUE
    state: str = WAITING
    run: str | None = None
    note: str = ""


@dataclass(frozen=True)
class Schedule:
    """What runs when. See :class:`nbdeploy.database.ScheduleRow` for the attributes."""

    id: str
    name: str
    cron: str
    timezone: str
    job: Job = field(repr=False)
    created: datetime
    decided: datetime
    jitter: timedelta = timedelta(0)
    begins: datetime | None = None
    ends: datetime | None = None
    missed: str = MISSED[0]
    overlap: str = OVERLAP[0]
    bound: int = 100
    paused: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """Its time zone."""
        return zone(self.timezone)

    @property
    def calendar(self) -> Calendar:
        """Its cron line, in its time zone."""
        return calendar_of(self.cron, self.timezone)

    def times(self, after: datetime) -> Iterator[datetime]:
        """Its times after a moment, from its begin to its end."""
        if self.begins is not None:
            after = max(after, self.begins - timedelta(microseconds=1))
        found = self.calendar.times(after)
        return found if self.ends is None else takewhile(lambda due: self.ends is None or due <= self.ends, found)

    def preview(self, after: datetime, count: int = 10) -> list[datetime]:
        """Its next times."""
        return list(islice(self.times(after), count))

    def at(self, due: datetime, reason: str = DUE, state: str = WAITING, note: str = "") -> Due:
        """One of its times."""
        begin = due if reason == TRIGGERED else due + delay(self.id, due, self.jitter)
        return Due(self.id, due, begin, reason, state, note=note)


def due_since(schedule: Schedule, now: datetime) -> list[Due]:
    """What becomes of the times of a schedule that came since it was last looked at.

    Parameters
    ----------
    schedule : Schedule
        Up to its `decided`, everything is settled.
    now : datetime
        Up to here it is settled by what is returned.

    Returns
    -------
    list of Due
        Oldest first. Of times that are skipped together only the last is told.
    """
    on_time = list(takewhile(lambda due: due <= now, schedule.times(max(schedule.decided, now - LATE))))
    wanted = {"skip": 0, "last": 0 if on_time else 1, "all": schedule.bound}[schedule.missed]
    late = latest(schedule.times, schedule.decided, now - LATE, wanted + 1)
    skipped, made_up = (late[:-wanted], late[-wanted:]) if wanted else (late, [])
    told = [
        schedule.at(due, MADE_UP, SKIPPED, f"no scheduler ran at that time (missed: {schedule.missed})")
        for due in skipped[-1:]
    ]
    return [*told, *(schedule.at(due, MADE_UP) for due in made_up), *map(schedule.at, on_time)]
