"""One span of a job: read, bound, predicted. In whichever process that is done, the same comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import polars as pl
import polars.selectors as cs

from nbdeploy.codecs import bind_text
from nbdeploy.codecs.veiled import veil
from nbdeploy.errors import InvalidData
from nbdeploy.offline.bisecting import answered, told
from nbdeploy.offline.fitting import Fault, Fitted, fit
from nbdeploy.offline.rejects import rejects_of
from nbdeploy.offline.threshold import Threshold
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Rows, Source, Span

__all__ = ["Done", "Plan", "SourceWork", "Work", "columns_named", "predicted", "without"]


@dataclass(frozen=True)
class Plan:
    """What is to be done with each span.

    Attributes
    ----------
    methods : list of str
        The methods that answer.
    kept : list of str
        The columns to keep, by the names that they have in the output.
    rename : mapping of str to str
        The source's name of a column to the name to give it.
    columns : list of str or None
        The source's columns to read; all of them if None.
    threshold : Threshold or None
        What decides ``prediction`` instead of the model.
    rejecting : bool
        Whether rows that fail are set aside, instead of failing the job.
    types : mapping of str to polars type
        The source's columns that may be read as numbers; see :meth:`nbdeploy.tables.Source.read`.
    lines : bool
        Whether all columns are kept, and rows are to be written as they stand in the source.
    asked : list of str or None
        The source's columns that the model reads; all of them if None.
    """

    methods: list[str]
    kept: list[str]
    rename: Mapping[str, str] = field(default_factory=dict)
    columns: list[str] | None = None
    threshold: Threshold | None = None
    rejecting: bool = False
    types: Mapping[str, Any] = field(default_factory=dict)
    lines: bool = False
    asked: list[str] | None = None

    def read(self, source: Source, span: Span) -> Rows:
        """Read the columns that the model reads or that are kept: what is kept as text, or as it stands.

        The first span is read column by column, as it tells which columns there are.
        """
        if self.lines and span.index:
            rows = source.read(span, self.columns, self.types, lines=True)
            if rows.lines is not None:
                return rows
        kept = {*self.kept}
        types = {name: kind for name, kind in self.types.items() if self.rename.get(name, name) not in kept}
        return source.read(span, None if self.lines else self.columns, types)

    def read_asked(self, source: Source, span: Span) -> Rows:
        """Read only what the model reads."""
        return source.read(span, self.asked, self.types)

    def read_kept(self, source: Source, span: Span) -> Rows:
        """Read only what is kept."""
        if self.lines and span.index:
            rows = source.read(span, source.columns()[-1:], lines=True)
            if rows.lines is not None:
                return rows
        old = {new: name for name, new in self.rename.items()}
        return source.read(span, [old.get(name, name) for name in self.kept])

    def kept_of(self, rows: Rows, dropped: list[int]) -> tuple[pl.DataFrame, pl.Series | None]:
        """Return what is kept of rows that were read, without those that were set aside: columns, or lines."""
        if rows.lines is not None:
            return pl.DataFrame(), without(rows.lines.to_frame(), dropped).to_series()
        return without(columns_named(self.renamed(rows.frame), self.kept), dropped), None

    def answers(self, predictor: Predictor, wire: pl.DataFrame) -> pl.DataFrame:
        """Answer bound rows."""
        if self.threshold is not None:
            return self.threshold.answers(predictor, wire, self.methods)
        return predictor.outputs(wire, self.methods)

    def renamed(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame of the source under the columns' new names."""
        return frame.rename(self.rename, strict=False) if self.rename else frame


@dataclass(frozen=True)
class Done:
    """A span that was predicted.

    Attributes
    ----------
    span : Span
        The span, without what was needed to read it.
    rows : int
        Well-formed rows that were read.
    dropped : list of int
        Those among them that were set aside.
    kept : polars.DataFrame or None
        The columns to keep, of the other rows; none if lines are kept. None itself if they are still to be read.
    answers : polars.DataFrame
        The answers to them.
    rejects : polars.DataFrame or None
        See :func:`nbdeploy.offline.rejects.rejects_of`.
    lines : polars.Series or None
        The other rows as they stand in the source, where they are kept so.
    """

    span: Span
    rows: int
    dropped: list[int]
    kept: pl.DataFrame | None
    answers: pl.DataFrame
    rejects: pl.DataFrame | None = None
    lines: pl.Series | None = None

    @property
    def together(self) -> pl.DataFrame:
        """The columns to keep, and the answers beside them."""
        return (
            self.kept.hstack(self.answers.get_columns()) if self.kept is not None and self.kept.width else self.answers
        )


class Work(Protocol):
    """What an engine does for each span. It can be pickled; the model is given where it is done."""

    def read(self, span: Span) -> Any:
        """Read a span; no model is needed for that, so that it can be done ahead."""

    def answer(self, predictor: Predictor, span: Span, read: Any) -> Done:
        """Predict what was read."""


@dataclass(frozen=True)
class SourceWork:
    """The work on a source. See :class:`Work`.

    Attributes
    ----------
    source : Source
        What is predicted.
    plan : Plan
        How.
    apart : bool
        Whether what is kept is read where it is written: cheaper than to bring it from another process.
    """

    source: Source
    plan: Plan
    apart: bool = False

    def read(self, span: Span) -> Rows:
        """Read the columns that the model reads or that are kept."""
        return self.plan.read_asked(self.source, span) if self.apart else self.plan.read(self.source, span)

    def answer(self, predictor: Predictor, span: Span, read: Rows) -> Done:
        """Bind and predict what was read.

        Raises
        ------
        InvalidData
            Naming file, line, column, value and expected type of a row that fails, where none are set aside.
        """
        plan, frame = self.plan, self.plan.renamed(read.frame)
        if read.bad and not plan.rejecting:
            bad = read.bad[0]
            raise self._refusal(f"{read.unit} {bad.number}", bad.column, bad.reason)
        fitted = self._fitted(predictor, frame, read)
        answers, raised = predicted(predictor, plan, fitted.wire)
        faults = [replace(fault, row=int(fitted.places[fault.row])) for fault in raised]
        if faults and not plan.rejecting:
            raise self._refusal(read.where(faults[0].row), faults[0].column, faults[0].reason) from faults[0].error
        faults = sorted([*fitted.faults, *faults], key=lambda fault: fault.row)
        dropped = [fault.row for fault in faults]
        kept, lines = (None, None) if self.apart else plan.kept_of(read, dropped)
        rejects = rejects_of(self.source, read, self._whole(span, read), faults) if faults or read.bad else None
        bare = replace(span, place=None)
        return Done(bare, frame.height, dropped, kept, answers, rejects, lines)

    def _fitted(self, predictor: Predictor, frame: pl.DataFrame, read: Rows) -> Fitted:
        signature = predictor.signature

        def bind(rows: pl.DataFrame) -> pl.DataFrame:
            return bind_text(rows, signature) if self.source.text else predictor.bind(rows)

        try:
            if self.plan.rejecting:
                return fit(bind, lambda rows, places: rows[list(places)], frame, frame.height)
            return Fitted(bind(frame), np.arange(frame.height))
        except InvalidData as error:
            facts = error.facts
            if "detail" not in facts:
                raise InvalidData(f"{self.source.name}: {error}", **facts) from None
            where = read.where(int(str(facts["row"])))
            raise self._refusal(where, str(facts["column"]), str(facts["detail"]), facts) from None

    def _refusal(
        self, where: str, column: str, why: str, facts: Mapping[str, Any] = MappingProxyType({})
    ) -> InvalidData:
        named = f", column {column!r}" if column else ""
        message = f"{self.source.name}, {where}{named}: {why}"
        return InvalidData(message, **{**facts, "path": self.source.name, "line": where})

    def _whole(self, span: Span, read: Rows) -> pl.DataFrame:
        """The rows with all their columns, as they were read."""
        if self.plan.columns is None and not self.plan.types and not self.apart:
            return read.frame
        return self.source.read(span).frame


def predicted(predictor: Predictor, plan: Plan, wire: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
    """Answer bound rows; return the answers, and what is wrong with the rows that have none.

    Where no rows are set aside, nothing is answered after the first fault.
    """
    parts, faults = list[pl.DataFrame](), list[Fault]()
    for first, found in answered(lambda rows: plan.answers(predictor, rows), wire, lambda: predictor.sample):
        if isinstance(found, pl.DataFrame):
            parts.append(found)
            continue
        row = wire[first : first + 1]
        reason = veil(told(found), row, predictor.signature)
        faults.append(Fault(first, _quoted(reason, row), reason, reason, found))
        if not plan.rejecting:
            break
    return pl.concat(parts) if parts else plan.answers(predictor, wire.clear()), faults


def _quoted(reason: str, row: pl.DataFrame) -> str:
    """The column whose text the model's message quotes, if it is just one; or nothing."""
    texts = row.select(cs.string() | cs.categorical() | cs.enum())
    names = [series.name for series in texts.get_columns() if series[0] and repr(series[0]) in reason]
    return names[0] if len(names) == 1 else ""


def without(frame: pl.DataFrame, rows: list[int]) -> pl.DataFrame:
    """Return a frame without some rows; a frame without columns has no rows to begin with."""
    if not rows or not frame.width:
        return frame
    left: list[int] = np.setdiff1d(np.arange(frame.height), rows).tolist()
    return frame[left]


def columns_named(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return some columns; a name such as ``^x$`` is a name, no pattern."""
    return pl.DataFrame([frame.get_column(name) for name in names])
