"""Proving that every output of a folder still is what its provenance says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Result, Table, count
from nbdeploy.errors import NbdeployError, NotFound
from nbdeploy.offline.checking import Checked, check_output
from nbdeploy.offline.journal import is_url
from nbdeploy.offline.listing import objects_in
from nbdeploy.offline.stored import SUFFIX
from nbdeploy.predictor import Predictor

__all__ = ["CheckedFolder", "check_folder"]


@dataclass(frozen=True)
class CheckedFolder(Result):
    """Whether each output of a folder still is what its provenance says.

    Attributes
    ----------
    output : str
        The folder.
    files : sequence of Checked
        Every output that has a provenance, by name.
    """

    output: str
    files: Sequence[Checked]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was."""
        return all(file.ok for file in self.files)

    @property
    def rows(self) -> int:
        """Rows predicted again."""
        return sum(file.rows for file in self.files)

    @property
    def line(self) -> str:
        """What was proven, or what is not as it was."""
        wrong = [file.line for file in self.files if not file.ok]
        total = count(len(self.files), "output")
        if wrong:
            return f"{len(wrong):,} of {total} in {self.output} not proven: {wrong[0]}{'; …' if wrong[1:] else ''}"
        rows = count(self.rows, "row")
        return f"{total} in {self.output} proven: bytes, inputs and snapshots are as they were, and {rows}"

    @property
    def notices(self) -> Sequence[str]:
        """Each output that is not as it was."""
        return [file.line for file in self.files if not file.ok]

    def card(self) -> Card:
        """Every output."""
        rows = [
            (f"{'✔' if file.ok else '✘'} {file.output}", name, told)
            for file in self.files
            for name, is_so, told in file.checks
            if file.ok or not is_so
        ]
        return Card(self.line, table=Table(("output", "checked", "found"), rows))

    def document(self) -> dict[str, Any]:
        """Return the document of ``predict --check --json``."""
        files = [file.document() for file in self.files]
        return {"output": self.output, "ok": self.ok, "rows": self.rows, "files": files}


def check_folder(folder: str | Path, load: Callable[[str], Predictor]) -> CheckedFolder:
    """Check every output of a folder, and of the folders in it. See :func:`nbdeploy.offline.check_output`.

    Raises
    ------
    NotFound
        If none of its files has a provenance.
    """
    outputs = sorted(place.removesuffix(SUFFIX) for place in _places(folder) if not place.endswith(f"/{SUFFIX}"))
    if not outputs:
        raise NotFound(
            "provenance in",
            f"{str(folder).rstrip('/')}/",
            hint=f"X{SUFFIX} is beside each X that nbdeploy predict wrote",
        )
    once = cache(load)
    return CheckedFolder(str(folder), [_checked(out, once) for out in outputs])


def _places(folder: str | Path) -> Iterator[str]:
    """Every provenance in a folder, and in the folders in it."""
    if is_url(folder):
        return (one.place for one in objects_in(str(folder).rstrip("/")) if one.place.endswith(SUFFIX))
    return map(str, Path(folder).rglob(f"?*{SUFFIX}"))


def _checked(out: str, load: Callable[[str], Predictor]) -> Checked:
    try:
        return check_output(out, load)
    except NbdeployError as error:
        return Checked(out, "", "", [("output", False, str(error))], 0)
