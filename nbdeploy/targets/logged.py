"""What a target tells of its past: rows that it was asked, and what became of truths that it was told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from nbdeploy.cards import Card, Result, Table
from nbdeploy.codecs.strict_json import plain
from nbdeploy.hints import typed
from nbdeploy.wire.messages import FeedbackAnswer, LogFacts, LogState

__all__ = ["Labelled", "LoggedRows", "told_of"]


@dataclass(frozen=True)
class LoggedRows(Result):
    """Rows that a deployment was asked, with its answers.

    Attributes
    ----------
    place : str
        Target and deployment.
    frame : polars.DataFrame
        The latest row first: what is known of its request, the model's inputs, and the answers.
    facts : LogFacts
        Which columns are which, and what the frame has not.
    """

    place: str
    frame: pl.DataFrame = field(repr=False)
    facts: LogFacts = field(repr=False)

    @property
    def about(self) -> pl.DataFrame:
        """What is known of each row's request, whatever the model calls its columns."""
        theirs = {*self.facts.inputs, *self.facts.answers}
        names = [name for name in self.frame.columns if name not in theirs]
        return self.frame[names].rename({name: name.removeprefix("request_") for name in names})

    @property
    def values(self) -> pl.DataFrame:
        """The model's inputs and answers."""
        return self.frame[[*self.facts.inputs, *self.facts.answers]]

    @property
    def line(self) -> str:
        """How many rows, and how to predict them here."""
        count = self.frame.height
        more = f"the latest {count:,}" if self.facts.more else f"{count:,}"
        if not count:
            return f"no such rows are logged at {self.place}{self._without()}"
        step = f"next: nbdeploy.load({self.place!r}).predict(rows)"
        return f"{more} logged row{'' if count == 1 else 's'} of {self.place}{self._without()}; {step}"

    @property
    def notices(self) -> Sequence[str]:
        """What is not in the table, and whether the log is whole."""
        told = []
        if self.facts.masked:
            told.append(f"columns that are private were not logged: {', '.join(self.facts.masked)}")
        if self.facts.more:
            told.append("there are more rows than these: narrow them with --where or --since, or raise --limit")
        return [*told, *told_of(self.facts.log)]

    def card(self) -> Card:
        """Return the first rows."""
        shown = plain(self.frame.head(10))
        table = Table(shown.columns, [["–" if v is None else v for v in row] for row in shown.rows()])
        return Card(self.line, table=table if shown.height else None)

    def document(self) -> dict[str, Any]:
        """Return the document of ``requests --json``."""
        return {
            "deployment": self.place,
            "columns": self.frame.columns,
            "inputs": self.facts.inputs,
            "answers": self.facts.answers,
            "masked": self.facts.masked,
            "more": self.facts.more,
            "rows": plain(self.frame).to_dicts(),
        }

    def _without(self) -> str:
        count = self.facts.without_rows
        return f" ({count:,} of {self.facts.requests:,} requests were logged without rows)" if count else ""


@dataclass(frozen=True)
class Labelled(Result):
    """What became of truths that were told.

    Attributes
    ----------
    place : str
        Target and deployment.
    answer : FeedbackAnswer
        The counts.
    """

    place: str
    answer: FeedbackAnswer

    @property
    def ok(self) -> bool:
        """Whether every one belongs to a prediction."""
        return not self.answer.unmatched

    @property
    def line(self) -> str:
        """How many were joined."""
        found = self.answer
        parts = [f"{found.matched:,} of {found.received:,} truths joined with predictions of {self.place}"]
        parts += [f"{found.replaced:,} say something else than before"] if found.replaced else []
        parts += [f"{found.unchanged:,} were known"] if found.unchanged else []
        if found.unmatched:
            first = found.first[0]
            parts.append(f"{found.unmatched:,} belong to none, the first being {first.id!r}: {first.reason}")
        return f"{', '.join(parts)}; next: {typed(f'diagnose {self.place}')}"

    def card(self) -> Card:
        """The counts, and the first that belong to no prediction."""
        rows = [(one.id, "" if one.row is None else one.row, one.reason) for one in self.answer.first]
        table = Table(("id", "row", "why it was not joined"), rows) if rows else None
        return Card(self.line, table=table)

    def document(self) -> dict[str, Any]:
        """Return the document of ``label --json``."""
        return {"deployment": self.place, **msgspec.to_builtins(self.answer)}


def told_of(log: LogState | None) -> list[str]:
    """What users should know of an endpoint's log."""
    if log is None:
        return []
    told = []
    if not log.ok:
        told.append(
            f"the prediction log's database {log.database} takes no rows since {log.since or 'the start'} "
            f"({log.reason}); {log.waiting:,} rows wait in memory, and predictions go on"
        )
    if log.dropped:
        told.append(f"{log.dropped:,} rows were lost to the prediction log since the endpoint started")
    return told
