"""Schedulers: in this process until it is stopped, in a thread of a server, or as a process that belongs to nobody."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from sqlalchemy.exc import DBAPIError

from nbdeploy.batch.detached import last_words, start_detached
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import here
from nbdeploy.batch.queue.queue import go_on
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.lease import Holder, holder
from nbdeploy.batch.schedules.results import Scheduling
from nbdeploy.batch.schedules.scheduler import LEASE, Scheduler
from nbdeploy.errors import Conflict, NbdeployError, Unreachable

__all__ = ["alongside", "detach", "run_here", "running", "stop"]

START_SECONDS = 30.0
STOP_SECONDS = 15.0
_LOOK_SECONDS = 5.0

_log = logging.getLogger(__name__)


def running(ledger: Ledger) -> Holder | None:
    """The process that sees to the schedules of a database, if one does."""
    found = holder(ledger.database, LEASE)
    return found if found is not None and found.alive else None


def run_here(ledger: Ledger, told: Callable[[Scheduling], None]) -> Scheduling:
    """See to schedules in this process until it is asked to end."""
    stopped = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
    Scheduler(ledger).run(stopped, lambda leads: told(_here("is at work" if leads else "waits for its turn")))
    return _here("has ended")


def detach(ledger: Ledger, log: Path) -> Scheduling:
    """Start a scheduler that survives this process, unless one runs.

    Raises
    ------
    Unreachable
        If it does not begin; the message has the end of its log.
    """
    found = running(ledger)
    if found is not None:
        return _there(found, "runs already")
    log.parent.mkdir(parents=True, exist_ok=True)
    process = start_detached(["nbdeploy", "scheduler", "--unless-running"], ledger.url, log)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        found = running(ledger)
        if found is not None:
            return _there(found, "is at work")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise Unreachable(f"the scheduler did not begin; the end of {log}:\n{last_words(log)}", log=str(log))


def stop(ledger: Ledger) -> Scheduling:
    """Ask the scheduler of this machine to end; its runs go on.

    Raises
    ------
    Conflict
        If it runs on another machine, in a server of another kind, or belongs to somebody else.
    """
    found = running(ledger)
    if found is None:
        return Scheduling(None, here(), "", "did not run")
    if found.place:
        raise Conflict(f"the scheduler is a part of {found.place} (process {found.worker.pid}): stop that")
    try:
        process = psutil.Process(found.worker.pid)
        if found.worker.gone or found.worker.host != here():
            raise Conflict(f"the scheduler runs on {found.worker.host}: stop it there")
        process.terminate()
        process.wait(STOP_SECONDS)
    except psutil.AccessDenied as error:
        raise Conflict(f"process {found.worker.pid} belongs to another user; ask them to stop it") from error
    except psutil.TimeoutExpired as error:
        raise Conflict(f"process {found.worker.pid} does not end: kill -9 {found.worker.pid}") from error
    except psutil.NoSuchProcess:
        pass
    return _there(found, "has ended")


def alongside(db: str, stopped: threading.Event, place: str) -> None:
    """See to schedules in a thread of another program, from when there are any, unless another process does.

    Runs that are queued go on with it.

    Parameters
    ----------
    db : str
        The database.
    stopped : threading.Event
        Ends it.
    place : str
        What the program is, in words.
    """
    while not stopped.is_set():
        try:
            _run_if_any(db, stopped, place)
        except (NbdeployError, DBAPIError) as error:
            _log.warning("schedules are not seen to: %s", error)
            stopped.wait(60)
        stopped.wait(_LOOK_SECONDS)


def _run_if_any(db: str, stopped: threading.Event, place: str) -> None:
    with Ledger(db) as ledger:
        while not Book(ledger.database).all():
            go_on(ledger)
            if stopped.wait(_LOOK_SECONDS):
                return
        Scheduler(ledger, place=place).run(stopped)


def _here(state: str) -> Scheduling:
    return Scheduling(os.getpid(), here(), "", state)


def _there(found: Holder, state: str) -> Scheduling:
    return Scheduling(found.worker.pid, found.worker.host, found.place, state)
