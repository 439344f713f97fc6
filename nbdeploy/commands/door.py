"""Where a command was typed: what its words mean there, and how it talks back."""

from __future__ import annotations

from collections.abc import Iterable

from nbdeploy.errors import WrongUsage
from nbdeploy.types import Report, ignore_progress

__all__ = ["Door"]


class Door:
    """A shell's door: words are text. The notebook's door is a subclass.

    Parameters
    ----------
    report : Report, optional
        Receives progress.

    Attributes
    ----------
    live : bool
        Whether words may stand for live objects.
    as_document : bool
        Whether ``--json`` was given.
    debug : bool
        Whether ``--debug`` was given.
    awaits_value : bool
        Whether a half-typed line ends where the value of an option belongs.
    """

    live = False

    def __init__(self, report: Report = ignore_progress) -> None:
        self.report = report
        self.as_document = False
        self.debug = False
        self.awaits_value = False

    def expand(self, word: str) -> object:
        """What a word stands for where text is expected."""
        return word

    def is_object(self, word: str) -> bool:  # noqa: ARG002 - a shell has no objects
        """Whether a word as a whole stands for an object, rather than for text."""
        return False

    def evaluate(self, word: str) -> object:
        """What a word stands for where a Python expression is expected."""
        raise WrongUsage(f"{word!r} would be a Python expression, and a shell has no live objects")

    def complete(self, stem: str) -> Iterable[str]:  # noqa: ARG002 - a shell has no names
        """Python names, plain or dotted, that begin with `stem`."""
        return ()
