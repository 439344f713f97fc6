"""Runs in the database: who may change which status."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, Result, func, select, update
from sqlalchemy.orm import Session

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.identity import chosen
from nbdeploy.batch.notifying import tell_apart
from nbdeploy.batch.outputs import Declared, Outputs
from nbdeploy.batch.processes import Worker, end_belongings, here
from nbdeploy.batch.record import FAILED, LOST, QUEUED, RUNNING, SUCCEEDED, Run
from nbdeploy.batch.rows import columns_of, is_gone, new_row, seen, turns_of, worker_of
from nbdeploy.database import Database, RunRow
from nbdeploy.hints import typed

__all__ = ["Ledger", "changed", "stopped"]

_OPEN = (QUEUED, RUNNING)
_LOOK_SECONDS = 0.1


class Ledger:
    """The run records of a database; a context manager.

    Only the process that answers for a run moves it on, and a status that is final stays; so every
    change is one statement that names the statuses it may replace.

    Parameters
    ----------
    url : str
        The database.
    told : callable, optional
        Tells of a run that has ended by what is done here; by default in a process of its own, so that nobody waits.
    """

    def __init__(self, url: str, told: Callable[[Run], object] | None = None) -> None:
        self.database = Database(url)
        self._told = told or self._tell_apart

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    @property
    def url(self) -> str:
        """Absolute URL of the database, with its password: for a process of ours."""
        return self.database.url.render_as_string(hide_password=False)

    def add(self, run: Run) -> None:
        """Record a new run, which then waits for its turn on this machine."""
        with self.database.writing() as session:
            session.add(new_row(run))

    def start(self, run_id: str, worker: Worker) -> bool:
        """Hand a run to its process. False if it has ended already, or was handed to another one.

        Whoever claimed it may have been killed, and another one started a second process: this statement decides.
        """
        process = {"status": RUNNING, "started": _now(), "beat": func.current_timestamp(), **columns_of(worker)}
        if self._change(run_id, (QUEUED,), process):
            return True
        with self.database.reading() as session:
            row = session.get(RunRow, run_id)
        return row is not None and (row.status, row.host, row.pid) == (RUNNING, worker.host, worker.pid)

    def finish(
        self,
        run_id: str,
        status: str,
        error: Failure | None = None,
        output: Path | None = None,
        declared: Declared | None = None,
        peak_memory: int | None = None,
    ) -> None:
        """Record how a run ended. Its own process may also correct that it was thought lost."""
        values: dict[str, Any] = {"status": status, "finished": _now(), "error": error.document() if error else None}
        if output is not None:
            values["output"] = str(output)
        if declared is not None:
            values |= declared.columns()
        if peak_memory is not None:
            values["peak_memory"] = peak_memory
        if self._change(run_id, (*_OPEN, LOST), values):
            self._told(self.get(run_id))

    def stop(self, run_id: str, ends_as: str) -> bool:
        """Note how a run is to end that somebody stops; one that is queued has ended with it.

        Returns
        -------
        bool
            Whether it has processes that are still to be ended.
        """
        error = stopped(ends_as)
        ended = {"status": ends_as, "finished": _now(), "error": error.document() if error else None}
        if self._change(run_id, (QUEUED,), ended):
            self._told(self.get(run_id))
            return False
        return self._change(run_id, (RUNNING,), {"ends_as": ends_as})

    def ends_as(self, run_id: str) -> str:
        """The status that a run is to end with, because somebody stops it; empty if nobody does."""
        with self.database.reading() as session:
            return session.scalar(select(RunRow.ends_as).where(RunRow.id == run_id)) or ""

    def lose(self, run_id: str, worker: Worker, status: str = LOST, error: Failure | None = None) -> bool:
        """Record that the process of a run is gone, and the run not through; False if another one has it, or it ended.

        What the process left behind on this machine ends, too. The error may come later than the status: not everybody
        who sees it knows how the process ended. What had published its outputs was through, and lacks nothing but the
        record of it.
        """
        with self.database.reading() as session:
            published = Outputs(Path(session.get_one(RunRow, run_id).folder)).read()
        asked = self.ends_as(run_id)
        status, error = (asked, stopped(asked)) if asked else (status, error)
        values: dict[str, Any] = {"status": status, "error": error.document() if error else None}
        if published is not None:
            values = {"status": SUCCEEDED, "error": None, **published.columns()}
        mine = (RunRow.id == run_id, RunRow.host == worker.host, RunRow.pid == worker.pid)
        thought = () if error is None else (LOST,)
        statement = update(RunRow).where(*mine, RunRow.status.in_((RUNNING, *thought)), RunRow.error.is_(None))
        with self.database.writing() as session:
            done = changed(session.execute(statement.values(finished=_now(), **values)))
        if done and worker.host == here():
            end_belongings(self._folder(run_id))
        if done:
            self._told(self.get(run_id))
        return done and published is None

    def find_lost(self) -> list[str]:
        """The runs whose processes are gone, which nobody had seen yet; from here on they are lost."""
        with self.database.reading() as session:
            rows = list(session.scalars(select(RunRow).where(RunRow.status == RUNNING)))
            gone = [row for row in rows if is_gone(session, row)]
        return [row.id for row in gone if self.lose(row.id, worker_of(row))]

    def status(self, run_id: str) -> str:
        """The status of a run, and nothing else."""
        with self.database.reading() as session:
            return session.scalars(select(RunRow.status).where(RunRow.id == run_id)).one()

    def beat(self, run_id: str) -> None:
        """Show that the process of a run lives."""
        mine = update(RunRow).where(RunRow.id == run_id, RunRow.status == RUNNING)
        with self.database.writing() as session:
            session.execute(mine.values(beat=func.current_timestamp()))

    def attempt(self, run_id: str, number: int) -> None:
        """Record that another attempt begins."""
        self._change(run_id, _OPEN, {"attempt": number})

    def get(self, run_id: str) -> Run:
        """Return a run by its id, or by a part at either end that no other run has.

        Raises
        ------
        NotFound
            If there is no such run.
        WrongUsage
            If several runs match.
        """
        with self.database.reading() as session:
            found = session.get(RunRow, run_id) or self._match(session, run_id)
            gone = found.status == RUNNING and is_gone(session, found)
        if gone:
            self.lose(found.id, worker_of(found))
        with self.database.reading() as session:
            row = session.get_one(RunRow, found.id)
            return seen(row, turns_of(session, [row]))

    def with_reason(self, run_id: str, seconds: float) -> Run:
        """Return a run; of one that is lost, when its reason is known or so many seconds have passed.

        Who sees first that a run is lost may not know how its process ended; its dispatcher says it soon after.
        """
        until = time.monotonic() + seconds
        while (run := self.get(run_id)).status == LOST and run.error is None and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        return run

    def all(self, limit: int, status: str | None = None) -> list[Run]:
        """The newest runs, newest first; of one status, if it is given."""
        self.find_lost()
        newest = select(RunRow).order_by(RunRow.created.desc(), RunRow.id.desc()).limit(limit)
        with self.database.reading() as session:
            rows = list(session.scalars(newest if status is None else newest.where(RunRow.status == status)))
            turns = turns_of(session, rows)
        return [seen(row, turns) for row in rows]

    def last_success(self, notebook: str) -> Path | None:
        """The folder of the newest run of a notebook that has succeeded, if one has."""
        ended = select(RunRow.folder).where(RunRow.notebook == notebook, RunRow.status == SUCCEEDED)
        with self.database.reading() as session:
            folder = session.scalar(ended.order_by(RunRow.created.desc(), RunRow.id.desc()).limit(1))
        return None if folder is None else Path(folder)

    def parts(self, kind: str, of: str) -> dict[str, Run]:
        """The newest run of each part of a sweep or a pipeline.

        Parameters
        ----------
        kind : str
            ``"sweep"`` or ``"pipeline"``.
        of : str
            What comes before the part in that column.
        """
        self.find_lost()
        column = getattr(RunRow, kind)
        mine = select(RunRow).where(column.startswith(of, autoescape=True)).order_by(RunRow.created, RunRow.id)
        with self.database.reading() as session:
            rows = list(session.scalars(mine))
            turns = turns_of(session, rows)
        return {getattr(row, kind).removeprefix(of): seen(row, turns) for row in rows}

    def pass_turn(self, kind: str, of: str) -> None:
        """Let one of the open parts of a sweep or a pipeline start although the machine takes no more runs.

        Nothing happens while one has this already.
        """
        column = getattr(RunRow, kind)
        open_ = (column.startswith(of, autoescape=True), RunRow.status.in_(_OPEN))
        mine = select(RunRow.id, RunRow.status, RunRow.runs_at_once).where(*open_).order_by(RunRow.created, RunRow.id)
        with self.database.reading() as session:
            rows = session.execute(mine).all()
        first = next((row.id for row in rows if row.status == QUEUED), None)
        if first is not None and all(row.runs_at_once is not None for row in rows):
            self._change(first, (QUEUED,), {"runs_at_once": None})

    def worker(self, run_id: str) -> Worker:
        """The process that answers for a run now."""
        with self.database.reading() as session:
            return worker_of(session.get_one(RunRow, run_id))

    def _tell_apart(self, run: Run) -> None:
        tell_apart(run, self.url)

    def _folder(self, run_id: str) -> Path:
        with self.database.reading() as session:
            return Path(session.scalars(select(RunRow.folder).where(RunRow.id == run_id)).one())

    def _match(self, session: Session, part: str) -> RunRow:
        ids = list(session.scalars(select(RunRow.id).order_by(RunRow.id.desc())))
        return session.get_one(RunRow, chosen("run", part, ids, hint=f"{typed('runs')} lists them"))

    def _change(self, run_id: str, replaceable: tuple[str, ...], values: Mapping[str, Any]) -> bool:
        statement = update(RunRow).where(RunRow.id == run_id, RunRow.status.in_(replaceable)).values(**values)
        with self.database.writing() as session:
            return changed(session.execute(statement))


def changed(done: Result[Any]) -> bool:
    """Whether a statement changed a row."""
    return isinstance(done, CursorResult) and done.rowcount > 0


def stopped(ends_as: str) -> Failure | None:
    """What is said of a run that somebody stopped, if it counts as failed."""
    return Failure("Stopped", "it was stopped, to count as failed") if ends_as == FAILED else None


def _now() -> datetime:
    return datetime.now(UTC)
