"""Predicting a table in memory: into a table of the caller's library, or into a file."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.binding import height_of
from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.offline.assembling import Assembly
from nbdeploy.offline.fitting import Fault, Fitted, fit
from nbdeploy.offline.holding import holding
from nbdeploy.offline.job import predict_source, reasons_of, trained_on
from nbdeploy.offline.options import Options
from nbdeploy.offline.places import STREAM, check_places
from nbdeploy.offline.planning import read_by, refuse_clash, threshold_of
from nbdeploy.offline.provenance import made, options_of, versions_of
from nbdeploy.offline.rejects import FACTS
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.running import run
from nbdeploy.offline.stored import stored
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Done, Plan, predicted
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Identity, Source, Span, open_sink, open_source
from nbdeploy.types import Report, ignore_progress

__all__ = ["Answered", "predict_table", "read_predicted", "write_table"]


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
class _Collected:
    separator = None
    frames: list[pl.DataFrame] = field(default_factory=list)

    def write(self, frame: pl.DataFrame) -> None:
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
        data = _renamed(data, container, options)
    methods = predictor.methods(options.methods)
    kept = options.kept(_columns_of(data, container), read_by(predictor.signature))
    refuse_clash(kept, [name for method in methods for name in predictor.signature.outputs[method].columns])
    threshold = threshold_of(predictor, options, methods)
    plan = Plan(methods, kept, {}, None, threshold, options.rejects is not None)
    fitted = _fitted(predictor, data, container, plan)
    out, aside = _Collected(), _Collected()
    tally = _run(predictor, fitted, plan, options, out, aside, progress)
    answers = pl.concat(out.frames) if out.frames else plan.answers(predictor, fitted.wire.clear())
    if tally.rejected:
        rejects, data = _parted(data, container, fitted, aside.frames)
    else:
        rejects = _facts([], [])
    if options.rejects is not None:
        _set_aside(rejects, data, container, options)
    tally.check_any("the table", options.rejects)
    return Answered(_beside(data, container, kept, answers), tally)


def read_predicted(
    predictor: Predictor, source: Source | str | Path, options: Options, progress: Report = ignore_progress
) -> Answered:
    """Predict a file into a pandas frame."""
    if options.resume:
        raise WrongUsage("--resume is not possible: only a job from file to file can go on; give --out")
    check_places(source, STREAM, options)
    source = open_source(source) if isinstance(source, str | Path) else source
    out = _Collected()
    tally = predict_source(predictor, source, out, options, progress)
    return Answered(pl.concat(out.frames).to_pandas(), tally)


def write_table(
    predictor: Predictor,
    snapshot: str,
    data: Any,
    out: str | Path,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a table in memory into a file. A pandas index that is more than row numbers is its first columns."""
    started = time.monotonic()
    check_places(STREAM, out, options)
    with holding(out) if str(out) != STREAM else nullcontext():
        with open_sink(out, safe=options.safe_csv) as sink:
            answered = predict_table(predictor, data, options, progress)
            table = pl.DataFrame(_with_index(answered.table, data))
            sink.write(table)
        tally = answered.tally
        result = Predictions(
            snapshot,
            predictor.digest,
            type(data).__name__,
            str(out),
            tally.rows,
            tally.rejected,
            round(time.monotonic() - started, 3),
            tuple(table.columns),
            None if options.rejects is None else str(options.rejects),
            reasons_of(tally),
            head=table[:5],
            profile=tally.profile,
            trained=trained_on(predictor),
        )
        if str(out) == STREAM:
            return result
        made(
            out=stored(out),
            output_sha256=sink.sha256,
            identity=Identity(),
            snapshot=snapshot,
            digest=predictor.digest,
            input=result.input,
            input_sha256=None,
            rows=result.rows,
            rejected=result.rejected,
            seconds=result.seconds,
            chunk=options.chunk,
            columns=list(table.columns),
            options=options_of(Plan(predictor.methods(options.methods), list(options.keep)), options),
            versions=versions_of(predictor),
            reasons=list(result.reasons),
        ).write(stored(out))
    return result


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
    out: _Collected,
    aside: _Collected,
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
    rows = _as_polars(taking.take(data, out))
    names = {name: f"{name}_" for name in rows.columns if name in FACTS}
    left = np.setdiff1d(np.arange(height_of(data)), out).tolist()
    return facts.hstack(rows.rename(names).get_columns()), taking.take(data, left)


def _set_aside(rejects: pl.DataFrame, data: Any, container: str, options: Options) -> None:
    if rejects.width == len(FACTS) + 1:  # none: the columns that there would have been
        taking: Any = CONTAINERS[container]
        rows = _as_polars(taking.take(data, []))
        rejects = rejects[:, :-1].hstack(rows.rename({n: f"{n}_" for n in rows.columns if n in FACTS}).get_columns())
    if options.rejects is not None:
        with open_sink(options.rejects, safe=options.safe_csv) as sink:
            sink.write(rejects)


def _as_polars(data: Any) -> pl.DataFrame:
    """A table of any kind as a Polars frame; columns of mixed objects as text."""
    if isinstance(data, pl.Series):
        return data.to_frame()
    try:
        return pl.DataFrame(data, strict=False, infer_schema_length=None)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        import pandas as pd

        frame = pd.DataFrame(data)
        return pl.DataFrame({str(name): [str(value) for value in frame[name]] for name in frame.columns})


def _beside(data: Any, container: str, kept: list[str], answers: pl.DataFrame) -> Any:
    """Kept columns and answers, in the caller's library."""
    if container in {"polars", "pyarrow"}:
        frame = pl.DataFrame(data) if not isinstance(data, pl.Series) else data.to_frame()
        columns = [frame.get_column(name) for name in kept]
        together = pl.DataFrame([*columns, *answers.get_columns()])
        return together if container == "polars" else together.to_arrow()
    import pandas as pd

    table = answers.to_pandas()
    if container == "pandas":
        table.index = data.index
        return pd.concat([data[[c for c in data.columns if str(c) in kept]], table], axis=1) if kept else table
    if kept:
        records = pl.DataFrame(data, strict=False, infer_schema_length=None).select(kept).to_pandas()
        return pd.concat([records, table], axis=1)
    return table


def _with_index(table: Any, data: Any) -> Any:
    """The table with the index of the data as columns, if that is more than row numbers."""
    index = getattr(data, "index", None) if container_of(data) == "pandas" else None
    if index is None or (index.names == [None] and index.equals(type(table)(index=range(len(data))).index)):
        return table
    try:
        return table.reset_index()
    except ValueError as error:
        raise InvalidData(f"the index cannot become columns beside the others: {error}; rename the index") from error


def _columns_of(data: Any, container: str) -> list[str]:
    if container == "builtins":
        return (
            list(data)
            if isinstance(data, dict)
            else list(dict.fromkeys(k for r in data if isinstance(r, dict) for k in r))
        )
    if container == "pyarrow":
        return list(data.schema.names)
    return [str(name) for name in getattr(data, "columns", ())]


def _renamed(data: Any, container: str, options: Options) -> Any:
    if container not in {"pandas", "polars", "pyarrow"}:
        raise InvalidData("--rename needs a table with column names: pandas, Polars or Arrow")
    columns = _columns_of(data, container)
    names = options.renamed(columns)
    if container == "pandas":
        new = options.rename or {}
        return data.rename(columns=lambda label: new.get(str(label), label))
    return data.rename_columns(names) if container == "pyarrow" else data.rename(dict(zip(columns, names, strict=True)))
