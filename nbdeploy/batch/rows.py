"""What the rows of runs mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, type_coerce
from sqlalchemy.orm import Session

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.outputs import Declared, Outputs
from nbdeploy.batch.parameters import decode, encode
from nbdeploy.batch.processes import Worker, here
from nbdeploy.batch.queue.line import Turn, line
from nbdeploy.batch.record import QUEUED, SUCCEEDED, Run
from nbdeploy.database import Instant, RunRow

__all__ = ["SILENCE", "columns_of", "is_gone", "is_silent", "new_row", "seen", "turns_of", "worker_of"]

SILENCE = timedelta(seconds=60)
"""How long nothing may be heard of a run of another machine."""


def new_row(run: Run) -> RunRow:
    """A run that waits for its turn on this machine, as it is recorded."""
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
        **columns_of(Worker(here(), 0, 0.0)),
        beat=func.current_timestamp(),
        after=list(run.after),
        at_once=run.at_once,
        runs_at_once=run.runs_at_once,
        sweep=run.sweep,
        pipeline=run.pipeline,
    )


def columns_of(worker: Worker) -> dict[str, Any]:
    """The columns that say who answers for a run."""
    return {"host": worker.host, "pid": worker.pid, "pid_started": worker.started, "boot": worker.boot}


def worker_of(row: RunRow) -> Worker:
    """The process that answers for a run."""
    return Worker(row.host, row.pid, row.pid_started, row.boot)


def is_gone(session: Session, row: RunRow) -> bool:
    """Whether the process of a run has vanished: of another machine's, by its silence, timed by the database."""
    return worker_of(row).gone if row.host == here() else is_silent(session, row)


def is_silent(session: Session, row: RunRow) -> bool:
    """Whether nothing was heard of a run for too long, by the clock of the database: no others need to agree."""
    if row.beat is None:
        return False
    now = session.scalars(select(type_coerce(func.current_timestamp(), Instant))).one()
    return now - row.beat > SILENCE


def turns_of(session: Session, rows: Iterable[RunRow]) -> dict[str, Turn]:
    """What those of some runs that are queued wait for, by their ids."""
    hosts = {row.host for row in rows if row.status == QUEUED}
    return {turn.id: turn for host in hosts for turn in line(session, host)}


def seen(row: RunRow, turns: Mapping[str, Turn]) -> Run:
    """A run as users see it: with what its folder tells, and its place in the line."""
    run = _value(row)
    left = Outputs(run.folder).left() if run.final and run.status != SUCCEEDED else Declared()
    turn = turns.get(run.id)
    position, waits = (None, "") if turn is None else (turn.position, turn.waits)
    files = Folder(run.folder)
    return replace(
        run,
        progress=files.progress(),
        attempts=files.attempts().known,
        unpublished=left,
        position=position,
        waits=waits,
        host=row.host,
    )


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
