"""Running notebooks: submit, follow, list, read the log, stop."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Mapping

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Events, Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.order import Order
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.record import FAILED, STOPPED, SUCCEEDED, Run, RunList
from nbdeploy.batch.starting import launch, prepare_notebook
from nbdeploy.errors import RunFailed
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

__all__ = ["find", "logs", "run", "runs", "stop", "submit"]

_LOOK_EVERY = 0.1
_LOG_LINES = 5


def run(
    order: Order,
    *,
    settings: Settings,
    progress: Report = ignore_progress,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Execute a notebook in a process of its own, in its own folder, and wait until it has ended.

    Parameters
    ----------
    order : Order
        The notebook as it is now, and how to run it.
    settings : Settings
        Where runs and their records live.
    progress : callable, optional
        Told about each cell.
    environment : mapping, optional
        Variables to set for the run.

    Raises
    ------
    RunFailed
        If the run did not succeed; its record is kept, and is the error's ``run``.
    NotFound, InvalidData, WrongUsage, NotWritable
        If it cannot start; nothing was executed or changed then.
    """
    begun, child = _start(order, settings, environment)
    try:
        _follow(child, Folder(begun.folder), progress)
    except BaseException:
        stop(settings, begun.id)
        child.wait()
        raise
    return _ended(settings, begun.id, child.returncode)


def submit(order: Order, *, settings: Settings, environment: Mapping[str, str] | None = None) -> Run:
    """Start a run as `run` does and return at once; it outlives this process, and records itself.

    Returns
    -------
    Run
        The run, with status ``running``; `find` tells what became of it.
    """
    begun, child = _start(order, settings, environment)
    threading.Thread(target=child.wait, name=f"run {begun.id}", daemon=True).start()
    return begun


def runs(settings: Settings, limit: int = 50) -> RunList:
    """The newest runs, newest first."""
    with Ledger(settings.db) as ledger:
        return RunList(ledger.all(limit))


def find(settings: Settings, run_id: str) -> Run:
    """A run by its id, or by a part at either end that no other run has.

    Raises
    ------
    NotFound, WrongUsage
        If there is no such run, or several.
    """
    with Ledger(settings.db) as ledger:
        return ledger.get(run_id)


def logs(settings: Settings, run_id: str) -> str:
    """What a run's cells printed, under a heading for each cell, and the error if one failed."""
    return _log(find(settings, run_id))


def stop(settings: Settings, run_id: str) -> Run:
    """Stop a run with all its processes. One that has ended stays as it is."""
    with Ledger(settings.db) as ledger:
        found = ledger.get(run_id)
        if not found.final:
            ledger.worker(found.id).stop()
            ledger.finish(found.id, STOPPED)
        return ledger.get(found.id)


def _start(
    order: Order, settings: Settings, environment: Mapping[str, str] | None
) -> tuple[Run, subprocess.Popen[bytes]]:
    """Check everything that can be checked, then record the run, then start its process."""
    prepared = prepare_notebook(order, settings, environment=environment)
    with Ledger(settings.db) as ledger:
        ledger.add(prepared.run, Worker.of())
        child = launch(ledger, prepared)
        return ledger.get(prepared.run.id), child


def _follow(child: subprocess.Popen[bytes], folder: Folder, progress: Report) -> None:
    with Events(folder) as events:
        while child.poll() is None:
            events.report(progress)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_LOOK_EVERY)
        events.report(progress)


def _ended(settings: Settings, run_id: str, status: int) -> Run:
    with Ledger(settings.db) as ledger:
        ended = ledger.get(run_id)
        if ended.status not in {SUCCEEDED, FAILED, STOPPED}:
            ledger.finish(run_id, FAILED, _died(status, _log(ended)))
            ended = ledger.get(run_id)
    if ended.status != SUCCEEDED:
        raise RunFailed(ended.explanation(), run=ended)
    return ended


def _died(status: int, log: str) -> Failure:
    last = "\n".join(["; its log ends:", *log.splitlines()[-_LOG_LINES:]]) if log.strip() else ""
    how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
    return Failure("ProcessDied", f"the run's process {how} before it could say why{last}")


def _log(run: Run) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Folder(run.folder).log.read_text(encoding="utf-8", errors="replace")
    return ""
