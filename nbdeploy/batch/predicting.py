"""Notebooks that predict, written for people to read, edit and schedule."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.batch.copying import existing
from nbdeploy.cards import Card, Result
from nbdeploy.errors import Conflict, WrongUsage
from nbdeploy.files import write_atomically, writing
from nbdeploy.hints import typed

__all__ = ["Prediction", "WrittenNotebook", "varies"]

_SUFFIX = re.compile(r"\.\w+(\.(gz|zst))?$")
_FOLDER = "predictions/"
_PREDICT = """%load_ext nbdeploy
done = %deploy predict $ref $input --out $output --rejects $rejects
done"""
_SCRATCH = """from tempfile import TemporaryDirectory

scratch = TemporaryDirectory()
output = output or f"{{scratch.name}}/{output}"
rejects = rejects or f"{{scratch.name}}/{rejects}"

"""
_PUBLISH = """
%deploy output {done.output} --name predictions
if done.rejected:
    %deploy output {done.rejects} --name rejects"""
_CLOSE = """%deploy output --metric rows {done.rows} --metric rejected {done.rejected}
assert not done.failed, done.line"""


@dataclass(frozen=True)
class WrittenNotebook(Result):
    """A notebook that was written, and not run.

    Attributes
    ----------
    path : Path
        The file.
    """

    path: Path

    @property
    def line(self) -> str:
        """Where it is, and how it is run at times of one's own."""
        step = typed(f"schedule add NAME {self.path} --cron '0 6 * * 1'")
        return f"{self.path} is written; next: {step}"

    def card(self) -> Card:
        """The line, and its parameters' command."""
        facts = [("run it", typed(f"run {self.path}")), ("its parameters", typed(f"parameters {self.path}"))]
        return Card(self.line, facts)

    def document(self) -> dict[str, str]:
        """Where it is, as JSON."""
        return {"notebook": str(self.path)}


@dataclass(frozen=True)
class Prediction:
    """What a notebook is to predict.

    Attributes
    ----------
    name : str
        The model's name.
    ref : str
        The snapshot that predicts.
    source : str
        A file, a folder or a pattern; an absolute path or an address.
    out : str or None
        Where the predictions go; among what the run publishes if None.
    """

    name: str
    ref: str
    source: str
    out: str | None = None

    @classmethod
    def of(cls, name: str, ref: str, source: str, out: str | None, cwd: Path) -> Prediction:
        """The prediction with paths that mean the same wherever the notebook is run.

        Raises
        ------
        WrongUsage
            If input or output is a pipe.
        """
        if "-" in (source, out):
            raise WrongUsage("a notebook has no pipes: give files for INPUT and --out")
        return cls(name, ref, _absolute(source, cwd), None if out is None else _absolute(out, cwd))

    @property
    def content(self) -> bytes:
        """The notebook."""
        cells = [
            _cell("markdown", _title(self)),
            _cell("code", self._parameters(), tags=["parameters"]),
            _cell("code", (self._scratch() if self.out is None else "") + _PREDICT),
            _cell(
                "markdown",
                "What the run publishes when it has succeeded; where a file could not be predicted, it has not.",
            ),
            _cell("code", _CLOSE.replace("\n", f"{_PUBLISH if self._one_place else ''}\n", 1)),
        ]
        stated = [{**cell, "id": f"predict-{number}"} for number, cell in enumerate(cells)]
        return (json.dumps({**_NOTEBOOK, "cells": stated}, indent=1, ensure_ascii=False) + "\n").encode()

    def check(self) -> None:
        """Refuse an input that is not there; a notebook that is only written may find it later.

        Raises
        ------
        NotFound
            If it is a path, and nothing is there.
        """
        if not varies(self.source):
            existing(self.source)

    def keep(self, home: Path) -> Path:
        """Write the notebook where notebooks of this kind are kept: the same one is there once.

        Raises
        ------
        NotWritable
            If it cannot be written.
        """
        content = self.content
        digest = hashlib.sha256(content).hexdigest()[:12]
        place = home / "notebooks" / digest / f"predict-{self.name}.ipynb"
        if not place.exists():
            write_atomically(place, content)
        return place

    def write(self, place: Path) -> WrittenNotebook:
        """Write the notebook for its user.

        Raises
        ------
        WrongUsage, Conflict, NotWritable
            If this is no place for a notebook, there is a file already, or it cannot be written.
        """
        path = place.expanduser().absolute()
        if path.suffix != ".ipynb":
            raise WrongUsage(f"{place} is no notebook's name: let it end with .ipynb", path=str(place))
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("xb") as file:
                    file.write(self.content)
            except FileExistsError as error:
                raise Conflict(f"there is a file {path} already: name another one", path=str(path)) from error
        return WrittenNotebook(path)

    @property
    def _one_place(self) -> bool:
        """Whether the output can be published: a folder that was given holds what earlier runs wrote, too."""
        return self.out is None or not ("://" in self.out or self._is_folder(self.out))

    def _parameters(self) -> str:
        output = ("str | None", None) if self.out is None else ("str", self.out)
        rejects = (output[0], None if self.out is None else _aside(self.out))
        rows = [
            ("ref", "str", self.ref, "the snapshot that predicts"),
            ("input", "str", self.source, "a file, a folder or a pattern"),
            ("output", *output, "where the predictions go"),
            ("rejects", *rejects, "where rows that fail are set aside"),
        ]
        return "\n".join(f"{name}: {kind} = {_literal(value)}  # {help_}" for name, kind, value, help_ in rows)

    def _scratch(self) -> str:
        output = _FOLDER if self._is_folder(self.source) else f"predictions{_suffix(self.source)}"
        return _SCRATCH.format(output=output, rejects=output.replace("predictions", "rejects"))

    def _is_folder(self, path: str) -> bool:
        many = any(sign in self.source for sign in "*?[") or Path(self.source).is_dir()
        return path.endswith("/") or many


def varies(source: str) -> bool:
    """Whether an input is a pattern, has words of a schedule, or is elsewhere: nobody can tell if it is there.

    Examples
    --------
    >>> varies("inbox/{{ ds }}.csv"), varies("inbox/")
    (True, False)
    """
    return "://" in source or any(sign in source for sign in "*?[{")


_NOTEBOOK: dict[str, Any] = {
    "cells": [],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def _title(prediction: Prediction) -> str:
    return (
        f"# Predictions of `{prediction.ref}`\n\n"
        "Edit it as you like. It runs again with other parameters, or at times of its own:\n"
        '`nbdeploy schedule add NAME THIS.ipynb --cron "0 6 * * 1"`.'
    )


def _cell(kind: str, source: str, tags: Sequence[str] = ()) -> dict[str, Any]:
    code: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    metadata = {"tags": list(tags)} if tags else {}
    return {"cell_type": kind, "metadata": metadata, "source": source.splitlines(keepends=True), **code}


def _literal(value: str | None) -> str:
    """A text as Python reads it, on one line whatever is in it; in double quotes where both write it alike."""
    return json.dumps(value, ensure_ascii=False) if value is not None and value.isprintable() else repr(value)


def _absolute(path: str, cwd: Path) -> str:
    if "://" in path:
        return path
    end = "/" if path.endswith("/") else ""
    return f"{cwd / Path(path).expanduser()}{end}"


def _aside(out: str) -> str:
    """Where rejects go beside an output: ``scores-rejects.csv``, ``scored-rejects/``."""
    end = "/" if out.endswith("/") else ""
    folder, slash, name = out.rstrip("/").rpartition("/")
    suffix = "" if end else _suffix(name, "")
    return f"{folder}{slash}{name.removesuffix(suffix)}-rejects{suffix}{end}"


def _suffix(path: str, otherwise: str = ".csv") -> str:
    found = _SUFFIX.search(path)
    return found.group() if found else otherwise
