"""A notebook in a file, run in a shell of the tests' own as a front end would run it: with the ids of its cells."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbdeploy.snapshots import history
from nbdeploy.snapshots.lineage import past, trace


class Notebook:
    """Cells by id, in a file that can be edited, and a shell that runs some of them."""

    def __init__(self, path: Path, shell: InteractiveShell) -> None:
        self.path = path
        self.shell = shell
        self.cells: dict[str, str] = {}

    def save(self, **cells: str) -> None:
        """Write these cells into the file, after all that has run so far."""
        self.cells = cells
        listed = [
            {"cell_type": "code", "id": name, "source": source, "metadata": {}, "outputs": [], "execution_count": None}
            for name, source in cells.items()
        ]
        self.path.write_text(json.dumps({"cells": listed, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        os.utime(self.path, (time.time() + 1, time.time() + 1))

    def saved_before(self) -> None:
        """Let the file be older than everything that ran."""
        os.utime(self.path, (1, 1))

    def run(self, *names: str, fails: bool = False, **unsaved: str) -> None:
        """Run cells of the file by their ids, then cells that are not in it."""
        for name, source in [*((name, self.cells[name]) for name in names), *unsaved.items()]:
            result = self.shell.run_cell(source, store_history=True, cell_id=name)
            if not fails:
                result.raise_error()

    def trace(self, variable: str = "model") -> Any:
        """The lineage of a variable, as a cell that runs now would find it."""
        return self.ask(lambda thing: trace([thing], pl.DataFrame({"x": [1]}), past()), variable)

    def ask(self, question: Callable[[Any], Any], variable: str) -> Any:
        """The answer to a question about a variable, asked by a cell that runs now."""
        found: list[Any] = []
        self.shell.user_ns["look"] = lambda thing: found.append(question(thing))
        self.shell.run_cell(f"look({variable})", store_history=True, cell_id="deploy").raise_error()
        return found[0]


@pytest.fixture
def notebook(home: Path, shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook whose front end says where it is saved."""
    path = home.parent / "churn.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    history.record(shell)
    yield Notebook(path, shell)
    history.forget(shell)
