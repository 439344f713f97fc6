"""A job: one source into one output, exactly once."""

from __future__ import annotations

import copy
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.cards import count
from nbdeploy.errors import Corrupted, InvalidData
from nbdeploy.files import forget_parts
from nbdeploy.offline.assembling import Assembly, Writes
from nbdeploy.offline.holding import holding, reserved
from nbdeploy.offline.journal import Head, Journal, is_url
from nbdeploy.offline.later import Later
from nbdeploy.offline.options import Options
from nbdeploy.offline.outcome import result_of
from nbdeploy.offline.places import STREAM, check_places, input_name
from nbdeploy.offline.planning import as_they_stand, nothing, plan_of
from nbdeploy.offline.provenance import Provenance, made, options_of, versions_of
from nbdeploy.offline.rejects import empty_rejects, written
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.running import run
from nbdeploy.offline.stored import stored
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Plan, SourceWork
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Identity, Source, open_sink, open_source
from nbdeploy.types import Report, ignore_progress

__all__ = ["predict_file", "predict_source"]


def predict_file(
    predictor: Predictor,
    snapshot: str,
    source: Source | str | Path,
    out: str | Path,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a source into an output. It appears only when it is complete.

    A job that was killed goes on with ``options.resume``; one that is done does nothing until input, model or
    options change.

    Parameters
    ----------
    predictor : Predictor
        The model.
    snapshot : str
        Its reference.
    source : Source, str or Path
        The input, or where it is.
    out : str or Path
        The output; formats by suffix.
    options : Options
        What the output holds.
    progress : Report
        Told of every span.

    Raises
    ------
    InvalidData
        Naming file, line, column, value and expected type of the first row that does not fit, if rows are not set
        aside; or because too many were.
    Conflict
        If another job is writing this output.
    NotWritable
        If the output cannot be written; what was there before is unchanged.
    """
    check_places(source, out, options)
    source = open_source(source) if isinstance(source, str | Path) else source
    plan = plan_of(predictor, source, options)
    job = _Job(predictor, snapshot, source, out, plan, options, progress)
    if str(out) == STREAM:
        return job.unrecorded()
    done = job.done_before()
    if done is not None:
        return done
    with holding(out) as journal, reserved(options.rejects):
        return job.recorded(journal)


def predict_source(
    predictor: Predictor, source: Source, out: Writes, options: Options, progress: Report = ignore_progress
) -> Tally:
    """Predict a source into whatever takes rows, without remembering anything. See :func:`predict_file`."""
    plan = plan_of(predictor, source, options)
    with ExitStack() as stack:
        safe = options.safe_csv
        rejects = None if options.rejects is None else stack.enter_context(open_sink(options.rejects, safe=safe))
        tally = _written(predictor, source, plan, options, out, rejects, None, options.chunk, progress)
    tally.check_any(source.name, options.rejects)
    return tally


class _Job:
    def __init__(
        self,
        predictor: Predictor,
        snapshot: str,
        source: Source,
        out: str | Path,
        plan: Plan,
        options: Options,
        progress: Report,
    ) -> None:
        self.predictor, self.snapshot, self.source, self.out = predictor, snapshot, source, out
        self.plan, self.options, self.progress = plan, options, progress
        self.identity = source.identity()
        self.started = time.monotonic()
        self.notices = list[str]()

    def done_before(self) -> Predictions | None:
        """The result of the job that wrote this output, if it is what this job would write."""
        with suppress(Corrupted):
            found = Provenance.read(stored(self.out))
            if found is not None and self._same(found):
                rejects = None if self.options.rejects is None else str(self.options.rejects)
                return Predictions(
                    self.snapshot,
                    found.digest,
                    self.source.name,
                    str(self.out),
                    found.rows,
                    found.rejected,
                    found.seconds,
                    tuple(found.columns),
                    rejects,
                    found.reasons,
                    done_before=True,
                )
        return None

    def _same(self, found: Provenance) -> bool:
        rejects = self.options.rejects
        if (found.digest, found.options, found.input) != (
            self.predictor.digest,
            options_of(self.plan, self.options),
            input_name(self.source),
        ):
            return False
        lost = rejects is not None and found.rejected and stored(rejects).identity() is None
        if lost or not found.describes(stored(self.out)):
            return False
        known = self.identity != Identity() and self.identity == found.identity
        return known or (found.input_sha256 is not None and self.source.sha256() == found.input_sha256)

    def unrecorded(self) -> Predictions:
        """Write where nothing can be taken back or compared later."""
        with open_sink(self.out, safe=self.options.safe_csv) as sink:
            tally = self._write(sink, None, self.options.chunk)
        return self._result(tally)

    def recorded(self, journal: Journal) -> Predictions:
        """Write the output, remembering what is finished, and its provenance."""
        chunk = self._begun(journal)
        for place in (self.out, self.options.rejects):
            if place is not None and not is_url(place):
                forget_parts(Path(place))
        digest = Later(copy.copy(self.source).sha256) if self.identity.size is not None else None
        with open_sink(self.out, safe=self.options.safe_csv) as sink:
            tally = self._write(sink, journal, chunk)
            if self.source.identity() != self.identity:
                raise InvalidData(f"{self.source.name} was changed while it was read; predict it again")
            sha256 = self.source.sha256() if digest is None else digest.value()
        result = self._result(tally)
        made(
            result,
            stored(self.out),
            sink.sha256,
            input=input_name(self.source),
            identity=self.identity,
            input_sha256=sha256,
            chunk=chunk,
            options=options_of(self.plan, self.options),
            versions=versions_of(self.predictor),
            checkpoints=tally.checkpoints,
        ).write(stored(self.out))
        return result

    def _write(self, sink: Writes, journal: Journal | None, chunk: int) -> Tally:
        with ExitStack() as stack:
            rejects = self.options.rejects
            safe = self.options.safe_csv
            aside = None if rejects is None else stack.enter_context(open_sink(rejects, safe=safe))
            tally = _written(
                self.predictor, self.source, self.plan, self.options, sink, aside, journal, chunk, self.progress
            )
        tally.check_any(self.source.name, rejects)
        return tally

    def _begun(self, journal: Journal) -> int:
        """Begin the journal, or go on with it; return the rows of a span."""
        key = self._key()
        head = journal.head
        if head is not None and journal.finished:
            other = [name for name, value in key.items() if head.key.get(name) != value]
            if self.options.resume and not other:
                journal.go_on(Head.here(key, head.chunk))
                return head.chunk
            why = f"its {' and '.join(other)} changed" if other else "--resume would have gone on with it"
            self.notices.append(f"an unfinished job ({count(journal.rows, 'row')} done) was started over: {why}")
        journal.begin(Head.here(key, self.options.chunk))
        return self.options.chunk

    def _key(self) -> dict[str, Any]:
        """Everything that determines the answers, as it comes back from a journal."""
        key = {
            "model": self.predictor.digest,
            "input": [input_name(self.source), asdict(self.identity)],
            "methods": self.plan.methods,
            "columns": dict(self.plan.rename),
            "threshold": self.options.threshold,
            "versions": versions_of(self.predictor),
        }
        found: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(key))
        return found

    def _result(self, tally: Tally) -> Predictions:
        return result_of(
            self.predictor,
            self.snapshot,
            self.source.name,
            str(self.out),
            tally,
            self.options,
            self.started,
            notices=self.notices,
        )


def _written(
    predictor: Predictor,
    source: Source,
    plan: Plan,
    options: Options,
    sink: Writes,
    aside: Writes | None,
    journal: Journal | None,
    chunk: int,
    progress: Report,
) -> Tally:
    """Predict all spans of a source, and write them."""
    plan = as_they_stand(plan, source, sink.separator)
    again = journal is not None and source.identity().size is not None
    assembly = run(
        SourceWork(source, plan, apart=again and options.workers > 1),
        predictor,
        source.spans(chunk),
        frozenset(journal.finished) if journal is not None else frozenset(),
        lambda released: Assembly(source, plan, sink, aside, options.max_rejects, journal, released=released),
        engine=options.engine,
        workers=options.workers,
        total=source.rows(),
        progress=progress,
    )
    tally = assembly.tally
    if not tally.columns:
        kept, answers = nothing(plan, predictor, source)
        empty = kept.hstack(answers.get_columns()) if kept.width else answers
        sink.write(empty)
        tally.shows(empty)
    if aside is not None and not tally.rejected:
        aside.write(written(empty_rejects(source)))
    return tally
