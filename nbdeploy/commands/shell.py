"""The console script: words from a shell, an exit status back."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from nbdeploy.cards import Result
from nbdeploy.commands.answers import complaint, document_text, show
from nbdeploy.commands.door import Door
from nbdeploy.commands.syntax import Group
from nbdeploy.commands.tree import cli, invoke
from nbdeploy.errors import NbdeployError, WrongUsage
from nbdeploy.hints import SHELL
from nbdeploy.widgets import terminal_progress

__all__ = ["main", "run"]

DONE, FAILED, WRONG, FALSE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 3, 130, 141


def main() -> None:
    """Run the words of ``sys.argv``, and leave with their exit status."""
    if _completes():
        return
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = BROKEN_PIPE
        _forget_output()
    except OSError as error:
        status = _unwritten(error)
    sys.exit(status)


def run(words: Sequence[str], tree: Group = cli) -> int:
    """Run one command line, and return its exit status.

    Parameters
    ----------
    words : sequence of str
        The words after ``nbdeploy``.
    tree : Group, optional
        Another command tree.

    Returns
    -------
    int
        0 done, 1 refused or failed, 2 wrong usage, 3 a condition was false, 130 interrupted.
    """
    door = Door()
    try:
        with terminal_progress() as door.report:
            result = invoke(words, door, SHELL, tree)
        if isinstance(result, Result):
            return _show(result, door)
        return DONE
    except (KeyboardInterrupt, click.Abort) as interrupt:
        click.echo(f"{SHELL}: {complaint(interrupt, SHELL)}", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except (NbdeployError, click.ClickException) as error:
        return _fail(error, complaint(error, SHELL), door, words)
    except Exception as error:
        return _fail(error, f"{type(error).__name__}: {error} (a defect of nbdeploy? --debug shows where)", door, words)


def _show(result: Result, door: Door) -> int:
    try:
        show(result, door.as_document)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _unwritten(error)
    if result.failed:
        return FAILED
    return DONE if result.ok else FALSE


def _unwritten(error: OSError) -> int:
    _forget_output()
    click.echo(f"{SHELL}: the answer could not be written to standard output: {error.strerror}", err=True)
    return FAILED


def _fail(error: Exception, message: str, door: Door, words: Sequence[str]) -> int:
    if door.debug or "--debug" in words:
        traceback.print_exception(error)
    if door.as_document or "--json" in words:
        click.echo(document_text(_document(error, message)))
    click.echo(f"{SHELL}: {message}", err=True)
    return WRONG if isinstance(error, click.UsageError | WrongUsage) else FAILED


def _document(error: Exception, message: str) -> object:
    """An error as JSON: what the error itself carries (a failed run), or its message."""
    facts = error.facts.values() if isinstance(error, NbdeployError) else ()
    known = [fact.document() for fact in facts if isinstance(fact, Result)]
    return known[0] if known else {"error": message, "type": type(error).__name__}


def _forget_output() -> None:
    """Nobody can read our output any more: do not complain about it at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _completes() -> bool:
    """Answer the shell's own completion (``eval "$(_NBDEPLOY_COMPLETE=bash_source nbdeploy)"``)."""
    variable = f"_{SHELL.upper()}_COMPLETE"
    instruction = os.environ.get(variable)
    if not instruction:
        return False
    from click.shell_completion import shell_complete

    sys.exit(shell_complete(cli, {}, Path(sys.argv[0]).name, variable, instruction))
