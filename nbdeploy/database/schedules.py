"""The tables of schedules, of the times that they were due, and of who sees to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from nbdeploy.database.models import Base

__all__ = ["DueRow", "LeaseRow", "ScheduleRow"]


class ScheduleRow(Base):
    """One schedule.

    Attributes
    ----------
    id, name : str
        The id is of this schedule alone, also if another one gets its name later.
    cron, timezone : str
        When it is due.
    jitter : float
        Seconds over which its beginnings are spread.
    begins, ends : datetime or None
        The first and the last moment at which it may be due.
    missed, overlap : str
        What becomes of times at which no scheduler ran, and of those at which the run before still goes.
    bound : int
        How many missed or queued runs are caught up, at most.
    paused : bool
        Whether it rests.
    job : dict
        What to run.
    decided : datetime
        What becomes of all times up to this one has been decided.
    created : datetime
        When it was added.
    """

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    cron: Mapped[str]
    timezone: Mapped[str]
    jitter: Mapped[float]
    begins: Mapped[datetime | None]
    ends: Mapped[datetime | None]
    missed: Mapped[str]
    overlap: Mapped[str]
    bound: Mapped[int]
    paused: Mapped[bool]
    job: Mapped[dict[str, Any]]
    decided: Mapped[datetime]
    created: Mapped[datetime]


class DueRow(Base):
    """One time at which a schedule was due, and what became of it. The key makes it happen once.

    Attributes
    ----------
    schedule : str
        The schedule's id.
    due : datetime
        The time that its cron line names, or that of a trigger.
    begin : datetime
        When to begin; later than `due` by the jitter.
    reason : str
        ``due``, ``missed`` or ``triggered``.
    state : str
        ``waiting``, ``started``, ``skipped`` or ``failed``.
    run : str or None
        The run that it started.
    note : str
        Why it was skipped or could not start.
    """

    __tablename__ = "schedule_times"

    schedule: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime] = mapped_column(primary_key=True)
    begin: Mapped[datetime]
    reason: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    run: Mapped[str | None] = mapped_column(index=True)
    note: Mapped[str]


class LeaseRow(Base):
    """Who does what only one process may do for a database.

    Attributes
    ----------
    name : str
        What it is.
    token : str
        The holder's own.
    host, pid, pid_started
        The holder's process.
    beat : int
        Counts up while the holder lives; nobody compares clocks.
    renewed : datetime
        When it last did, by the holder's clock: to be shown.
    place : str
        Where the holder lives, in words: it ends with that.
    """

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    pid_started: Mapped[float]
    beat: Mapped[int]
    renewed: Mapped[datetime]
    place: Mapped[str]
