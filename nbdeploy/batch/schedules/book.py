"""Schedules in the database: each change is one transaction, so that no time is lost or used twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from nbdeploy.batch.ledger import changed
from nbdeploy.batch.processes import here
from nbdeploy.batch.record import QUEUED, RUNNING, Run
from nbdeploy.batch.rows import is_silent, new_row
from nbdeploy.batch.schedules.jobs import Job
from nbdeploy.batch.schedules.schedule import (
    SKIPPED,
    STARTED,
    TRIGGERED,
    WAITING,
    Due,
    Schedule,
    due_since,
)
from nbdeploy.database import Database, DueRow, RunRow, ScheduleRow
from nbdeploy.errors import Conflict, NotFound
from nbdeploy.hints import typed

__all__ = ["Book"]


class Book:
    """The schedules of a database, and what became of their times.

    Parameters
    ----------
    database : Database
        Where they are recorded.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, schedule: Schedule, instead: bool = False) -> None:
        """Record a new schedule; `instead` of the one of its name, if there is one.

        Raises
        ------
        Conflict
            If its name is taken.
        """
        try:
            with self.database.writing() as session:
                taken = session.scalar(select(ScheduleRow).where(ScheduleRow.name == schedule.name))
                if taken is not None and instead:
                    _forget(session, taken)
                    session.flush()
                session.add(_row(schedule))
        except IntegrityError as error:
            raise Conflict(
                f"there is a schedule {schedule.name!r} already; --replace puts this one in its place, "
                f"{typed(f'schedule rm {schedule.name}')} removes it",
                name=schedule.name,
            ) from error

    def all(self) -> list[Schedule]:
        """Every schedule, by name."""
        with self.database.reading() as session:
            return [_value(row) for row in session.scalars(select(ScheduleRow).order_by(ScheduleRow.name))]

    def stamps(self) -> Sequence[Any]:
        """What differs if any schedule does; far cheaper than reading them."""
        with self.database.reading() as session:
            facts = select(ScheduleRow.id, ScheduleRow.decided, ScheduleRow.paused).order_by(ScheduleRow.id)
            return session.execute(facts).all()

    def get(self, name: str) -> Schedule:
        """The schedule of a name.

        Raises
        ------
        NotFound
            If there is none.
        """
        with self.database.reading() as session:
            return _value(self._row(session, name))

    def remove(self, name: str) -> Schedule:
        """Forget a schedule and what became of its times; its runs stay."""
        with self.database.writing() as session:
            row = self._row(session, name)
            _forget(session, row)
            return _value(row)

    def pause(self, name: str) -> Schedule:
        """Let a schedule rest; what waits to begin is skipped."""
        with self.database.writing() as session:
            row = self._row(session, name)
            row.paused = True
            waiting = (DueRow.schedule == row.id, DueRow.state == WAITING, DueRow.reason != TRIGGERED)
            session.execute(update(DueRow).where(*waiting).values(state=SKIPPED, note="paused"))
            return _value(row)

    def resume(self, name: str, now: datetime) -> Schedule:
        """Let a schedule go on; times during its rest were not missed."""
        with self.database.writing() as session:
            row = self._row(session, name)
            if row.paused:
                row.paused, row.decided = False, max(row.decided, now)
            return _value(row)

    def trigger(self, schedule: Schedule, now: datetime) -> Due:
        """Record that a schedule shall run now, besides its times."""
        while True:
            due = schedule.at(now, TRIGGERED)
            try:
                with self.database.writing() as session:
                    session.add(DueRow(**asdict(due)))
                return due
            except IntegrityError:
                now += timedelta(microseconds=1)

    def decide(self, schedule: Schedule, now: datetime) -> None:
        """Settle what becomes of the times of a schedule up to `now`: all of them, or none if the process dies."""
        with self.database.writing() as session:
            row = session.get(ScheduleRow, schedule.id, with_for_update=True)
            if row is None or row.paused or row.decided >= now:
                return
            found = due_since(_value(row), now)
            room = row.bound - self._waiting(session, row.id)
            for due in found:
                room -= due.state == WAITING
                crowded = row.overlap == "queue" and due.state == WAITING and room < 0
                session.add(DueRow(**asdict(_left_out(due, row.bound) if crowded else due)))
            row.decided = now

    def waiting(self, now: datetime) -> list[Due]:
        """The times that should begin, oldest first."""
        ready = select(DueRow).where(DueRow.state == WAITING, DueRow.begin <= now).order_by(DueRow.due)
        with self.database.reading() as session:
            return [_due(row) for row in session.scalars(ready)]

    def due(self, schedule: str, due: datetime) -> Due:
        """What became of one time."""
        with self.database.reading() as session:
            return _due(session.get_one(DueRow, (schedule, due)))

    def history(self, schedule: Schedule, limit: int = 1) -> list[Due]:
        """What became of the last times of a schedule, newest first."""
        newest = select(DueRow).where(DueRow.schedule == schedule.id).order_by(DueRow.due.desc()).limit(limit)
        with self.database.reading() as session:
            return [_due(row) for row in session.scalars(newest)]

    def open_runs(self, schedule: str) -> list[str]:
        """The runs of a schedule that have not ended."""
        with self.database.reading() as session:
            return _open_runs(session, schedule)

    def claim(self, due: Due, run: Run, alone: bool) -> bool:
        """Record that a time becomes a run, and the run, which is queued with it.

        Parameters
        ----------
        due : Due
            The time.
        run : Run
            The run.
        alone : bool
            Whether no other run of the schedule may be open.

        Returns
        -------
        bool
            False if it was seen to already, or another run is open; nothing is changed then.
        """
        with self.database.writing() as session:
            session.get(ScheduleRow, due.schedule, with_for_update=True)
            row = session.get(DueRow, (due.schedule, due.due), with_for_update=True)
            if row is None or row.state != WAITING or (alone and _open_runs(session, due.schedule)):
                return False
            row.state, row.run = STARTED, run.id
            session.add(new_row(run))
            return True

    def settle(self, due: Due, state: str, note: str) -> None:
        """Record that a time that waits becomes no run, and why."""
        mine = (DueRow.schedule == due.schedule, DueRow.due == due.due, DueRow.state == WAITING)
        with self.database.writing() as session:
            session.execute(update(DueRow).where(*mine).values(state=state, note=note))

    def recover(self) -> list[str]:
        """Let times wait again whose run is queued on another machine, where nobody sees to it.

        A dispatcher may live there again one day: without its record the run does not begin.

        Returns
        -------
        list of str
            The folders of the runs that were given up.
        """
        there = (RunRow.status == QUEUED, RunRow.host != here(), RunRow.schedule != "")
        pairs = select(DueRow, RunRow).join(RunRow, DueRow.run == RunRow.id).where(*there)
        with self.database.reading() as session:
            found = [(due, run) for due, run in session.execute(pairs).all() if is_silent(session, run)]
        return [run.folder for due, run in found if self._again(due, run)]

    def _again(self, due: DueRow, run: RunRow) -> bool:
        """A run that began in the meantime is not touched: the run's row decides, by one statement."""
        unbegun = delete(RunRow).where(RunRow.id == run.id, RunRow.status == QUEUED)
        with self.database.writing() as session:
            row = session.get(DueRow, (due.schedule, due.due), with_for_update=True)
            if row is None or row.run != run.id or not changed(session.execute(unbegun)):
                return False
            row.state, row.run = WAITING, None
            return True

    def _row(self, session: Session, name: str) -> ScheduleRow:
        row = session.scalar(select(ScheduleRow).where(ScheduleRow.name == name))
        if row is None:
            names = session.scalars(select(ScheduleRow.name)).all()
            raise NotFound("schedule", name, names, hint=f"{typed('schedule list')} shows them")
        return row

    def _waiting(self, session: Session, schedule: str) -> int:
        rows = select(func.count()).where(DueRow.schedule == schedule, DueRow.state == WAITING)
        return session.scalar(rows) or 0


def _left_out(due: Due, bound: int) -> Due:
    return replace(due, state=SKIPPED, note=f"{bound} runs wait already")


def _open_runs(session: Session, schedule: str) -> list[str]:
    still = (RunRow.status.in_((QUEUED, RUNNING)), DueRow.schedule == schedule)
    return list(session.scalars(select(RunRow.id).join(DueRow, DueRow.run == RunRow.id).where(*still)))


def _forget(session: Session, row: ScheduleRow) -> None:
    session.execute(delete(DueRow).where(DueRow.schedule == row.id))
    session.delete(row)


def _row(schedule: Schedule) -> ScheduleRow:
    facts = {name: getattr(schedule, name) for name in _PLAIN}
    job = msgspec.to_builtins(schedule.job)
    return ScheduleRow(**facts, jitter=schedule.jitter.total_seconds(), job=job)


def _value(row: ScheduleRow) -> Schedule:
    facts = {name: getattr(row, name) for name in _PLAIN}
    return Schedule(**facts, jitter=timedelta(seconds=row.jitter), job=msgspec.convert(row.job, Job))


def _due(row: DueRow) -> Due:
    return Due(row.schedule, row.due, row.begin, row.reason, row.state, row.run, row.note)


_PLAIN: Sequence[str] = (
    "id",
    "name",
    "cron",
    "timezone",
    "begins",
    "ends",
    "missed",
    "overlap",
    "bound",
    "paused",
    "decided",
    "created",
)
