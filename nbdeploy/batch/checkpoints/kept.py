"""The checkpoints in a run's folder: after which cell each holds, and how an execution goes on from the last."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.batch.checkpoints.saving import FOLDER, read
from nbdeploy.notebooks import source

__all__ = ["Checkpoints", "Resumption"]

_INJECTED = frozenset({"injected-parameters", "injected-resume"})
_WHOLE = frozenset({"parameters", "injected-parameters", "setup", "imports"})
"""Tags of cells that are executed again as they are."""
_RESTORING = """\
# The cells above are shown as they were: their imports and definitions are executed again, and what they saved is back.
import nbdeploy.batch.checkpoints
nbdeploy.batch.checkpoints.restore({plan!r})"""


def own_cells(cells: Sequence[Any]) -> list[Any]:
    """The code cells that the notebook's author wrote."""
    return [cell for cell in cells if cell["cell_type"] == "code" and not _tags(cell) & _INJECTED]


def _tags(cell: Mapping[str, Any]) -> set[str]:
    return set((cell.get("metadata") or {}).get("tags", ()))


class Checkpoints:
    """The checkpoints of one run.

    Parameters
    ----------
    run : Path
        The run's folder.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.folder = run / FOLDER
        self.notebook = self.folder / "notebook.ipynb"
        self._index = self.folder / "index.json"

    def known(self) -> list[dict[str, Any]]:
        """Those of cells that have ended: ``file``, ``names`` and the number of ``cells`` up to there."""
        with suppress(FileNotFoundError):
            found: list[dict[str, Any]] = json.loads(self._index.read_text(encoding="utf-8"))
            return found
        return []

    def note(self, cells: int) -> list[str]:
        """Note that a cell has ended: what it saved holds from here.

        Parameters
        ----------
        cells : int
            How many of the author's code cells have ended.

        Returns
        -------
        list of str
            Names of the variables that it saved.
        """
        if not self.folder.is_dir():
            return []
        known = self.known()
        before = [str(each["file"]) for each in known]
        new: list[dict[str, Any]] = [
            {"file": path.name, "names": _names(path), "cells": cells} for path in self._files(before)
        ]
        if new:
            self._write([*known, *new])
        return [name for each in new for name in each["names"]]

    def forget_unfinished(self) -> None:
        """Delete what a cell saved that did not end."""
        for path in self._files([each["file"] for each in self.known()]):
            path.unlink()

    def _files(self, known: Iterable[str]) -> list[Path]:
        return sorted(path for path in self.folder.glob("[0-9]*") if path.name not in known)

    def _write(self, known: list[dict[str, Any]]) -> None:
        part = self._index.with_suffix(".part")
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(self._index)

    def show_as(self, notebook: Path) -> None:
        """Keep the notebook as it was left, to show the cells before the last checkpoint."""
        if self.known() and notebook.exists():
            shutil.copyfile(notebook, self.notebook)

    def hand_over(self, run: Path) -> None:
        """Give the checkpoints to another run, which goes on from them; where it can be, files are shared."""
        other = Checkpoints(run)
        other.folder.mkdir(mode=0o700)
        for name in [each["file"] for each in self.known()]:
            try:
                os.link(self.folder / name, other.folder / name)
            except OSError:
                shutil.copyfile(self.folder / name, other.folder / name)
        other._write(self.known())

    def forget(self) -> None:
        """Delete all: the run has succeeded."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def resumption(self, why: str) -> Resumption | None:
        """How to go on from the last checkpoint, if there is one.

        Parameters
        ----------
        why : str
            What the cells before are shown from: a run or an attempt.
        """
        known = self.known()
        if not known or not self.notebook.exists():
            return None
        document = json.loads(self.notebook.read_text(encoding="utf-8"))
        cells = own_cells(document["cells"])[: known[-1]["cells"]]
        return Resumption(self.run, cells, [str(self.folder / each["file"]) for each in known], why)


def _names(path: Path) -> list[str]:
    names, file = read(path)
    file.close()
    return names


@dataclass(frozen=True)
class Resumption:
    """How an execution goes on.

    Attributes
    ----------
    run : Path
        The run's folder.
    cells : sequence
        The cells that are not executed, as they were left.
    files : sequence of str
        The checkpoints to restore, from old to new.
    why : str
        Where they come from.
    """

    run: Path
    cells: Sequence[Mapping[str, Any]]
    files: Sequence[str]
    why: str

    def changed(self, cells: Sequence[Mapping[str, Any]]) -> int | None:
        """Number (of code cells, from 1) of the first cell that is not what it was; None if all are."""
        now = own_cells(cells)
        for number, old in enumerate(self.cells, 1):
            if number > len(now) or source(now[number - 1]) != source(old):
                return number
        return None

    def apply(self, notebook: Any) -> int:
        """Show the cells before the checkpoint as they were, and put a cell behind them that restores.

        Returns
        -------
        int
            The position of that cell, where the execution is to begin.
        """
        from nbformat import v4

        end = self._end(notebook)
        plan = self.run / "resume.json"
        plan.write_text(json.dumps({"cells": list(self._again(notebook.cells[:end])), "files": self.files}), "utf-8")
        remaining = iter(self.cells)
        for cell in notebook.cells[:end]:
            if cell.cell_type == "code" and not _tags(cell) & _INJECTED:
                self._show(cell, next(remaining))
            cell.metadata["nbdeploy"] = {"skipped": self.why}
            cell.metadata.papermill["status"] = "skipped"
        cell = v4.new_code_cell(_RESTORING.format(plan=str(plan)))  # type: ignore[no-untyped-call]
        cell.metadata.update({"tags": ["injected-resume"], "papermill": {"status": "pending"}})
        notebook.cells.insert(end, cell)
        return end

    def _end(self, notebook: Any) -> int:
        """Position behind the last cell that is not executed."""
        last = own_cells(notebook.cells)[len(self.cells) - 1]
        return next(position for position, cell in enumerate(notebook.cells, 1) if cell is last)

    def _show(self, cell: Any, old: Mapping[str, Any]) -> None:
        from nbformat import from_dict

        cell.outputs = [from_dict(output) for output in old.get("outputs", ())]  # type: ignore[no-untyped-call]
        cell.execution_count = old.get("execution_count")
        cell.metadata.papermill = from_dict(old["metadata"].get("papermill", {}))  # type: ignore[no-untyped-call]

    def _again(self, cells: Sequence[Any]) -> Iterator[dict[str, Any]]:
        for number, cell in enumerate(cells, 1):
            if cell.cell_type == "code":
                yield {"number": number, "source": cell.source, "whole": bool(_tags(cell) & _WHOLE)}
