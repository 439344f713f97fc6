"""Running notebooks: run, submit, find, list, stop."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace

from msgspec.structs import replace as changed

from nbdeploy.batch.folder import Events, Folder
from nbdeploy.batch.ledger import Ledger, stopped
from nbdeploy.batch.notifying import wait_until_told
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.ordering.starting import prepare_notebook
from nbdeploy.batch.outputs import VARIABLE
from nbdeploy.batch.processes import here
from nbdeploy.batch.queue.queue import enter, go_on
from nbdeploy.batch.record import FAILED, FINAL, QUEUED, STOPPED, SUCCEEDED, Run, RunList
from nbdeploy.errors import Conflict, RunFailed, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["ENDS", "find", "run", "runs", "stop", "submit"]

ENDS = (STOPPED, FAILED, SUCCEEDED)
"""What a run may count as that somebody stops."""
_LOOK_SECONDS = 0.1
_CARE_SECONDS = 3.0
"""Seconds between two looks whether the run that one waits for is still seen to."""
_REASON_SECONDS = 2.0
_ELSEWHERE_SECONDS = 60.0


def run(
    order: Order,
    *,
    settings: Settings,
    progress: Report = ignore_progress,
    environment: Mapping[str, str] | None = None,
) -> Run:
    """Execute a notebook in a process of its own, in its own folder, and wait until it has ended.

    It waits for its turn as others do, unless a run asks for it: that one has its turn already, and waits.

    Parameters
    ----------
    order : Order
        The notebook as it is now, and how to run it.
    settings : Settings
        Where runs and their records live.
    progress : callable, optional
        Told about each cell, and before what it waits for.
    environment : mapping, optional
        Variables to set for the run.

    Raises
    ------
    RunFailed
        If the run did not succeed; its record is kept, and is the error's ``run``.
    NotFound, InvalidData, WrongUsage, NotWritable
        If it cannot start; nothing was executed or changed then.
    """
    with Ledger(settings.db) as ledger:
        begun = _submit(ledger, order, settings, environment, inside=VARIABLE in os.environ)
        try:
            enter(ledger, settings.home)
            ended = _followed(ledger, begun, progress)
            wait_until_told(ended)
        except BaseException:
            stop(settings, begun.id)
            raise
    if ended.status != SUCCEEDED:
        raise RunFailed(ended.explanation(), run=ended)
    return ended


def submit(order: Order, *, settings: Settings, environment: Mapping[str, str] | None = None) -> Run:
    """Queue a run as `run` does and return at once; it outlives this process, and records itself.

    Returns
    -------
    Run
        The run, with status ``queued`` or ``running``; `find` tells what became of it.
    """
    with Ledger(settings.db) as ledger:
        begun = _submit(ledger, order, settings, environment)
        enter(ledger, settings.home)
        return ledger.get(begun.id)


def runs(settings: Settings, limit: int = 50, status: str | None = None) -> RunList:
    """The newest runs, newest first; of one status, if it is given.

    Raises
    ------
    WrongUsage
        If there is no such status.
    """
    known = (QUEUED, "running", *sorted(FINAL))
    if status is not None and status not in known:
        raise WrongUsage(f"{status!r} is no status of runs; there are: {', '.join(known)}", available=known)
    if limit < 1:
        raise WrongUsage(f"a limit of {limit} shows nothing: give 1 or more")
    with Ledger(settings.db) as ledger:
        go_on(ledger)
        return RunList(ledger.all(limit, status))


def find(settings: Settings, run_id: str) -> Run:
    """A run by its id, or by a part at either end that no other run has.

    Raises
    ------
    NotFound, WrongUsage
        If there is no such run, or several.
    """
    with Ledger(settings.db) as ledger:
        return ledger.get(run_id)


def stop(settings: Settings, run_id: str, ends_as: str = STOPPED) -> Run:
    """Stop a run with all its processes, or one that is queued. One that has ended stays as it is.

    Parameters
    ----------
    settings : Settings
        Where runs and their records live.
    run_id : str
        The run.
    ends_as : str
        What it then counts as: ``stopped``, ``failed`` or ``succeeded``.

    Raises
    ------
    Conflict
        If its processes belong to somebody else, or the machine that it is on does not end them.
    """
    if ends_as not in ENDS:
        raise WrongUsage(f"a run cannot be stopped as {ends_as!r}; there are: {', '.join(ENDS)}", available=ENDS)
    with Ledger(settings.db) as ledger:
        found = ledger.get(run_id)
        if not found.final and ledger.stop(found.id, ends_as):
            if found.host == here():
                ledger.worker(found.id).stop(found.folder)
                ledger.finish(found.id, ends_as, stopped(ends_as))
            else:
                _wait_for(ledger, found)
        Folder(found.folder).forget_launch()
        go_on(ledger)
        return ledger.get(found.id)


def _submit(
    ledger: Ledger, order: Order, settings: Settings, environment: Mapping[str, str] | None, inside: bool = False
) -> Run:
    """Check everything that can be checked, then record the run; it waits for its turn from here on."""
    before = [ledger.get(each).id for each in order.after]
    prepared = prepare_notebook(changed(order, after=before), settings, environment=environment)
    run = prepared.seal(ledger.url)
    ledger.add(replace(run, runs_at_once=None) if inside else run)
    return run


def _followed(ledger: Ledger, run: Run, progress: Report) -> Run:
    waits, cared = "", time.monotonic()
    with Events(Folder(run.folder)) as events:
        while (status := ledger.status(run.id)) not in FINAL:
            events.report(progress)
            if time.monotonic() - cared > _CARE_SECONDS:
                go_on(ledger)
                cared = time.monotonic()
            if status == QUEUED and (said := ledger.get(run.id).waits) != waits:
                waits = said
                progress(Progress(0, None, "cells", f"waits for {waits}" if waits else ""))
            time.sleep(_LOOK_SECONDS)
        events.report(progress)
    return ledger.with_reason(run.id, _REASON_SECONDS)


def _wait_for(ledger: Ledger, run: Run) -> None:
    """The dispatcher of the run's machine ends it."""
    until = time.monotonic() + _ELSEWHERE_SECONDS
    while not ledger.get(run.id).final:
        if time.monotonic() > until:
            raise Conflict(f"run {run.id} goes on on {run.host}, where nothing sees to it: stop it there", run=run.id)
        time.sleep(_LOOK_SECONDS)
