"""Tables at rest: read in spans and written, by the suffix of their name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import polars as pl

from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.files import replacing, writing
from nbdeploy.plugins import Registry
from nbdeploy.tables.protocol import BadLine, Identity, Rows, Sink, Source, Span, frames

__all__ = [
    "SINKS",
    "SOURCES",
    "BadLine",
    "Identity",
    "Output",
    "Rows",
    "Sink",
    "Source",
    "Span",
    "frames",
    "open_sink",
    "open_source",
]


SOURCES: Registry[Callable[[Path], Source]] = Registry(
    "source",
    {
        "csv": "nbdeploy.tables.csv_files:CsvSource",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSource",
        "tsv": "nbdeploy.tables.csv_files:TsvSource",
    },
)

SINKS: Registry[Callable[[IO[bytes]], Sink]] = Registry(
    "sink",
    {
        "csv": "nbdeploy.tables.csv_files:CsvSink",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSink",
        "tsv": "nbdeploy.tables.csv_files:TsvSink",
    },
)


class Output:
    """A table being written.

    Parameters
    ----------
    sink : Sink
        What it is written to.
    path : Path
        The name it will have.
    """

    def __init__(self, sink: Sink, path: Path) -> None:
        self._sink = sink
        self._path = path

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows. The first frame fixes the columns, and may have no rows.

        Raises
        ------
        NotWritable
            If the file cannot be written.
        """
        with writing(self._path):
            self._sink.write(frame)


def open_source(place: str | Path) -> Source:
    """Open a table for reading.

    Raises
    ------
    NotFound
        If there is no such file.
    WrongUsage
        If the suffix is none that can be read.
    """
    path = Path(place)
    kind = _kind(path, SOURCES)
    if not path.is_file():
        near = [str(p) for p in path.parent.glob(f"*.{kind}")] if path.parent.is_dir() else []
        raise NotFound("file", str(path), near)
    return SOURCES[kind](path)


@contextlib.contextmanager
def open_sink(place: str | Path) -> Iterator[Output]:
    """Open a new table for writing. The table appears when the block succeeds.

    Raises
    ------
    WrongUsage
        If the suffix is none that can be written.
    NotWritable
        If the file cannot be written; what was there before is unchanged.
    """
    path = Path(place)
    kind = _kind(path, SINKS)
    with replacing(path) as part:
        with writing(path):
            file = part.open("wb")
            sink = SINKS[kind](file)
        try:
            yield Output(sink, path)
        finally:
            with writing(path), file:
                sink.close()


def _kind(path: Path, registry: Registry[Any]) -> str:
    kind = path.suffix.lstrip(".").lower()
    if kind not in registry:
        raise WrongUsage(
            f"{path.name}: a {registry.kind} is known by its suffix; there are: {', '.join('.' + k for k in registry)}"
        )
    return kind
