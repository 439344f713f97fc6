"""The magic itself: split the line, run the command, say what happened, give back the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from IPython.core.error import UsageError
from IPython.core.magic import needs_local_scope, no_var_expand

from nbdeploy.cards import Result
from nbdeploy.commands import cli, invoke
from nbdeploy.commands.answers import complaint, value_of
from nbdeploy.commands.syntax import Group
from nbdeploy.errors import NbdeployError
from nbdeploy.hints import NOTEBOOK
from nbdeploy.magics.display import show_as_text
from nbdeploy.magics.door import NotebookDoor
from nbdeploy.magics.words import split
from nbdeploy.widgets import is_watched, progress_for

__all__ = ["MAGIC", "Deploy"]

MAGIC = NOTEBOOK.removeprefix("%")


class _RecordedError(UsageError):
    """A UsageError that leaves an error output in the cell.

    IPython prints the line of a plain one and records nothing, so that a run that nobody watches would fail without
    saying why.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"UsageError: {self}"]


_RecordedError.__name__ = "UsageError"


class Deploy:
    """``%deploy`` and ``%%deploy``, bound to one shell.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    tree : Group, optional
        Another command tree.
    """

    def __init__(self, shell: Any, tree: Group = cli) -> None:
        self._shell = shell
        self._tree = tree

    @no_var_expand
    @needs_local_scope
    def magic(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> object:
        """Run a command of nbdeploy: ``%deploy --help``, ``%deploy push?``, ``x = %deploy list``."""
        inner = None if local_ns is self._shell.user_ns else local_ns
        door = NotebookDoor(self._shell, inner)
        try:
            typed = split(line if cell is None else f"{line}\n{cell}")
            with progress_for(self._shell) as door.report:
                result = invoke(typed.words, door, NOTEBOOK, self._tree)
        except (KeyboardInterrupt, click.Abort, NbdeployError, click.ClickException) as error:
            if door.debug:
                raise
            raise self._refusal(complaint(error, NOTEBOOK)) from None
        return self._answer(result, door, typed.silent)

    def _refusal(self, message: str) -> UsageError:
        """An error that is shown as one line, without a traceback."""
        return UsageError(message) if is_watched(self._shell) else _RecordedError(message)

    def _answer(self, result: object, door: NotebookDoor, silent: bool) -> object:
        """Say what happened, and give back what an assignment shall receive."""
        if not isinstance(result, Result):
            return result
        if not silent:
            click.echo(result.line)
            for notice in result.notices:
                click.echo(f"warning: {notice}")
        if result.failed and not is_watched(self._shell):
            raise _RecordedError(result.line)
        if door.as_document:
            return result.document()
        show_as_text(self._shell, type(result))
        return value_of(result)
