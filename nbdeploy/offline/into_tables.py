"""A job into a table of a database: the rows of a span and its journal entry are one transaction there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import polars as pl

from nbdeploy.cards import count
from nbdeploy.errors import InvalidData, NbdeployError, WrongUsage
from nbdeploy.offline.assembling import Assembly, Writes, check_seal
from nbdeploy.offline.holding import reserved
from nbdeploy.offline.journal import pack, unpack
from nbdeploy.offline.options import Options
from nbdeploy.offline.outcome import result_of
from nbdeploy.offline.places import STREAM, check_into, input_name
from nbdeploy.offline.planning import nothing, plan_of
from nbdeploy.offline.provenance import options_of, versions_of
from nbdeploy.offline.rejects import Limit, empty_rejects, written
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.running import run
from nbdeploy.offline.stored import stored
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Done, Plan, SourceWork
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Identity, Source, Span, open_sink, open_source
from nbdeploy.tables.databases import Finished, Query, TableSink
from nbdeploy.types import Report, ignore_progress

__all__ = ["predict_into"]


def predict_into(
    predictor: Predictor,
    snapshot: str,
    source: Source | str | Path,
    sink: TableSink,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a source into a table of a database.

    Rows are there as soon as their span is done. A job that was killed goes on with ``options.resume``; one that is
    done does nothing until input, model or options change.

    Parameters
    ----------
    predictor, snapshot, source, options, progress
        See :func:`nbdeploy.offline.predict_file`.
    sink : TableSink
        The table, not yet open.

    Raises
    ------
    InvalidData
        If the table does not fit, or as :func:`nbdeploy.offline.predict_file`.
    Conflict
        If another job writes this table, or rows of an unfinished job would be there twice.
    Unreachable
        If the database goes away; the spans that are finished stay so.
    """
    check_into(options)
    if options.resume and str(source) == STREAM:
        raise WrongUsage("--resume is not possible: standard input cannot be read from the beginning again; use a file")
    source = open_source(source) if isinstance(source, str | Path) else source
    job = _Job(predictor, snapshot, source, sink, plan_of(predictor, source, options), options)
    if isinstance(source, Query):
        source.settle()
    with sink, reserved(options.rejects):
        found = job.done_before()
        return job.done(progress) if found is None else found


class _Job:
    def __init__(
        self, predictor: Predictor, snapshot: str, source: Source, sink: TableSink, plan: Plan, options: Options
    ) -> None:
        self.predictor, self.snapshot, self.source, self.sink = predictor, snapshot, source, sink
        self.plan, self.options = plan, options
        self.identity = source.identity()
        self.started = time.monotonic()
        kept, answers = nothing(plan, predictor, source)
        self.empty = kept.hstack(answers.get_columns()) if kept.width else answers
        asked = {name: value for name, value in options_of(plan, options).items() if name != "max_rejects"}
        self.facts = {"model": predictor.digest, "input": input_name(source), "options": asked, "key": list(sink.key)}

    def done_before(self) -> Predictions | None:
        """The result of this job, if it is done and its input is as it was."""
        self.sink.check(self.empty, self.plan.kept if self.source.text else ())
        found = self.sink.done_before(self.facts)
        if found is None or (self.options.rejects is not None and stored(self.options.rejects).identity() is None):
            return None
        known = self.identity != Identity() and asdict(self.identity) == found["input_identity"]
        if not known and (found["input_sha256"] is None or self.source.sha256() != found["input_sha256"]):
            return None
        return Predictions(
            self.snapshot,
            self.predictor.digest,
            self.source.name,
            self.sink.name,
            found["rows"],
            found["rejected"],
            found["seconds"],
            tuple(found["columns"]),
            None if self.options.rejects is None else str(self.options.rejects),
            [(one["column"], one["reason"], one["rows"]) for one in found["reasons"]],
            done_before=True,
        )

    def done(self, progress: Report) -> Predictions:
        """Do it, and remember that."""
        state = {"identity": asdict(self.identity), "versions": versions_of(self.predictor)}
        chunk, notice = self.sink.begin(self.empty, self.facts, self.options.chunk, state, resume=self.options.resume)
        with _going_on(self.sink), ExitStack() as stack:
            rejects = self.options.rejects
            aside = None if rejects is None else stack.enter_context(open_sink(rejects))
            tally = self._run(chunk, aside, progress)
            if aside is not None and not tally.rejected:
                aside.write(written(empty_rejects(self.source)))
            stack.close()
            tally.check_any(self.source.name, rejects)
            if self.source.identity() != self.identity:
                raise InvalidData(f"{self.source.name} was changed while it was read; predict it again")
            sha256 = self.source.sha256()
        result = result_of(
            self.predictor,
            self.snapshot,
            self.source.name,
            self.sink.name,
            tally,
            self.options,
            self.started,
            columns=self.empty.columns,
            notices=[notice] if notice else [],
        )
        self.sink.end(
            {
                **result.document(),
                "input_sha256": sha256,
                "input_identity": asdict(self.identity),
                "options": options_of(self.plan, self.options),
                "versions": state["versions"],
            }
        )
        return result

    def _run(self, chunk: int, aside: Writes | None, progress: Report) -> Tally:
        return run(
            SourceWork(self.source, self.plan),
            self.predictor,
            self.source.spans(chunk),
            frozenset(self.sink.finished),
            lambda released: _Rows(self.source, self.plan, self.sink, aside, self.options.max_rejects, released),
            engine=self.options.engine,
            workers=self.options.workers,
            total=self.source.rows(),
            progress=progress,
        ).tally


class _Rows(Assembly):
    """Puts spans in order into a table that remembers them itself."""

    def __init__(
        self,
        source: Source,
        plan: Plan,
        sink: TableSink,
        rejects: Writes | None,
        limit: Limit | None,
        released: Callable[[], None],
    ) -> None:
        self._name, self._sink = source.name, sink
        super().__init__(None, plan, _Nowhere(), rejects, limit, released=released)

    def _put(self, done: Done) -> None:
        rejected = 0 if done.rejects is None else done.rejects.height
        packed = b"" if done.rejects is None else pack(done.rejects)
        span, together = done.span, done.together
        self._sink.write(span.index, together, Finished(span.first, together.height, rejected, span.seal, packed))

    def _repeat(self, span: Span) -> None:
        found = self._sink.finished[span.index]
        check_seal(self._name, span, found.first, found.seal, self._sink.anew)
        self.tally.recalled(found.rows, span.share)
        if found.rejects:
            self._set_aside(unpack(found.rejects))


class _Nowhere:
    separator: bytes | None = None

    def write(self, frame: pl.DataFrame) -> None:
        raise NotImplementedError


@contextmanager
def _going_on(sink: TableSink) -> Iterator[None]:
    """Say how to go on with a job that fails."""
    try:
        yield
    except NbdeployError as error:
        if sink.finished and not error.facts.keys() & {"changed", "final"}:
            error.message += f"; {count(sink.rows, 'row')} written to {sink.name}, and --resume goes on from there"
        raise
    except KeyboardInterrupt:
        how = f"{count(sink.rows, 'row')} written to {sink.name}: the same command with --resume goes on"
        raise KeyboardInterrupt(f"stopped; {how if sink.finished else 'no rows were written'}") from None
