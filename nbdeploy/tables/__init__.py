"""Tables at rest: read and written in chunks, by the suffix of their name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import polars as pl

from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.files import replacing, writing
from nbdeploy.plugins import Registry

__all__ = ["SINKS", "SOURCES", "Sink", "Source", "open_sink", "open_source"]


class Source(Protocol):
    """A table to read."""

    text: bool
    """Whether values are text still to be parsed by the signature."""

    def rows(self) -> int | None:
        """Return the number of rows, if it is cheap to know."""

    def columns(self) -> list[str]:
        """Column names."""

    def chunks(self, size: int) -> Iterator[pl.DataFrame]:
        """Read the rows in order, about `size` at a time."""

    def line(self, row: int) -> str:
        """Where a row stands, for messages: ``line 3`` or ``row 1``."""


class Sink(Protocol):
    """A table being written."""

    def write(self, chunk: pl.DataFrame) -> None:
        """Append rows. The first chunk fixes the columns, and may have no rows."""

    def close(self) -> None:
        """Write what is still to be written, after the last chunk or an error."""


SOURCES: Registry[type] = Registry(
    "source",
    {
        "csv": "nbdeploy.tables.csv_files:CsvSource",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSource",
        "tsv": "nbdeploy.tables.csv_files:TsvSource",
    },
)

SINKS: Registry[type] = Registry(
    "sink",
    {
        "csv": "nbdeploy.tables.csv_files:CsvSink",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSink",
        "tsv": "nbdeploy.tables.csv_files:TsvSink",
    },
)


def open_source(path: Path) -> Source:
    """Open a table for reading.

    Raises
    ------
    NotFound
        If there is no such file.
    WrongUsage
        If the suffix is none that can be read.
    """
    kind = _kind(path, SOURCES)
    if not path.is_file():
        near = [str(p) for p in path.parent.glob(f"*.{kind}")] if path.parent.is_dir() else []
        raise NotFound("file", str(path), near)
    source: Source = SOURCES[kind](path)
    return source


@contextlib.contextmanager
def open_sink(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Give a function that appends rows to a new table. The table appears when the block succeeds.

    Raises
    ------
    WrongUsage
        If the suffix is none that can be written.
    NotWritable
        If the file cannot be written; what was there before is unchanged.
    """
    kind = _kind(path, SINKS)
    with replacing(path) as part:
        with writing(path):
            sink: Sink = SINKS[kind](part)

        def write(chunk: pl.DataFrame) -> None:
            with writing(path):
                sink.write(chunk)

        try:
            yield write
        finally:
            with writing(path):
                sink.close()


def _kind(path: Path, registry: Registry[type]) -> str:
    kind = path.suffix.lstrip(".").lower()
    if kind not in registry:
        raise WrongUsage(
            f"{path.name}: a {registry.kind} is known by its suffix; there are: {', '.join('.' + k for k in registry)}"
        )
    return kind
