"""Predicting a table, from memory or from file to file, in chunks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.cards import Card, Result
from nbdeploy.codecs import bind_text
from nbdeploy.codecs.frames import container_of
from nbdeploy.codecs.veiled import veil
from nbdeploy.errors import InvalidData, NbdeployError, WrongUsage
from nbdeploy.offline.options import Options
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Rows, Source, open_sink, open_source
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["Predictions", "predict_file", "predict_table", "read_predicted", "write_table"]


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
    """

    snapshot: str
    digest: str
    input: str
    output: str
    rows: int
    rejected: int
    seconds: float
    columns: tuple[str, ...]

    @property
    def line(self) -> str:
        """What was written, by what, how fast."""
        rate = self.rows / max(self.seconds, 1e-9)
        pace = f"{self.seconds:.1f} s ({rate:,.0f} rows/s)"
        return f"{self.output}: {self.rows:,} rows predicted by {self.snapshot} in {pace}"

    def card(self) -> Card:
        """Files, rows and columns."""
        facts = [
            ("snapshot", f"{self.snapshot} ({self.digest[:19]})"),
            ("input", self.input),
            ("rows", f"{self.rows:,}"),
            ("columns", ", ".join(self.columns)),
            ("seconds", f"{self.seconds:.2f}"),
        ]
        return Card(self.line, facts)

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
        }


def predict_table(predictor: Predictor, data: Any, options: Options, progress: Report = ignore_progress) -> Any:
    """Predict a table in memory.

    Returns
    -------
    table
        Kept columns, then predictions; Polars and Arrow callers get their own kind, all others pandas, with
        the index of a pandas input.
    """
    data = data.collect() if isinstance(data, pl.LazyFrame) else data
    container = container_of(data)
    if options.rename:
        data = _renamed(data, container, options)
    kept = options.kept(_columns_of(data, container), predictor.signature.names)
    wire = predictor.bind(data)
    slices = (wire[start : start + options.chunk] for start in range(0, wire.height, options.chunk))
    pieces = []
    done = 0
    for piece in slices:
        pieces.append(predictor.outputs(piece, options.methods))
        done += piece.height
        progress(Progress(done, wire.height, "rows"))
    answers = pl.concat(pieces) if pieces else predictor.outputs(wire, options.methods)
    _refuse_clash(kept, answers.columns)
    if container in {"polars", "pyarrow"}:
        frame = pl.DataFrame(data) if not isinstance(data, pl.Series) else data.to_frame()
        together = _beside(frame.select(kept), answers)
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


def predict_file(
    predictor: Predictor,
    snapshot: str,
    source: Path,
    out: Path,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a file into another; formats by suffix. The output appears only when it is complete.

    Raises
    ------
    InvalidData
        Naming file, line, column, value and expected type of the first row that does not fit.
    NotWritable
        If the output cannot be written; what was there before is unchanged.
    """
    started = time.monotonic()
    if out.exists() and source.exists() and out.samefile(source):
        raise WrongUsage(f"the output {out} is the input itself, which would be lost: name another file")
    rows, columns = 0, tuple[str, ...]()
    with open_sink(out) as sink:
        for chunk in _predicted(predictor, source, options, progress):
            sink.write(chunk)
            columns = tuple(chunk.columns)
            rows += chunk.height
    seconds = round(time.monotonic() - started, 3)
    return Predictions(snapshot, predictor.digest, str(source), str(out), rows, 0, seconds, columns)


def write_table(
    predictor: Predictor,
    snapshot: str,
    data: Any,
    out: Path,
    options: Options,
    progress: Report = ignore_progress,
) -> Predictions:
    """Predict a table in memory into a file. A pandas index that is more than row numbers is its first columns."""
    started = time.monotonic()
    with open_sink(out) as sink:
        table = pl.DataFrame(_with_index(predict_table(predictor, data, options, progress)))
        sink.write(table)
    seconds = round(time.monotonic() - started, 3)
    columns = tuple(table.columns)
    return Predictions(snapshot, predictor.digest, type(data).__name__, str(out), len(table), 0, seconds, columns)


def _with_index(table: Any) -> Any:
    index = getattr(table, "index", None)
    if index is None or (index.names == [None] and index.equals(type(table)(index=range(len(table))).index)):
        return table
    try:
        return table.reset_index()
    except ValueError as error:
        raise InvalidData(f"the index cannot become columns beside the others: {error}; rename the index") from error


def read_predicted(predictor: Predictor, source: Path, options: Options, progress: Report = ignore_progress) -> Any:
    """Predict a file into a pandas frame."""
    return pl.concat(list(_predicted(predictor, source, options, progress))).to_pandas()


def _predicted(predictor: Predictor, path: Path, options: Options, progress: Report) -> Iterator[pl.DataFrame]:
    """Kept columns and predictions of a file, chunk by chunk; one empty chunk if it has no rows."""
    source = open_source(path)
    names = options.renamed(source.columns())
    kept = options.kept(names, predictor.signature.names)
    total, done = source.rows(), 0
    _refuse_clash(kept, [c for m in predictor.methods(options.methods) for c in predictor.signature.outputs[m].columns])
    empty = True
    for span in source.spans(options.chunk):
        rows = source.read(span)
        if rows.bad:
            where = f"{rows.unit} {rows.bad[0].number}"
            raise InvalidData(f"{path}, {where}: {rows.bad[0].reason}", path=str(path), line=where)
        chunk = rows.frame
        chunk.columns = names
        wire = _bound(predictor, chunk, source, rows)
        yield _beside(chunk.select(kept), _answered(predictor, wire, path, options))
        done += chunk.height
        empty = False
        progress(Progress(done, total, "rows"))
    if empty:
        frame = source.empty()
        frame.columns = names
        yield _beside(frame.select(kept), predictor.outputs(predictor.sample.clear(), options.methods))


def _answered(predictor: Predictor, wire: pl.DataFrame, path: Path, options: Options) -> pl.DataFrame:
    """Answers to rows that fit the signature; the model may refuse them all the same."""
    try:
        return predictor.outputs(wire, options.methods)
    except (NbdeployError, ImportError):
        raise
    except Exception as error:
        reason = veil(f"{type(error).__name__}: {error}", wire, predictor.signature)
        raise InvalidData(f"the model rejects the rows of {path}: {reason[:500]}", path=str(path)) from error


def _beside(kept: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    return kept.hstack(answers.get_columns()) if kept.width else answers


def _bound(predictor: Predictor, chunk: pl.DataFrame, source: Source, rows: Rows) -> pl.DataFrame:
    try:
        return bind_text(chunk, predictor.signature) if source.text else predictor.bind(chunk)
    except InvalidData as error:
        facts = error.facts
        if "detail" not in facts:
            raise InvalidData(f"{source.name}: {error}", **facts) from None
        where = rows.where(int(str(facts["row"])))
        message = f"{source.name}, {where}, column {facts['column']!r}: {facts['detail']}"
        raise InvalidData(message, **{**facts, "path": source.name, "line": where}) from None


def _refuse_clash(kept: Sequence[str], answers: Sequence[str]) -> None:
    clash = sorted(set(kept) & set(answers))
    if clash:
        raise InvalidData(
            f"the input has a column {clash[0]!r} already, and so have the predictions; "
            f"rename it with --rename new_{clash[0]}={clash[0]}, or leave it out with --keep none",
            columns=clash,
        )


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
