"""Preparing a run: everything that can be checked is checked and written, before it is recorded and queued."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from msgspec import to_builtins

from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.kernels import choose_kernel
from nbdeploy.batch.notifying import choose
from nbdeploy.batch.order import Order
from nbdeploy.batch.parameters import bind, check_secrets, encode
from nbdeploy.batch.processes import launch_of
from nbdeploy.batch.record import QUEUED, Run
from nbdeploy.batch.resuming import Earlier
from nbdeploy.batch.retention import tidy
from nbdeploy.batch.retrying import Retrying
from nbdeploy.batch.workplace import Workplace
from nbdeploy.errors import WrongUsage
from nbdeploy.files import replacing
from nbdeploy.notebooks import Notebook
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
    earlier = Earlier.find(order, settings)
    book = Notebook.read(order.notebook) if earlier is None or order.notebook else earlier.notebook()
    given = order.values if earlier is None or order.gives_parameters else earlier.parameters
    values = bind(book, given, order.raw, order.files)
    if earlier is not None:
        earlier.check(book, encode(values))
    chosen = choose_kernel(book, order.kernel)
    _check_timeout(order.timeout)
    _check_timeout(order.cell_timeout)
    Retrying(order.retries, order.retry_wait, order.retry_on).check()
    if order.at_once is not None and order.at_once < 1:
        raise WrongUsage(f"{order.at_once} runs of a notebook at once are none: give 1 or more")
    workplace, report = Workplace.of(order), _report(order)
    check_secrets(values, {**os.environ, **workplace.variables, **(environment or {})})
    notices = to_builtins(choose(order.notify, settings))
    destination = None if order.output is None else _destination(book, Path(order.output))
    now = datetime.now(UTC)
    tidy(settings)
    folder = Folder.new(settings.home / "runs", now)
    place = destination or folder.path / f"{book.path.stem}.ipynb"
    try:
        request = Request(
            folder.path.name,
            str(book.path),
            str(place),
            encode(values),
            kernel=chosen,
            cwd=workplace.furnish(folder.path) or (earlier.furnish(folder) if earlier else ""),
            report=report,
            after=order.after,
            notify=notices,
            resumes=earlier.run.id if earlier else "",
            **order.limits,
        )
        folder.write(request, book.content)
        if earlier is not None:
            earlier.hand_over(folder)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    run = Run(
        request.run,
        book.path,
        place,
        folder.path,
        QUEUED,
        values,
        now,
        schedule=schedule,
        after=tuple(order.after),
        at_once=order.at_once,
        runs_at_once=settings.runs_at_once,
        sweep=order.sweep,
        pipeline=order.pipeline,
    )
    return Prepared(run, folder, settings, {**workplace.variables, **(environment or {})})


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
    _check_timeout(timeout)
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


def _report(order: Order) -> str:
    if order.no_input and not order.report:
        raise WrongUsage("there is no report to leave the code out of: ask for one with --report")
    return "" if not order.report else "no-input" if order.no_input else "full"


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout > 0:
        raise WrongUsage(f"a timeout of {timeout:g} s leaves no time: give seconds above 0")


def _destination(book: Notebook, output: Path) -> Path:
    """Where to put the executed notebook; refused now if it cannot be written."""
    place = output.expanduser().absolute()
    if place.is_dir():
        place = place / f"{book.path.stem}.ipynb"
    if place.exists() and place.samefile(book.path):
        raise WrongUsage(f"the output {place} is the notebook itself: name another file", output=str(place))
    with contextlib.suppress(_Writable), replacing(place):
        raise _Writable
    return place


class _Writable(Exception):
    """No error: leaves `replacing` before anything is replaced."""
