"""What an export answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Code, Result, count

__all__ = ["Exported", "Written"]


@dataclass(frozen=True)
class Written:
    """A schedule in another program's words.

    Attributes
    ----------
    text : str
        The definition; its head says the rest too.
    needs : sequence of str
        What has to be there when it runs.
    notes : sequence of str
        What is different there.
    suffix : str
        Of its file.
    hint : str
        What to do with the file.
    """

    text: str
    needs: Sequence[str]
    notes: Sequence[str]
    suffix: str
    hint: str


@dataclass(frozen=True)
class Exported(Result):
    """A schedule, exported.

    Attributes
    ----------
    name, to : str
        The schedule, and the program.
    written : Written
        The definition.
    out : Path or None
        Its file, if it went into one.
    """

    name: str
    to: str
    written: Written
    out: Path | None = None

    @property
    def line(self) -> str:
        """Where it is, and what is next."""
        different = f", with {count(len(self.written.notes), 'difference')}" if self.written.notes else ""
        where = "" if self.out is None else f": {self.out}"
        return f"schedule {self.name} is written for {self.to}{different}{where}; next: {self.written.hint}"

    @property
    def notices(self) -> Sequence[str]:
        """What is different there."""
        return self.written.notes

    def card(self) -> Card:
        """The definition itself, or where it went."""
        if self.out is None:
            return Card(self.written.text.rstrip("\n"))
        return Card(self.line, [("needs", need) for need in self.written.needs])

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {
            "name": self.name,
            "to": self.to,
            "out": None if self.out is None else str(self.out),
            "text": self.written.text,
            "needs": list(self.written.needs),
            "notes": list(self.written.notes),
        }

    def _repr_html_(self) -> str:
        return Code(self.written.text).html() if self.out is None else super()._repr_html_()
