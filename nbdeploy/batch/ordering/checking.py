"""The order of a run, once everything about it has been checked that can be before it runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from nbdeploy.batch.folder import LATER, Folder, Request
from nbdeploy.batch.kernels import Kernel, choose_kernel
from nbdeploy.batch.notifying import choose
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.ordering.resuming import Earlier
from nbdeploy.batch.ordering.workplace import Workplace
from nbdeploy.batch.parameters import bind, check_secrets, encode
from nbdeploy.batch.retrying import Retrying
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.files import replacing
from nbdeploy.notebooks import Notebook
from nbdeploy.settings import Settings

__all__ = ["Checked", "check_timeout"]

REPORTS = ("always", "asked")
"""When the report of a run is made that nobody asked for."""


@dataclass(frozen=True)
class Checked:
    """An order that can be carried out, with what was found on the way.

    Attributes
    ----------
    order : Order
        What was asked for.
    earlier : Earlier or None
        The run to go on from.
    book : Notebook
        The notebook to execute.
    values : dict
        Its parameters.
    kernel : Kernel
        What executes it.
    workplace : Workplace
        Where it is executed.
    environment : mapping of str to str
        Variables to set for it.
    report : str
        Which report to write: ``full``, ``no-input``, one behind the end of the run, or none.
    notices : list
        Whom to tell how it ended.
    destination : Path or None
        Where the executed notebook goes, if not into the run's folder.
    """

    order: Order
    earlier: Earlier | None
    book: Notebook
    values: dict[str, Any]
    kernel: Kernel
    workplace: Workplace
    environment: Mapping[str, str]
    report: str
    notices: list[Any]
    destination: Path | None

    @classmethod
    def of(cls, order: Order, settings: Settings, environment: Mapping[str, str]) -> Checked:
        """Check an order.

        Raises
        ------
        NbdeployError
            If it cannot be carried out; nothing was changed then.
        """
        earlier = Earlier.find(order, settings)
        book = Notebook.read(order.notebook) if earlier is None or order.notebook else earlier.notebook()
        given = order.values if earlier is None or order.gives_parameters else earlier.parameters
        values = bind(book, given, order.raw, order.files)
        if earlier is not None:
            earlier.check(book, encode(values))
        kernel = choose_kernel(book, order.kernel)
        _check_limits(order)
        workplace, report = Workplace.of(order), _report(order, settings)
        variables = {**workplace.variables, **environment}
        check_secrets(values, {**os.environ, **variables})
        notices = to_builtins(choose(order.notify, settings))
        destination = None if order.output is None else _destination(book, Path(order.output))
        return cls(order, earlier, book, values, kernel, workplace, variables, report, notices, destination)

    def write(self, folder: Folder) -> Request:
        """Write all that the run needs into its folder."""
        order, earlier = self.order, self.earlier
        request = Request(
            folder.path.name,
            str(self.book.path),
            str(self.destination or folder.path / f"{self.book.path.stem}.ipynb"),
            encode(self.values),
            kernel=self.kernel,
            cwd=self.workplace.furnish(folder.path) or (earlier.furnish(folder) if earlier else ""),
            report=self.report,
            after=order.after,
            notify=self.notices,
            resumes=earlier.run.id if earlier else "",
            **order.limits,
        )
        folder.write(request, self.book.content)
        if earlier is not None:
            earlier.hand_over(folder)
        return request


def _check_limits(order: Order) -> None:
    check_timeout(order.timeout)
    check_timeout(order.cell_timeout)
    Retrying(order.retries, order.retry_wait, order.retry_on).check()
    if order.at_once is not None and order.at_once < 1:
        raise WrongUsage(f"{order.at_once} runs of a notebook at once are none: give 1 or more")


def _report(order: Order, settings: Settings) -> str:
    if settings.reports not in REPORTS:
        raise InvalidData(
            f"reports is {settings.reports!r} (from: {settings.sources['reports']}), which is not understood; "
            f"there are: {', '.join(REPORTS)}"
        )
    if order.no_input and not order.report:
        raise WrongUsage("there is no report to leave the code out of: ask for one with --report")
    if not order.report:
        return LATER if settings.reports == REPORTS[0] else ""
    return "no-input" if order.no_input else "full"


def check_timeout(timeout: float | None) -> None:
    """Refuse a time in which nothing can be done."""
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
