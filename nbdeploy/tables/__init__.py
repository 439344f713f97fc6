"""Tables at rest: read in spans and written, by the suffix of their name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

import polars as pl

from nbdeploy.errors import NotFound
from nbdeploy.files import writing
from nbdeploy.plugins import Registry
from nbdeploy.tables.destinations import Counted, compressing, destination
from nbdeploy.tables.formulas import harmless
from nbdeploy.tables.origins import Compressed, LocalFile, Origin, StandardInput
from nbdeploy.tables.places import Place, place_of
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


SOURCES: Registry[Callable[[Origin], Source]] = Registry(
    "source",
    {
        "arrow": "nbdeploy.tables.arrow_files:ArrowSource",
        "csv": "nbdeploy.tables.csv_files:CsvSource",
        "feather": "nbdeploy.tables.arrow_files:ArrowSource",
        "ipc": "nbdeploy.tables.arrow_files:ArrowSource",
        "jsonl": "nbdeploy.tables.json_files:JsonSource",
        "ndjson": "nbdeploy.tables.json_files:JsonSource",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSource",
        "tsv": "nbdeploy.tables.csv_files:TsvSource",
        "xlsx": "nbdeploy.tables.excel_files:ExcelSource",
    },
)

SINKS: Registry[Callable[[IO[bytes]], Sink]] = Registry(
    "sink",
    {
        "arrow": "nbdeploy.tables.arrow_files:ArrowSink",
        "csv": "nbdeploy.tables.csv_files:CsvSink",
        "feather": "nbdeploy.tables.arrow_files:ArrowSink",
        "ipc": "nbdeploy.tables.arrow_files:ArrowSink",
        "jsonl": "nbdeploy.tables.json_files:JsonSink",
        "ndjson": "nbdeploy.tables.json_files:JsonSink",
        "parquet": "nbdeploy.tables.parquet_files:ParquetSink",
        "tsv": "nbdeploy.tables.csv_files:TsvSink",
        "xlsx": "nbdeploy.tables.excel_files:ExcelSink",
    },
)


class Output:
    """A table being written.

    Attributes
    ----------
    name : str
        Where it goes, for messages.
    rows : int
        How many rows were written.
    sha256, size : str, int
        Digest and number of the bytes that were written; final behind the block of :func:`open_sink`.
    """

    def __init__(self, sink: Sink, file: Counted, name: str, *, safe: bool) -> None:
        self._sink, self._file = sink, file
        self._safe = safe and sink.spreadsheet
        self.name, self.rows = name, 0

    @property
    def sha256(self) -> str:
        """See the class."""
        return self._file.sha256

    @property
    def size(self) -> int:
        """See the class."""
        return self._file.size

    @property
    def separator(self) -> bytes | None:
        """What is between the fields of a row; rows of a source with the same one may be written as they stand."""
        return None if self._safe else self._sink.separator

    def write_beside(self, lines: pl.Series, frame: pl.DataFrame) -> None:
        """Append rows whose first fields are written as they stand in the source, and what comes beside them.

        The file's bytes are those that :meth:`write` gives. It must have been called before.

        Parameters
        ----------
        lines : polars.Series
            See :class:`Rows`.
        frame : polars.DataFrame
            The other columns.
        """
        with writing(self.name):
            self._sink.write_beside(lines, frame)  # type: ignore[attr-defined]
        self.rows += frame.height

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows. The first frame fixes the columns, and may have no rows.

        Raises
        ------
        NotWritable
            If the file cannot be written.
        """
        # Categories are numbered as they are met, which must leave no trace.
        frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
        with writing(self.name):
            self._sink.write(harmless(frame) if self._safe else frame)
        self.rows += frame.height


def open_source(place: str | Path, kind: str | None = None) -> Source:
    """Open a table for reading.

    Parameters
    ----------
    place : str or Path
        A file; an address: ``s3://…``, ``gs://…``, ``az://…``, ``https://…``; or ``-`` for standard input.
    kind : str, optional
        What it is, if its suffix does not tell; standard input is ``csv`` otherwise.

    Raises
    ------
    NotFound
        If there is no such file.
    WrongUsage
        If the suffix is none that can be read.
    """
    found = place_of(place, SOURCES, kind)
    return SOURCES[found.kind](_origin(found))


@contextlib.contextmanager
def open_sink(place: str | Path, kind: str | None = None, *, safe: bool = False) -> Iterator[Output]:
    """Open a new table for writing. The table appears when the block succeeds, and not otherwise.

    Parameters
    ----------
    place : str or Path
        A file; an address: ``s3://…``, ``gs://…``, ``az://…``; or ``-`` for standard output.
    kind : str, optional
        What it is to be, if its suffix does not tell; standard output is ``csv`` otherwise.
    safe : bool
        Whether text that a spreadsheet would run as a formula is made harmless.
        See :func:`nbdeploy.tables.formulas.harmless`.

    Raises
    ------
    WrongUsage
        If the suffix is none that can be written.
    NotWritable
        If the file cannot be written; what was there before is unchanged.
    """
    found = place_of(place, SINKS, kind)
    with destination(found) as file:
        counted = Counted(file)
        with compressing(cast(IO[bytes], counted), found.codec, found) as inside:
            with writing(found.name):
                sink = SINKS[found.kind](inside)
            try:
                yield Output(sink, counted, found.name, safe=safe)
            finally:
                with writing(found.name):
                    sink.close()


def _origin(place: Place) -> Origin:
    if place.path is not None:
        if not place.path.is_file():
            near = [str(p) for p in place.path.parent.glob(f"*.{place.kind}")] if place.path.parent.is_dir() else []
            raise NotFound("file", str(place.path), near)
        origin: Origin = LocalFile(place.path)
    elif place.url is None:
        origin = StandardInput()
    else:
        from nbdeploy.tables.remote_origins import ObjectFile, WebFile

        origin = WebFile(place.url) if place.web else ObjectFile(place.url)
    return Compressed(origin, place.codec) if place.codec else origin
