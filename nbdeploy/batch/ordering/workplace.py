"""Where a run works, and what it finds there: its directory, files that it is given, variables."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbdeploy.batch.copying import copy, copyable
from nbdeploy.batch.ordering.order import Order
from nbdeploy.errors import InvalidData, NotFound, WrongUsage
from nbdeploy.files import writing

__all__ = ["Workplace"]

_OURS = ("NBDEPLOY_DB", "NBDEPLOY_HOME", "NBDEPLOY_RUN")
"""Variables by which a run and its record are found."""


@dataclass(frozen=True)
class Workplace:
    """What an order says of the place in which its notebook is executed, read and checked.

    Attributes
    ----------
    cwd : Path or None
        The working directory; the run's own if there are inputs, else the notebook's folder.
    inputs : sequence of Path
        Files and folders to copy into the run's own directory.
    variables : dict of str
        What the files of variables hold.
    """

    cwd: Path | None
    inputs: Sequence[Path]
    variables: dict[str, str]

    @classmethod
    def of(cls, order: Order) -> Workplace:
        """Read and check it.

        Raises
        ------
        NotFound
            If a file or folder is not there.
        InvalidData
            If a file of variables cannot be read.
        WrongUsage
            If two inputs have one name, or there is a working directory besides.
        """
        cwd = None if order.cwd is None else Path(order.cwd).expanduser().absolute()
        if cwd is not None and not cwd.is_dir():
            raise NotFound("folder", str(cwd), hint="--cwd names the folder in which the notebook runs")
        if cwd is not None and order.inputs:
            raise WrongUsage(
                f"inputs are copied into a working directory of the run's own: leave out --cwd {order.cwd}"
            )
        variables: dict[str, str] = {}
        for file in order.env_files:
            variables |= _variables(Path(file).expanduser())
        inputs = {file.resolve().name: file for file in (copyable(each, "an input") for each in order.inputs)}
        if len(inputs) < len(order.inputs):
            raise WrongUsage(f"several inputs have one name: {', '.join(order.inputs)}; each needs its own")
        return cls(cwd, list(inputs.values()), variables)

    def furnish(self, run: Path) -> str:
        """Copy the inputs as they are now, and return the working directory; empty if it is the notebook's folder.

        Raises
        ------
        NotWritable
            If the disk is full.
        """
        if not self.inputs:
            return "" if self.cwd is None else str(self.cwd)
        place = run / "work"
        with writing(place):
            place.mkdir()
            for source in self.inputs:
                copy(source, place / source.resolve().name)
        return str(place)


def _variables(file: Path) -> dict[str, str]:
    """The variables of a file of lines ``NAME=value``."""
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    if not file.is_file():
        raise NotFound("file of variables", str(file))
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidData(f"file of variables {file} cannot be read: {error}", path=str(file)) from error
    for line in parse_stream(io.StringIO(text)):
        if line.error or (line.key is not None and line.value is None):
            raise InvalidData(f"{file}, line {line.original.line}: not a variable, as NAME=value", path=str(file))
        if line.key in _OURS:
            raise WrongUsage(f"{file}, line {line.original.line}: {line.key} is a setting of ours, set it outside")
    logging.getLogger("dotenv").setLevel(logging.ERROR)
    return {name: value or "" for name, value in dotenv_values(stream=io.StringIO(text)).items()}
