"""Inside a run: saving variables for an execution that goes on from here."""

from __future__ import annotations

import ast
import io
import json
import pickle
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle

from nbdeploy.batch.outputs import Staging
from nbdeploy.cards import Card, Result
from nbdeploy.cards.wording import size
from nbdeploy.errors import InvalidData
from nbdeploy.files import replacing, writing
from nbdeploy.hints import typed

__all__ = ["FOLDER", "Checkpoint", "note_definitions", "read", "save"]

FOLDER = "checkpoints"
_SUFFIX = ".pickle"
_defined: set[str] = set()
"""What was defined by cells of an execution before this one."""


@dataclass(frozen=True)
class Checkpoint(Result):
    """What was saved.

    Attributes
    ----------
    run : str
        The run's id; empty outside of one.
    names : tuple of str
        The variables.
    bytes : int
        How much they take.
    """

    run: str
    names: tuple[str, ...]
    bytes: int = 0

    @property
    def line(self) -> str:
        """What was saved, and what for."""
        names = ", ".join(self.names)
        if not self.run:
            return f"checkpoint of {names}: this is no run, nothing is saved; {typed('run NOTEBOOK')} would save it"
        again = typed(f"run --resume {self.run}")
        return f"checkpoint: {names} ({size(self.bytes)}) hold when this cell has ended; {again} goes on after it"

    def card(self) -> Card:
        """The line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """What was saved as JSON."""
        return {"run": self.run or None, "names": list(self.names), "bytes": self.bytes}


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Writes objects as cloudpickle does, but names what cells define: the definitions are executed again.

    An object saved with its own copy of a class would be no instance of the class that is defined again.
    """

    def __init__(self, file: Any, defined: set[str]) -> None:
        super().__init__(file, protocol=5)
        self._known = defined

    def reducer_override(self, obj: Any) -> Any:
        """How to write a function or class."""
        if isinstance(obj, FunctionType | type) and obj.__module__ == "__main__" and self._names(obj):
            return NotImplemented
        return super().reducer_override(obj)

    def _names(self, obj: Any) -> bool:
        first, *others = obj.__qualname__.split(".")
        found = getattr(sys.modules["__main__"], first, None) if first in self._known else None
        for other in others:
            found = getattr(found, other, None)
        return found is obj


def save(values: Mapping[str, Any]) -> Checkpoint:
    """Save variables, whole or not at all, if this process works for a run. See :func:`nbdeploy.checkpoint`.

    Raises
    ------
    InvalidData
        If one cannot be saved.
    NotWritable
        If the disk is full.
    """
    names = tuple(values)
    staging = Staging.here()
    if staging is None:
        return Checkpoint("", names)
    path = staging.path.parent / FOLDER / f"{time.time_ns()}{_SUFFIX}"
    with replacing(path, mode=0o600) as part, writing(path), part.open("wb") as file:
        file.write(json.dumps(names).encode() + b"\n")
        _write(dict(values), file)
    return Checkpoint(staging.run, names, path.stat().st_size)


def read(path: Path) -> tuple[list[str], io.BufferedReader]:
    """The names in a file, and the file where their values begin; the caller closes it."""
    file = path.open("rb")
    names: list[str] = json.loads(file.readline())
    return names, file


def note_definitions(names: set[str]) -> None:
    """Remember what cells of an earlier execution define."""
    _defined.update(names)


def _write(values: dict[str, Any], file: Any) -> None:
    defined = _defined | _definitions()
    try:
        _Pickler(file, defined).dump(values)
    except OSError:
        raise
    except Exception as error:
        for name, value in values.items():
            try:
                _Pickler(_Nowhere(), defined).dump(value)
            except Exception as own:
                raise InvalidData(
                    f"{name} cannot be saved in a checkpoint: it is of type {type(value).__name__} ({own}); leave it"
                    " out, and make it again after the checkpoint",
                    name=name,
                ) from own
        raise InvalidData(f"{', '.join(values)} cannot be saved in a checkpoint: {error}") from error


class _Nowhere(io.RawIOBase):
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _definitions() -> set[str]:
    """Names of the functions and classes that cells of this kernel define."""
    cells = getattr(sys.modules["__main__"], "In", ())
    found: set[str] = set()
    for cell in cells:
        try:
            tree = ast.parse(cell)
        except (SyntaxError, ValueError):
            continue
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        found.update(node.name for node in tree.body if isinstance(node, kinds))
    return found


def unpickled(file: Any) -> dict[str, Any]:
    """The values of a checkpoint; they were written by a run of this user, into a folder that is only theirs."""
    values: dict[str, Any] = pickle.load(file)  # noqa: S301
    return values
