"""Answers as text, where a frontend shows no HTML."""

from __future__ import annotations

from typing import Any

from nbdeploy.cards import Result
from nbdeploy.commands.answers import plain_text

__all__ = ["forget_text", "show_as_text"]


def show_as_text(shell: Any, kind: type[Result]) -> None:
    """Show answers of this very class as their card's text, whatever their ``repr`` is."""
    shell.display_formatter.formatters["text/plain"].for_type(kind, _print)


def forget_text(shell: Any) -> None:
    """Undo every :func:`show_as_text`."""
    formatter = shell.display_formatter.formatters["text/plain"]
    for kind in [kind for kind, printer in formatter.type_printers.items() if printer is _print]:
        formatter.pop(kind)


def _print(result: Result, printer: Any, cycle: bool) -> None:
    """Print the card; the object's ``repr`` if its card says no more than the line that was printed."""
    text = "…" if cycle else plain_text(result)
    printer.text(repr(result) if text == result.line else text)
