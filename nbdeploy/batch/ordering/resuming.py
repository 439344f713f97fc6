"""Going on from a run that did not succeed: what may be resumed, and what must be as it was."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbdeploy.batch.checkpoints import Checkpoints, Resumption
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.outputs import Outputs
from nbdeploy.batch.parameters import decode
from nbdeploy.batch.record import SUCCEEDED, Run
from nbdeploy.errors import Conflict, NotFound, WrongUsage
from nbdeploy.files import writing
from nbdeploy.notebooks import Notebook
from nbdeploy.settings import Settings

__all__ = ["Earlier"]


@dataclass(frozen=True)
class Earlier:
    """A run to go on from.

    Attributes
    ----------
    run : Run
        Its record.
    files : Folder
        Its folder.
    request : Request
        What it was asked for.
    """

    run: Run
    files: Folder
    request: Request

    @classmethod
    def find(cls, order: Order, settings: Settings) -> Earlier | None:
        """The run that an order wants to resume, if it wants that.

        Raises
        ------
        NotFound
            If there is no such run.
        WrongUsage
            If it goes on still, has succeeded, or is of a command.
        """
        if order.resume is None:
            if not order.notebook:
                raise WrongUsage("nothing to run: name a notebook, or a run to --resume")
            return None
        with Ledger(settings.db) as ledger:
            run = ledger.get(order.resume)
        if not run.final:
            raise WrongUsage(f"run {run.id} is {run.status}: only one that has ended can be resumed", run=run.id)
        if run.status == SUCCEEDED or run.notebook is None:
            why = "has succeeded" if run.status == SUCCEEDED else "is of a command"
            raise WrongUsage(f"run {run.id} {why}: there is nothing to resume", run=run.id)
        files = Folder(run.folder)
        return cls(run, files, files.read())

    def notebook(self) -> Notebook:
        """Its notebook, as it is at its place; as it was submitted, if it is there no more."""
        try:
            return Notebook.read(self.request.notebook)
        except NotFound:
            submitted = Notebook.read(self.files.submitted(self.request))
            return replace(submitted, path=Path(self.request.notebook))

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters."""
        values: dict[str, Any] = decode(self.request.parameters)
        return values

    def check(self, book: Notebook, parameters: dict[str, Any]) -> None:
        """Refuse to go on with something else.

        Parameters
        ----------
        book : Notebook
            The notebook to execute.
        parameters : dict
            Its parameters, as a request keeps them.

        Raises
        ------
        Conflict
            If a cell before the checkpoint or a parameter differs.
        """
        resumption = self._resumption()
        if resumption is None:
            return
        start = "run the notebook without --resume to begin at its start"
        changed = resumption.changed(book.cells)
        if changed is not None:
            raise Conflict(
                f"code cell {changed} of {book.path} is not what it was in run {self.run.id}, whose checkpoint comes"
                f" after code cell {len(resumption.cells)}: {start}",
                run=self.run.id,
                cell=changed,
            )
        old = self.request.parameters
        for name in sorted({*old, *parameters}):
            if repr(old.get(name)) != repr(parameters.get(name)):
                before, after = (repr(each.get(name, "not given")) for each in (old, parameters))
                raise Conflict(
                    f"parameter {name!r} was {before} in run {self.run.id} and is {after} here: {start}",
                    run=self.run.id,
                    name=name,
                )

    def furnish(self, files: Folder) -> str:
        """The working directory of a run that goes on from it: a copy of its own, if it had one."""
        place = self.files.path / "work"
        if self.request.cwd != str(place):
            return self.request.cwd
        with writing(files.path):
            shutil.copytree(place, files.path / place.name, symlinks=True)
        return str(files.path / place.name)

    def hand_over(self, files: Folder) -> None:
        """Give another run what it needs to go on: checkpoints, the cells before them, and declared outputs."""
        if self._resumption() is None:
            return
        checkpoints = Checkpoints(self.files.path)
        checkpoints.hand_over(files.path)
        Checkpoints(files.path).show_as(self.files.executed(self.request))
        Outputs(files.path).begin(Outputs(self.files.path))

    def _resumption(self) -> Resumption | None:
        checkpoints = Checkpoints(self.files.path)
        checkpoints.show_as(self.files.executed(self.request))
        return checkpoints.resumption("")
