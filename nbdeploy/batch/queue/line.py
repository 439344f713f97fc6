"""The line of runs before a machine: which may start, and what the others wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from nbdeploy.batch.processes import Worker
from nbdeploy.batch.record import FAILED, LOST, QUEUED, RUNNING, STOPPED, SUCCEEDED
from nbdeploy.cards import count
from nbdeploy.database import RunRow

__all__ = ["Place", "Turn", "line", "places"]

_COLUMNS = (
    "id",
    "status",
    "notebook",
    "folder",
    "after",
    "at_once",
    "runs_at_once",
    "host",
    "pid",
    "pid_started",
    "boot",
)
_GONE = "gone"
_ENDED = {FAILED: "failed", STOPPED: "was stopped", LOST: "was lost", _GONE: "is not recorded any more"}
"""Ends after which no other run follows."""


@dataclass(frozen=True)
class Place:
    """A run that has not ended, as far as it matters to those behind it. See :class:`nbdeploy.database.RunRow`."""

    id: str
    notebook: str
    folder: str = ""
    running: bool = False
    claimed: bool = False
    after: Sequence[str] = ()
    at_once: int | None = None
    runs_at_once: int | None = None


@dataclass(frozen=True)
class Turn:
    """What is to become of a run that is queued.

    Attributes
    ----------
    id, folder : str
        The run.
    position : int
        Its place in the line, from 1.
    waits : str
        What it waits for, in words; empty if it may start.
    broken : str
        What keeps it from ever starting, in words; empty if nothing does.
    claimed : bool
        Whether somebody is about to start it.
    """

    id: str
    folder: str
    position: int
    waits: str = ""
    broken: str = ""
    claimed: bool = False

    @property
    def ready(self) -> bool:
        """Whether it is to be started now."""
        return not (self.waits or self.broken or self.claimed)


def line(session: Session, host: str, lock: bool = False, me: Worker | None = None) -> list[Turn]:
    """The runs that are queued for a machine, in the order of their submission.

    Parameters
    ----------
    session : Session
        Of the database.
    host : str
        The machine.
    lock : bool
        Whether nobody else may change any of them until the session ends.
    me : Worker, optional
        A dispatcher that is between two starts: what it claimed before, and could not start, is free.
    """
    columns = [getattr(RunRow, name) for name in _COLUMNS]
    mine = select(*columns).where(RunRow.host == host, RunRow.status.in_((QUEUED, RUNNING)))
    ordered = mine.order_by(RunRow.created, RunRow.id)
    rows = session.execute(ordered.with_for_update() if lock else ordered).all()
    needed = {run for row in rows if row.status == QUEUED for run in row.after}
    known = select(RunRow.id, RunRow.status).where(RunRow.id.in_(needed))
    statuses = {row.id: row.status for row in session.execute(known)} if needed else {}
    return list(places([_place(row, me) for row in rows], statuses))


def places(runs: Sequence[Place], statuses: Mapping[str, str]) -> Iterator[Turn]:
    """What is to become of each run that is queued.

    Parameters
    ----------
    runs : sequence of Place
        The open runs of a machine, in the order of their submission.
    statuses : mapping
        Statuses of the runs that some of them must follow.
    """
    busy = [run for run in runs if run.running or run.claimed]
    going, of_notebook = len(busy), Counter(run.notebook for run in busy)
    waits_before, full = set[str](), ""
    for position, run in enumerate((run for run in runs if not run.running), 1):
        if run.claimed:
            yield Turn(run.id, run.folder, position, claimed=True)
            continue
        broken = _broken(run, statuses)
        waits = "" if broken else _before(run, statuses)
        if not (broken or waits) and run.runs_at_once is not None:
            waits = full = full or _machine(run.runs_at_once, going)
        if not (broken or waits) and run.notebook:
            waits = _same(run, of_notebook[run.notebook], run.notebook in waits_before)
            if waits:
                waits_before.add(run.notebook)
        if not (broken or waits):
            going += 1
            of_notebook[run.notebook] += 1
        yield Turn(run.id, run.folder, position, waits, broken)


def _broken(run: Place, statuses: Mapping[str, str]) -> str:
    for each in run.after:
        status = statuses.get(each, _GONE)
        if status in _ENDED:
            return f"run {each}, which had to succeed before, {_ENDED[status]}"
    return ""


def _before(run: Place, statuses: Mapping[str, str]) -> str:
    open_ = [each for each in run.after if statuses.get(each) != SUCCEEDED]
    return f"run{'s' * (len(open_) > 1)} {', '.join(open_)}" if open_ else ""


def _machine(limit: int, going: int) -> str:
    return "" if going < limit else f"its turn: {count(limit, 'run')} at once on this machine"


def _same(run: Place, going: int, behind: bool) -> str:
    if behind or (run.at_once is not None and going >= run.at_once):
        limit = f": {count(run.at_once, 'run')} of it at once" if run.at_once is not None else ""
        return f"another run of {Path(run.notebook).name}{limit}"
    return ""


def _place(row: Any, me: Worker | None) -> Place:
    starter = Worker(row.host, row.pid, row.pid_started, row.boot)
    claimed = row.status == QUEUED and row.pid != 0 and starter != me and not starter.gone
    limits = (row.at_once, row.runs_at_once)
    return Place(row.id, row.notebook, row.folder, row.status == RUNNING, claimed, tuple(row.after), *limits)
