"""Command lines for shells that other programs start."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

__all__ = ["escaped_for_kubernetes", "line", "without_braces"]


def line(words: Iterable[str], program: Iterable[str] = ("nbdeploy",)) -> str:
    """A command of ``nbdeploy`` as a POSIX shell reads it."""
    return shlex.join([*program, *words])


def without_braces(text: str) -> str:
    """The same command line without two braces in a row, for programs that have templates of their own.

    Quoted text is interrupted between them; braces stand in quoted text only, as :func:`shlex.quote` has it.

    Examples
    --------
    >>> without_braces("nbdeploy run -p month '{{ month }}'")
    "nbdeploy run -p month '{''{ month }''}'"
    """
    for brace in "{}":
        while brace * 2 in text:
            text = text.replace(brace * 2, f"{brace}''{brace}")
    return text


def escaped_for_kubernetes(text: str) -> str:
    """A text in a container's arguments, where ``$(NAME)`` would be replaced and ``$$`` means ``$``."""
    return text.replace("$$", "$$$$").replace("$(", "$$(")
