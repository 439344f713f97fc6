"""What a command answers, in short: facts, perhaps a table, and the next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from nbdeploy.cards.blocks import Facts, Table
from nbdeploy.cards.patch import Patch
from nbdeploy.cards.style import DIM, FRAME

__all__ = ["Card", "Result"]


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
    parts : sequence of (str, Table or Patch)
        Shown below the table, each under its title.
    """

    title: str
    facts: Sequence[tuple[str, Any]] = ()
    table: Table | None = None
    next: str = ""
    parts: Sequence[tuple[str, Table | Patch]] = ()

    def text(self) -> str:
        """The card for a terminal."""
        width = max((len(name) for name, _ in self.facts), default=0)
        lines = [self.title, *(f"  {name.ljust(width)}  {value}" for name, value in self.facts)]
        if self.table is not None:
            lines += ["  " + line for line in self.table.text().splitlines()]
        for title, body in self.parts:
            lines += [f"  {title}", *(f"    {line}" for line in body.text().splitlines())]
        if self.next:
            lines.append(f"  next: {self.next}")
        return "\n".join(lines)

    def html(self) -> str:
        """The card for a notebook."""
        facts = Facts(self.facts).html() if self.facts else ""
        table = self.table.html() if self.table is not None else ""
        step = f'<div style="{DIM}">next: <code>{escape(self.next)}</code></div>' if self.next else ""
        parts = "".join(
            f'<div style="{DIM};margin-top:8px">{escape(title)}</div>{body.html()}' for title, body in self.parts
        )
        body = f"<b>{escape(self.title)}</b>{facts}{table}{parts}{step}"
        return f'<div class="nbdeploy-card" style="{FRAME}">{body}</div>'


class Result:
    """What a command answers. A subclass says it in one line, as a card and as a JSON document."""

    @property
    def ok(self) -> bool:
        """False where a condition was asked about and was false; the exit status is then 3."""
        return True

    @property
    def failed(self) -> bool:
        """True where a part failed that did not stop the rest; the exit status is then 1."""
        return False

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
