"""Predicting from memory into a file or a table of a database, and from a file into memory."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.errors import WrongUsage
from nbdeploy.offline.holding import holding
from nbdeploy.offline.job import predict_source
from nbdeploy.offline.libraries import with_index
from nbdeploy.offline.memory import Answered, Collected, predict_table
from nbdeploy.offline.options import Options
from nbdeploy.offline.outcome import result_of
from nbdeploy.offline.places import STREAM, check_into, check_places
from nbdeploy.offline.provenance import made, options_of, versions_of
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.stored import stored
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Plan
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Identity, Source, open_sink, open_source
from nbdeploy.tables.databases import Finished, TableSink
from nbdeploy.types import Report, ignore_progress

__all__ = ["read_predicted", "write_into", "write_table"]


def read_predicted(
    predictor: Predictor, source: Source | str | Path, options: Options, progress: Report = ignore_progress
) -> Answered:
    """Predict a file into a pandas frame."""
    if options.resume:
        raise WrongUsage("--resume is not possible: only a job from file to file can go on; give --out")
    check_places(source, STREAM, options)
    source = open_source(source) if isinstance(source, str | Path) else source
    out = Collected()
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
    started, name = time.monotonic(), type(data).__name__
    check_places(STREAM, out, options)
    with holding(out) if str(out) != STREAM else nullcontext():
        with open_sink(out, safe=options.safe_csv) as sink:
            rows, tally = _answered(predictor, data, options, progress)
            sink.write(rows)
        result = result_of(predictor, snapshot, name, str(out), tally, options, started)
        if str(out) == STREAM:
            return result
        made(
            result,
            stored(out),
            sink.sha256,
            input=name,
            identity=Identity(),
            input_sha256=None,
            chunk=options.chunk,
            options=options_of(Plan(predictor.methods(options.methods), list(options.keep)), options),
            versions=versions_of(predictor),
        ).write(stored(out))
    return result


def write_into(
    predictor: Predictor,
    snapshot: str,
    data: Any,
    sink: TableSink,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a table in memory into a table of a database, in one transaction. See :func:`write_table`."""
    check_into(options)
    started, name = time.monotonic(), type(data).__name__
    rows, tally = _answered(predictor, data, options, progress)
    with sink:
        sink.check(rows.clear())
        sink.begin(rows.clear(), {"input": name, "model": predictor.digest, "time": time.time()}, rows.height, {})
        sink.write(0, rows, Finished(0, rows.height, tally.rejected))
        result = result_of(predictor, snapshot, name, sink.name, tally, options, started)
        sink.end(result.document())
    return result


def _answered(predictor: Predictor, data: Any, options: Options, progress: Report) -> tuple[pl.DataFrame, Tally]:
    """Predict a table, and return rows with its index."""
    answered = predict_table(predictor, data, options, progress)
    rows = pl.DataFrame(with_index(answered.table, data))
    answered.tally.shown(rows)
    return rows, answered.tally
