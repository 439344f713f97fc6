"""Differences of text, coloured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nbdeploy.cards.style import ADDED, CODE, DIM, TAKEN

__all__ = ["Patch"]


@dataclass(frozen=True)
class Patch:
    """A unified diff of text, as :func:`difflib.unified_diff` makes it."""

    lines: Sequence[str]

    def text(self) -> str:
        """The lines as they are."""
        return "\n".join(self.lines)

    def html(self) -> str:
        """The lines, coloured behind the text, so that any theme's text can be read on them."""
        rows = "".join(f'<div style="{_behind(line)}">{escape(line) or " "}</div>' for line in self.lines)
        return f'<pre style="{CODE}">{rows}</pre>'


def _behind(line: str) -> str:
    for start, style in (("+++", DIM), ("---", DIM), ("@@", DIM), ("+", ADDED), ("-", TAKEN)):
        if line.startswith(start):
            return style
    return ""
