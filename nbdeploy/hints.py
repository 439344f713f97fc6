"""How a command is typed where the user is: ``%deploy …`` in a notebook, ``nbdeploy …`` in a shell."""

from __future__ import annotations

__all__ = ["NOTEBOOK", "SHELL", "type_as", "typed"]

SHELL, NOTEBOOK = "nbdeploy", "%deploy"
_program = SHELL


def typed(words: str) -> str:
    """Return a command as the user of this process would type it, for messages that tell what to do next.

    Examples
    --------
    >>> typed("push churn")
    'nbdeploy push churn'
    """
    return f"{_program} {words}"


def type_as(program: str) -> None:
    """State which door the users of this process have: :data:`NOTEBOOK` or :data:`SHELL`."""
    global _program
    _program = program
