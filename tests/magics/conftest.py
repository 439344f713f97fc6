"""A real IPython shell, and a small command tree of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from nbdeploy.cards import Card, Result
from nbdeploy.commands.kinds import DATA, FILE, METHOD, OBJECT, PLACE, REF, VALUE, VARIABLE
from nbdeploy.commands.syntax import Group, argument, command, group, option, pass_door
from nbdeploy.errors import Conflict
from nbdeploy.magics import load, unload


@dataclass
class Answer(Result):
    """Says what a command was called with."""

    arguments: dict[str, Any] = field(default_factory=dict)
    failed: bool = False

    @property
    def line(self) -> str:
        return "done; next: %deploy more"

    def card(self) -> Card:
        return Card("an answer", [("arguments", len(self.arguments))], next="%deploy more")

    def document(self) -> dict[str, Any]:
        return {"arguments": len(self.arguments)}


def _tree() -> Group:
    @group("root", invoke_without_command=True)
    def root() -> None:
        """Commands of the tests."""

    @command("take")
    @argument("model", type=VARIABLE, help="A model.")
    @argument("name", required=False, help="A name.")
    @option("-X", "--data", type=DATA, help="Rows.")
    @option("--test", type=OBJECT, nargs=2, metavar="X y", help="Rows and answers.")
    @option("-p", "parameters", type=(str, VALUE), multiple=True, help="A parameter.")
    @option("--note", help="A remark.")
    @option("--method", type=METHOD, help="A method.")
    @option("--count", type=int, help="A number.")
    def take(**arguments: Any) -> Answer:
        """Take things."""
        return Answer(arguments)

    @command("push")
    @argument("ref", type=REF, help="A reference.")
    @option("--to", type=PLACE, help="Where.")
    @option("--out", type=FILE, help="A file.")
    @option("--yes", is_flag=True, help="Really.")
    def push(**arguments: Any) -> Answer:
        """Push something."""
        return Answer(arguments)

    @command("refuse")
    def refuse() -> None:
        """Never succeed."""
        raise Conflict("it is there already; choose another name")

    @command("partly")
    def partly() -> Answer:
        """Fail in part."""
        return Answer(failed=True)

    @command("interrupt")
    def interrupt() -> None:
        """Behave as if the user interrupted."""
        raise KeyboardInterrupt

    @command("break")
    @pass_door
    def defect(door: object) -> None:
        """Have a defect."""
        raise ZeroDivisionError

    for one in (take, push, refuse, partly, interrupt, defect):
        root.add_command(one)
    return root


class Notebook:
    """Runs cells and remembers what they displayed."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell = shell
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def run(self, cell: str) -> ExecutionResult:
        result = self.shell.run_cell(cell)
        self.out, self.err = self._capsys.readouterr()
        return result

    def value(self, cell: str) -> Any:
        result = self.run(cell)
        result.raise_error()
        return result.result

    def arguments(self, cell: str) -> dict[str, Any]:
        return self.value(cell).arguments

    def complete(self, cell: str) -> list[str]:
        """Whole cells as they would be after each completion at the end."""
        from IPython.core.completer import provisionalcompleter

        with provisionalcompleter():
            found = self.shell.Completer.completions(cell, len(cell))
            return [cell[: one.start] + one.text for one in found if one._origin == "nbdeploy"]


@pytest.fixture
def notebook(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    """A shell with the magic, over the tests' commands."""
    load(shell, _tree())
    yield Notebook(shell, capsys)
    unload(shell)


@pytest.fixture
def real_notebook(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    """A shell with the magic, over the real commands."""
    load(shell)
    yield Notebook(shell, capsys)
    unload(shell)
