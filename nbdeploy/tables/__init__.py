"""Tables at rest: read and written in chunks, by the suffix of their name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import polars as pl

from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.plugins import Registry

__all__ = ["SINKS", "SOURCES", "Sink", "Source", "open_sink", "open_source", "sink_kind"]


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


def open_sink(path: Path, kind: str | None = None) -> AbstractContextManager[Sink]:
    """Open a table for writing; `kind` overrides the suffix."""
    sink: AbstractContextManager[Sink] = SINKS[kind or _kind(path, SINKS)](path)
    return sink


def sink_kind(path: Path) -> str:
    """Name of the format that a file's suffix asks for."""
    return _kind(path, SINKS)


def _kind(path: Path, registry: Registry[type]) -> str:
    kind = path.suffix.lstrip(".").lower()
    if kind not in registry:
        raise WrongUsage(
            f"{path.name}: a {registry.kind} is known by its suffix; there are: {', '.join('.' + k for k in registry)}"
        )
    return kind
