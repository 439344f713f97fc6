"""Inside a run: putting files, folders and metrics where they wait for its success."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.batch.copying import copy, copyable
from nbdeploy.batch.outputs.declared import METRICS, Number, default_name, metric_name, number_of, output_name
from nbdeploy.batch.outputs.places import Outputs
from nbdeploy.batch.parameters.values import showable
from nbdeploy.cards import Card, Result
from nbdeploy.errors import WrongUsage
from nbdeploy.files import writing
from nbdeploy.hints import typed
from nbdeploy.survival import RUN

__all__ = ["VARIABLE", "Output", "Staging", "declare"]

VARIABLE = RUN


@dataclass(frozen=True)
class Output(Result):
    """What was declared, and whether a run will publish it.

    Attributes
    ----------
    run : str
        The run's id; empty outside of one.
    name : str
        The output's name; empty if there are metrics only.
    path : Path or None
        The file or folder.
    metrics : mapping
        Numbers by name.
    """

    run: str
    name: str = ""
    path: Path | None = None
    metrics: Mapping[str, Number] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """What was declared, and when it is published."""
        what = [f"{self.path} as {self.name}"] if self.path is not None else []
        said = ", ".join([*what, *(f"{name} = {value:.6g}" for name, value in self.metrics.items())])
        if self.run:
            return f"{said}: published when run {self.run} succeeds"
        return f"{said}: this is no run, nothing is published; {typed('run NOTEBOOK')} would publish it"

    def card(self) -> Card:
        """The line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """What was declared as JSON."""
        path = None if self.path is None else str(self.path)
        return {"run": self.run or None, "name": self.name or None, "path": path, "metrics": dict(self.metrics)}


@dataclass(frozen=True)
class Staging:
    """The folder in which the outputs of a run wait.

    Attributes
    ----------
    path : Path
        The folder.
    """

    path: Path

    @classmethod
    def here(cls, environment: Mapping[str, str] | None = None) -> Staging | None:
        """That of the run in which this process works; None outside of one, and after its end."""
        run = (os.environ if environment is None else environment).get(VARIABLE)
        staged = Outputs(Path(run)).staged if run else None
        return None if staged is None or not staged.is_dir() else cls(staged)

    @property
    def run(self) -> str:
        """The run's id."""
        return self.path.parent.name

    def add(self, source: Path, name: str) -> None:
        """Keep a file or folder as it is now; another one of this name is replaced.

        Raises
        ------
        WrongUsage
            If the run's own folder is in it.
        NotWritable
            If the disk is full.
        """
        if self.path.resolve().is_relative_to(source.resolve()):
            raise WrongUsage(f"{source} holds the run's own folder {self.path.parent}: name a folder without it")
        part = self._hidden()
        with writing(part):
            part.mkdir()
            copy(source, part / source.resolve().name)
            self._replace(part, self.path / name)

    def tell(self, metrics: Mapping[str, Number]) -> None:
        """Keep numbers; the last one of a name counts.

        A line is appended by one call of the system, so that processes of a notebook may tell theirs at once.
        """
        lines = "".join(json.dumps([name, showable(value)]) + "\n" for name, value in metrics.items())
        with writing(self.path / METRICS):
            descriptor = os.open(self.path / METRICS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, lines.encode())
            finally:
                os.close(descriptor)

    def named(self, source: Path) -> str:
        """The name of an output that was given none.

        Raises
        ------
        WrongUsage
            If another file has it already.
        """
        name = default_name(source)
        there = next(iter((self.path / name).iterdir()), None) if (self.path / name).is_dir() else None
        if there is not None and there.name != source.resolve().name:
            raise WrongUsage(f"{there.name} is the output {name!r} already: give {source} a name, with --name")
        return name

    def _hidden(self) -> Path:
        return self.path / f".{secrets.token_hex(8)}"

    def _replace(self, part: Path, place: Path) -> None:
        """Put a folder in the place of another one; of two processes that do so at once, one comes later."""
        while True:
            with suppress(FileNotFoundError):
                place.rename(gone := self._hidden())
                shutil.rmtree(gone)
            try:
                part.rename(place)
                return
            except OSError as error:
                if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
                    raise


def declare(path: str | Path | None, name: str | None, metrics: Mapping[str, Any]) -> Output:
    """Check what is declared, and keep it for the run in which this process works, if it does in one.

    See :func:`nbdeploy.output`.
    """
    numbers = {metric_name(str(key)): number_of(str(key), value) for key, value in metrics.items()}
    if path is None and not numbers:
        raise WrongUsage("nothing to declare: give a file or folder, or a metric")
    if path is None and name is not None:
        raise WrongUsage(f"{name!r} names a file or folder: give one")
    source = None if path is None else copyable(path, "an output")
    staging = Staging.here()
    chosen = ""
    if source is not None:
        named = default_name if staging is None else staging.named
        chosen = named(source) if name is None else output_name(name)
    if staging is not None:
        if source is not None:
            staging.add(source, chosen)
        if numbers:
            staging.tell(numbers)
    return Output("" if staging is None else staging.run, chosen, source, numbers)
