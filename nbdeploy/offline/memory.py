"""Predicting a table in memory, into a table of the caller's library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.binding import height_of
from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.offline.assembling import Assembly
from nbdeploy.offline.fitting import Fault, Fitted, fit
from nbdeploy.offline.libraries import as_polars, beside, columns_of, renamed
from nbdeploy.offline.options import Options
from nbdeploy.offline.planning import read_by, refuse_clash, threshold_of
from nbdeploy.offline.rejects import FACTS
from nbdeploy.offline.running import run
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Done, Plan, predicted
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Span, open_sink
from nbdeploy.types import Report, ignore_progress

__all__ = ["Answered", "Collected", "predict_table"]


@dataclass(frozen=True)
class Answered:
    """A table of predictions.

    Attributes
    ----------
    table : table
        Kept columns, then predictions.
    tally : Tally
        What was counted on the way.
    """

    table: Any
    tally: Tally


@dataclass(frozen=True)
class TableWork:
    """The work on bound rows, which spans bring along. See :class:`nbdeploy.offline.work.Work`."""

    plan: Plan

    def read(self, span: Span) -> pl.DataFrame:
        """Return the rows."""
        rows: pl.DataFrame = span.place
        return rows

    def answer(self, predictor: Predictor, span: Span, read: pl.DataFrame) -> Done:
        """Predict them.

        Raises
        ------
        InvalidData
            Naming the first row for which the model raises, where none are set aside.
        """
        answers, faults = predicted(predictor, self.plan, read)
        if faults and not self.plan.rejecting:
            raise InvalidData(f"row {span.first + faults[0].row}: {faults[0].reason}") from faults[0].error
        rejects = _facts(faults, range(span.first, span.first + read.height)) if faults else None
        bare = Span(span.index, span.first, span.rows, None, span.share)
        return Done(bare, read.height, [fault.row for fault in faults], pl.DataFrame(), answers, rejects)


@dataclass
class Collected:
    """Takes rows, and keeps them in memory."""

    separator = None
    frames: list[pl.DataFrame] = field(default_factory=list)

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        self.frames.append(frame)


def predict_table(predictor: Predictor, data: Any, options: Options, progress: Report = ignore_progress) -> Answered:
    """Predict a table in memory.

    Returns
    -------
    Answered
        Polars and Arrow callers get their own kind, all others pandas, with the index of a pandas input.
    """
    if options.resume:
        raise WrongUsage("--resume is not possible: only a job from file to file can go on; write the table to a file")
    data = data.collect() if isinstance(data, pl.LazyFrame) else data
    container = container_of(data)
    if options.rename:
        data = renamed(data, container, options)
    methods = predictor.methods(options.methods)
    kept = options.kept(columns_of(data, container), read_by(predictor.signature))
    refuse_clash(kept, [name for method in methods for name in predictor.signature.outputs[method].columns])
    threshold = threshold_of(predictor, options, methods)
    plan = Plan(methods, kept, {}, None, threshold, options.rejects is not None)
    fitted = _fitted(predictor, data, container, plan)
    out, aside = Collected(), Collected()
    tally = _run(predictor, fitted, plan, options, out, aside, progress)
    answers = pl.concat(out.frames) if out.frames else plan.answers(predictor, fitted.wire.clear())
    if tally.rejected:
        rejects, data = _parted(data, container, fitted, aside.frames)
    else:
        rejects = _facts([], [])
    if options.rejects is not None:
        _set_aside(rejects, data, container, options)
    tally.check_any("the table", options.rejects)
    return Answered(beside(data, container, kept, answers), tally)


def _fitted(predictor: Predictor, data: Any, container: str, plan: Plan) -> Fitted:
    if not plan.rejecting:
        wire = predictor.bind(data)
        return Fitted(wire, np.arange(wire.height))
    taking: Any = CONTAINERS[container]
    return fit(predictor.bind, lambda rows, places: taking.take(rows, list(places)), data, height_of(data))


def _run(
    predictor: Predictor,
    fitted: Fitted,
    plan: Plan,
    options: Options,
    out: Collected,
    aside: Collected,
    progress: Report,
) -> Tally:
    wire, chunk = fitted.wire, options.chunk

    def spans() -> Iterator[Span]:
        for index, first in enumerate(range(0, wire.height, chunk)):
            rows = wire[first : first + chunk]
            yield Span(index, first, rows.height, rows, min(1.0, (first + chunk) / wire.height))

    def assemble(released: Any) -> Assembly:
        assembly = Assembly(None, plan, out, aside, options.max_rejects, released=released)
        if fitted.faults:
            assembly.tally.set_aside(_facts(fitted.faults, range(wire.height + len(fitted.faults))))
        return assembly

    assembly = run(
        TableWork(plan),
        predictor,
        spans(),
        (),
        assemble,
        engine=options.engine,
        workers=options.workers,
        total=wire.height + len(fitted.faults),
        progress=progress,
    )
    return assembly.tally


def _facts(faults: Sequence[Fault], numbers: Sequence[int]) -> pl.DataFrame:
    """What is said of faults, in the first columns and the last one of rejects."""
    rows = [(numbers[fault.row], fault.column, fault.reason, fault.group) for fault in faults]
    return pl.DataFrame(rows, schema={**FACTS, "group": pl.String}, orient="row")


def _parted(data: Any, container: str, fitted: Fitted, raised: list[pl.DataFrame]) -> tuple[pl.DataFrame, Any]:
    """What is said of the rows set aside, in order, with the rows; and the others."""
    taking: Any = CONTAINERS[container]
    told = [_facts(fitted.faults, range(height_of(data)))[:, :-1]]
    for frame in raised:
        places = fitted.places[frame.get_column("line").to_numpy()]
        told.append(frame.with_columns(pl.Series("line", places, dtype=pl.Int64)))
    facts = pl.concat(told).sort("line")
    out = facts.get_column("line").to_list()
    rows = as_polars(taking.take(data, out))
    names = {name: f"{name}_" for name in rows.columns if name in FACTS}
    left = np.setdiff1d(np.arange(height_of(data)), out).tolist()
    return facts.hstack(rows.rename(names).get_columns()), taking.take(data, left)


def _set_aside(rejects: pl.DataFrame, data: Any, container: str, options: Options) -> None:
    if rejects.width == len(FACTS) + 1:  # none: the columns that there would have been
        taking: Any = CONTAINERS[container]
        rows = as_polars(taking.take(data, []))
        rejects = rejects[:, :-1].hstack(rows.rename({n: f"{n}_" for n in rows.columns if n in FACTS}).get_columns())
    if options.rejects is not None:
        with open_sink(options.rejects, safe=options.safe_csv) as sink:
            sink.write(rejects)
