"""Runs in the database: who may change which status, and what the rows mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import CursorResult, Result, select, update
from sqlalchemy.orm import Session

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.outputs import Declared, Outputs
from nbdeploy.batch.parameters import decode, encode
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.record import LOST, QUEUED, RUNNING, SUCCEEDED, Run
from nbdeploy.database import Database, RunRow
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.hints import typed

__all__ = ["Ledger", "changed", "new_row"]

_OPEN = (QUEUED, RUNNING)


class Ledger:
    """The run records of a database; a context manager.

    Only the process that answers for a run moves it on, and a status that is final stays; so every
    change is one statement that names the statuses it may replace.

    Parameters
    ----------
    url : str
        The database.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    @property
    def url(self) -> str:
        """Absolute URL of the database, with its password: for a process of ours."""
        return self.database.url.render_as_string(hide_password=False)

    def add(self, run: Run, worker: Worker) -> None:
        """Record a new run; until its own process takes over, the submitting one answers for it."""
        with self.database.writing() as session:
            session.add(new_row(run, worker))

    def start(self, run_id: str, worker: Worker) -> bool:
        """Hand a run to its process. False if it has ended already, or was handed to another one."""
        process = {"host": worker.host, "pid": worker.pid, "pid_started": worker.started}
        if self._change(run_id, (QUEUED,), {"status": RUNNING, "started": _now(), **process}):
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
    ) -> None:
        """Record how a run ended. Its own process may also correct that it was thought lost."""
        values: dict[str, Any] = {"status": status, "finished": _now(), "error": error.document() if error else None}
        if output is not None:
            values["output"] = str(output)
        if declared is not None:
            values |= declared.columns()
        self._change(run_id, (*_OPEN, LOST), values)

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
            row = session.get(RunRow, run_id) or self._match(session, run_id)
        return self._run(row)

    def all(self, limit: int) -> list[Run]:
        """The newest runs, newest first."""
        newest = select(RunRow).order_by(RunRow.created.desc(), RunRow.id.desc()).limit(limit)
        with self.database.reading() as session:
            rows = list(session.scalars(newest))
        return [self._run(row) for row in rows]

    def worker(self, run_id: str) -> Worker:
        """The process that answers for a run now."""
        with self.database.reading() as session:
            return _worker(session.get_one(RunRow, run_id))

    def _match(self, session: Session, part: str) -> RunRow:
        ids = list(session.scalars(select(RunRow.id).order_by(RunRow.id.desc())))
        found = [each for each in ids if part and (each.startswith(part) or each.endswith(part))]
        if len(found) > 1:
            raise WrongUsage(
                f"{part!r} may be any of the runs {', '.join(found[:8])}: write more of it", available=found
            )
        if not found:
            raise NotFound("run", part, ids[:8], hint=f"{typed('runs')} lists them")
        return session.get_one(RunRow, found[0])

    def _run(self, row: RunRow) -> Run:
        if row.status in _OPEN and _worker(row).gone:
            self._change(row.id, _OPEN, {"status": LOST, "finished": _now()})
            with self.database.reading() as session:
                row = session.get_one(RunRow, row.id)
        run = _value(row)
        left = Outputs(run.folder).left() if run.final and run.status != SUCCEEDED else Declared()
        return replace(run, progress=Folder(run.folder).progress(), unpublished=left)

    def _change(self, run_id: str, replaceable: tuple[str, ...], values: Mapping[str, Any]) -> bool:
        statement = update(RunRow).where(RunRow.id == run_id, RunRow.status.in_(replaceable)).values(**values)
        with self.database.writing() as session:
            return changed(session.execute(statement))


def changed(done: Result[Any]) -> bool:
    """Whether a statement changed a row."""
    return isinstance(done, CursorResult) and done.rowcount > 0


def new_row(run: Run, worker: Worker) -> RunRow:
    """A run that waits for its process, as it is recorded."""
    return RunRow(
        id=run.id,
        notebook="" if run.notebook is None else str(run.notebook),
        command=run.command,
        schedule=run.schedule,
        folder=str(run.folder),
        output=str(run.output),
        status=QUEUED,
        parameters=encode(dict(run.parameters)),
        created=run.created,
        host=worker.host,
        pid=worker.pid,
        pid_started=worker.started,
        after=list(run.after),
        at_once=run.at_once,
        runs_at_once=run.runs_at_once,
        sweep=run.sweep,
        pipeline=run.pipeline,
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _worker(row: RunRow) -> Worker:
    return Worker(row.host, row.pid, row.pid_started)


def _value(row: RunRow) -> Run:
    return Run(
        id=row.id,
        notebook=Path(row.notebook) if row.notebook else None,
        command=row.command,
        schedule=row.schedule,
        output=Path(row.output),
        folder=Path(row.folder),
        status=row.status,
        parameters=decode(row.parameters),
        created=row.created,
        started=row.started,
        finished=row.finished,
        error=None if row.error is None else Failure.of(row.error),
        after=tuple(row.after),
        at_once=row.at_once,
        runs_at_once=row.runs_at_once,
        attempt=row.attempt,
        peak_memory=row.peak_memory,
        published=Declared.from_columns(row.outputs, row.metrics, Outputs(Path(row.folder)).published),
        sweep=row.sweep,
        pipeline=row.pipeline,
    )
