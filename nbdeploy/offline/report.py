"""The result of a job: what was written, what it looks like, and what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from nbdeploy.cards import Card, Patch, Result, Table, count
from nbdeploy.offline.figures import figures
from nbdeploy.profiles import Profile

__all__ = ["Predictions", "reasons_document", "reasons_table"]

_MOST_REASONS = 10
_MOST_COLUMNS = 12
_SHOWN_COLUMNS = 8

Reasons = Sequence[tuple[str, str, int]]
"""Column, what is wrong, and in how many rows; the most frequent first."""


def reasons_table(reasons: Reasons) -> Table:
    """Why rows were set aside, as cards show it."""
    return Table(
        ("rows", "column", "reason"), [(f"{n:,}", column, reason) for column, reason, n in reasons[:_MOST_REASONS]]
    )


def reasons_document(reasons: Reasons) -> list[dict[str, Any]]:
    """Why rows were set aside, as ``predict --json`` tells it."""
    return [{"column": column, "reason": reason, "rows": n} for column, reason, n in reasons]


def _few(names: Sequence[str]) -> str:
    more = len(names) - _MOST_COLUMNS
    return ", ".join(names[:_MOST_COLUMNS]) + (f" and {more:,} more" if more > 0 else "")


def _short(cell: object) -> object:
    return f"{cell:.6g}" if isinstance(cell, float) else cell


@dataclass(frozen=True)
class Predictions(Result):
    """A file of predictions that was written.

    Attributes
    ----------
    snapshot, digest : str
        What predicted.
    input, output : str
        The files.
    rows, rejected : int
        Rows predicted, and rows set aside.
    seconds : float
        How long it took.
    columns : tuple of str
        The output's columns.
    rejects : str or None
        Where rows were set aside.
    reasons : Reasons
        Why rows were set aside.
    done_before : bool
        Whether nothing was to do, because the output is there already.
    head : polars.DataFrame
        The first rows.
    profile : Profile or None
        What the predictions are like.
    trained : Profile or None
        What they were like for the data that the snapshot was made with.
    notices : sequence of str
        What the user should know besides.
    """

    snapshot: str
    digest: str
    input: str
    output: str
    rows: int
    rejected: int
    seconds: float
    columns: tuple[str, ...]
    rejects: str | None = None
    reasons: Reasons = ()
    done_before: bool = False
    head: pl.DataFrame = field(default_factory=pl.DataFrame, repr=False, compare=False)
    profile: Profile | None = field(default=None, repr=False, compare=False)
    trained: Profile | None = field(default=None, repr=False, compare=False)
    notices: Sequence[str] = field(default=(), repr=False)

    @property
    def line(self) -> str:
        """What was written, by what, how fast; what was set aside, and why."""
        if self.done_before:
            return (
                f"{self.output}: nothing to do, {count(self.rows, 'row')} predicted before by {self.snapshot}, and "
                f"neither input nor model changed{self._aside()}"
            )
        rate = self.rows / max(self.seconds, 1e-9)
        pace = f"{self.seconds:.1f} s ({rate:,.0f} rows/s)"
        return f"{self.output}: {count(self.rows, 'row')} predicted by {self.snapshot} in {pace}{self._aside()}"

    def _aside(self) -> str:
        if not self.rejected:
            return ""
        column, reason, _ = self.reasons[0] if self.reasons else ("", "", 0)
        why = f" ({column}: {reason})" if column else f" ({reason})" if reason else ""
        return f", {count(self.rejected, 'row')} rejected{why}, see {self.rejects}"

    def card(self) -> Card:
        """Files, rows, the first of them, what the predictions are like, and what was set aside."""
        facts = [
            ("snapshot", f"{self.snapshot} ({self.digest[:19]})"),
            ("input", self.input),
            ("rows", f"{self.rows:,}" + (f", and {self.rejected:,} rejected" if self.rejected else "")),
            ("columns", _few(self.columns)),
            ("seconds", f"{self.seconds:.2f}"),
        ]
        parts: list[tuple[str, Table | Patch]] = []
        if self.head.width:
            shown = self.head[:, -_SHOWN_COLUMNS:]
            parts.append(("first rows", Table(shown.columns, [[_short(cell) for cell in row] for row in shown.rows()])))
        if self.profile is not None and (drawn := figures(self.profile, self.trained)) is not None:
            parts.append(("predictions", drawn))
        if self.reasons:
            parts.append(("rejected", reasons_table(self.reasons)))
        return Card(self.line, facts, parts=parts)

    def document(self) -> dict[str, Any]:
        """Return the document of ``predict --json``."""
        return {
            "snapshot": self.snapshot,
            "digest": self.digest,
            "input": self.input,
            "output": self.output,
            "rows": self.rows,
            "rejected": self.rejected,
            "seconds": self.seconds,
            "columns": list(self.columns),
            "rejects": self.rejects,
            "reasons": reasons_document(self.reasons),
            "done_before": self.done_before,
        }
