"""Cards: what a command answers, shown as HTML in a notebook and as text in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Card", "Patch", "Result", "Section", "Table"]

# Colours come from the notebook's own theme where there is one, so that light and dark both work.
_FRAME = (
    "border:1px solid var(--jp-border-color2,#8884);border-left:4px solid var(--jp-brand-color1,#1976d2);"
    "border-radius:4px;padding:8px 14px;margin:4px 0;max-width:60em;"
    "font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;color:var(--jp-ui-font-color1,inherit)"
)
_DIM = "color:var(--jp-ui-font-color2,#777)"
_TABLE = "border-collapse:collapse;margin:6px 0"
_CELL = "text-align:left;padding:2px 14px 2px 0;vertical-align:top"
_NAME = f"{_CELL};{_DIM};white-space:nowrap"
_PATCH = (
    "margin:6px 0;padding:4px 8px;overflow-x:auto;color:inherit;background:transparent;"
    "border:1px solid var(--jp-border-color2,#8884);font-family:var(--jp-code-font-family,monospace);font-size:12px"
)
_ADDED = "background:rgba(46,160,67,.2)"
_TAKEN = "background:rgba(248,81,73,.2)"


@dataclass(frozen=True)
class Table:
    """Rows under a header, of anything that has a useful ``str``."""

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
        head = "".join(
            f'<th style="{_CELL};{_DIM};font-weight:normal">{escape(str(cell))}</th>' for cell in self.header
        )
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{escape(str(cell))}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


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
        return f'<pre style="{_PATCH}">{rows}</pre>'


def _behind(line: str) -> str:
    for start, style in (("+++", _DIM), ("---", _DIM), ("@@", _DIM), ("+", _ADDED), ("-", _TAKEN)):
        if line.startswith(start):
            return style
    return ""


@dataclass(frozen=True)
class Section:
    """A part of a card with a title of its own."""

    title: str
    body: Table | Patch


@dataclass(frozen=True)
class Card:
    """A title, some facts, perhaps a table, and the next step.

    Attributes
    ----------
    title : str
        What this is, in a few words.
    facts : sequence of (str, object)
        Names and values, in order.
    table : Table, optional
        Shown below the facts.
    next : str
        The command to type next, if there is one.
    sections : sequence of Section
        Shown below the table.
    """

    title: str
    facts: Sequence[tuple[str, Any]] = ()
    table: Table | None = None
    next: str = ""
    sections: Sequence[Section] = ()

    def text(self) -> str:
        """The card for a terminal."""
        width = max((len(name) for name, _ in self.facts), default=0)
        parts = [self.title, *(f"  {name.ljust(width)}  {value}" for name, value in self.facts)]
        if self.table is not None:
            parts += ["  " + line for line in self.table.text().splitlines()]
        for section in self.sections:
            parts += [f"  {section.title}", *(f"    {line}" for line in section.body.text().splitlines())]
        if self.next:
            parts.append(f"  next: {self.next}")
        return "\n".join(parts)

    def html(self) -> str:
        """The card for a notebook."""
        rows = "".join(
            f'<tr><td style="{_NAME}">{escape(name)}</td><td style="{_CELL}">{escape(str(value))}</td></tr>'
            for name, value in self.facts
        )
        facts = f'<table style="{_TABLE}">{rows}</table>' if rows else ""
        table = self.table.html() if self.table is not None else ""
        step = f'<div style="{_DIM}">next: <code>{escape(self.next)}</code></div>' if self.next else ""
        sections = "".join(
            f'<div style="{_DIM};margin-top:8px">{escape(section.title)}</div>{section.body.html()}'
            for section in self.sections
        )
        body = f"<b>{escape(self.title)}</b>{facts}{table}{sections}{step}"
        return f'<div class="nbdeploy-card" style="{_FRAME}">{body}</div>'


class Result:
    """What a command answers. A subclass says it in one line, as a card and as a JSON document."""

    @property
    def ok(self) -> bool:
        """False where a condition was asked about and was false; the exit status is then 3."""
        return True

    @property
    def line(self) -> str:
        """One line: what happened and, where there is one, the next step."""
        raise NotImplementedError

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know besides; each is said on a line of its own."""
        return ()

    def card(self) -> Card:
        """The answer as a card."""
        raise NotImplementedError

    def document(self) -> Any:
        """The answer as the JSON document that ``--json`` prints."""
        raise NotImplementedError

    def __bool__(self) -> bool:
        return self.ok

    def _repr_html_(self) -> str:
        return self.card().html()

    def __str__(self) -> str:
        return self.card().text()
