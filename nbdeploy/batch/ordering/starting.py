"""Preparing a run: everything that can be checked is checked and written, before it is recorded and queued."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from msgspec import to_builtins

from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.notifying import choose
from nbdeploy.batch.ordering.checking import Checked, check_timeout
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.processes import launch_of
from nbdeploy.batch.record import QUEUED, Run
from nbdeploy.batch.retention import tidy
from nbdeploy.settings import Settings

__all__ = ["Prepared", "prepare_command", "prepare_notebook"]


@dataclass(frozen=True)
class Prepared:
    """A run whose folder is complete; it is neither recorded nor does it run.

    Attributes
    ----------
    run : Run
        What to record.
    folder : Folder
        Its files.
    settings : Settings
        The settings in force for it.
    environment : mapping
        Variables to set for it.
    """

    run: Run
    folder: Folder
    settings: Settings
    environment: Mapping[str, str] = field(default_factory=dict)

    def seal(self, db: str) -> Run:
        """Keep how it is to be started, with the absolute URL of the database; from here on it may be recorded."""
        self.folder.keep(launch_of(self.run.notebook, self.settings, db, self.environment))
        return self.run

    def discard(self) -> None:
        """Forget it: its folder goes."""
        shutil.rmtree(self.folder.path, ignore_errors=True)


def prepare_notebook(
    order: Order,
    settings: Settings,
    *,
    environment: Mapping[str, str] | None = None,
    schedule: str = "",
) -> Prepared:
    """Check a run of a notebook, and write its folder. See :func:`nbdeploy.batch.run`."""
    checked = Checked.of(order, settings, environment or {})
    now = datetime.now(UTC)
    tidy(settings)
    folder = Folder.new(settings.home / "runs", now)
    try:
        request = checked.write(folder)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    run = Run(
        request.run,
        checked.book.path,
        Path(request.output),
        folder.path,
        QUEUED,
        checked.values,
        now,
        schedule=schedule,
        after=tuple(order.after),
        at_once=order.at_once,
        runs_at_once=settings.runs_at_once,
        sweep=order.sweep,
        pipeline=order.pipeline,
    )
    return Prepared(run, folder, settings, checked.environment)


def prepare_command(
    command: Sequence[str],
    words: str,
    settings: Settings,
    *,
    cwd: Path,
    output: str,
    timeout: float | None = None,
    environment: Mapping[str, str] | None = None,
    schedule: str = "",
    notify: Sequence[str] = (),
) -> Prepared:
    """Write the folder of a run that is a command.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    words : str
        How it is shown to people.
    settings : Settings
        The settings in force for it.
    cwd : Path
        Where it is executed.
    output : str
        What it writes.
    timeout : float, optional
        Seconds that it may take.
    environment : mapping, optional
        Variables to set for it.
    schedule : str
        The schedule that begins it, if one does.
    notify : sequence of str
        Whom to tell how it ended.
    """
    check_timeout(timeout)
    notices = to_builtins(choose(notify, settings))
    now = datetime.now(UTC)
    tidy(settings)
    folder = Folder.new(settings.home / "runs", now)
    request = Request(
        folder.path.name, "", output, timeout=timeout, command=list(command), cwd=str(cwd), notify=notices
    )
    folder.write(request)
    run = Run(
        request.run,
        None,
        Path(output),
        folder.path,
        QUEUED,
        created=now,
        command=words,
        schedule=schedule,
        runs_at_once=settings.runs_at_once,
    )
    return Prepared(run, folder, settings, environment or {})
