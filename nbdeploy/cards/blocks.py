"""What cards and pages are made of, as HTML for notebooks and as Markdown for files. Everything is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

from nbdeploy.cards.style import CELL, CODE, DIM, NAME, TABLE, VALUE

__all__ = ["Block", "Code", "Facts", "Items", "Table", "Text", "as_html", "as_markdown"]

_MARKS = re.compile(r"([\\`*_{}\[\]<>|#~])")


class Block(Protocol):
    """Something that can be shown."""

    def html(self) -> str:
        """Return an HTML element."""

    def markdown(self) -> str:
        """Return Markdown, without line breaks if the block can stand in a table."""


def as_html(value: Any) -> str:
    """Return a block's HTML, or anything else's text, escaped."""
    return str(value.html()) if hasattr(value, "markdown") else escape(str(value))


def as_markdown(value: Any) -> str:
    r"""Return a block's Markdown, or anything else's text on one line, escaped.

    Examples
    --------
    >>> as_markdown("a|b <script>")
    'a\\|b \\<script\\>'
    """
    return str(value.markdown()) if hasattr(value, "markdown") else _MARKS.sub(r"\\\1", " ".join(str(value).split()))


@dataclass(frozen=True)
class Table:
    """Rows under a header, of anything that has a useful ``str``, or of blocks."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]

    def text(self) -> str:
        """The table with aligned columns."""
        lines = [[str(cell) for cell in row] for row in (self.header, *self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    def html(self) -> str:
        """The table as an HTML element."""
        head = "".join(f'<th style="{CELL};{DIM};font-weight:normal">{as_html(cell)}</th>' for cell in self.header)
        body = "".join(
            "<tr>" + "".join(f'<td style="{CELL}">{as_html(cell)}</td>' for cell in row) + "</tr>" for row in self.rows
        )
        return f'<table style="{TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def markdown(self) -> str:
        """The table as Markdown."""
        lines = [[as_markdown(cell) for cell in row] for row in (self.header, *self.rows)]
        lines.insert(1, ["---"] * len(self.header))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


@dataclass(frozen=True)
class Facts:
    """Names and values, in order."""

    facts: Sequence[tuple[str, Any]]

    def html(self) -> str:
        """A table of two columns."""
        rows = "".join(
            f'<tr><td style="{NAME}">{escape(name)}</td><td style="{VALUE}">{as_html(value)}</td></tr>'
            for name, value in self.facts
        )
        return f'<table style="{TABLE}"><tbody>{rows}</tbody></table>'

    def markdown(self) -> str:
        """A list."""
        return "\n".join(f"- {as_markdown(name)}: {as_markdown(value)}" for name, value in self.facts)


@dataclass(frozen=True)
class Items:
    """Sentences, one below the other."""

    items: Sequence[str]

    def html(self) -> str:
        """A list."""
        entries = "".join(f"<li>{escape(item)}</li>" for item in self.items)
        return f'<ul style="margin:6px 0;padding-left:18px">{entries}</ul>'

    def markdown(self) -> str:
        """A list."""
        return "\n".join(f"- {as_markdown(item)}" for item in self.items)


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str

    def html(self) -> str:
        """A paragraph."""
        return f'<div style="margin:6px 0">{escape(self.text)}</div>'

    def markdown(self) -> str:
        """A paragraph."""
        return as_markdown(self.text)


@dataclass(frozen=True)
class Code:
    """Source in some language."""

    source: str
    language: str = "python"

    def html(self) -> str:
        """Preformatted text."""
        return f'<pre style="{CODE}">{escape(self.source)}</pre>'

    def markdown(self) -> str:
        """A fenced block; the fence is longer than any in the source."""
        longest = max((len(run) for run in re.findall(r"`{3,}", self.source)), default=2)
        fence = "`" * (longest + 1)
        return f"{fence}{self.language}\n{self.source}\n{fence}"
