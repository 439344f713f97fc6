"""Parquet, in row groups."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from nbdeploy.errors import InvalidData
from nbdeploy.tables.protocol import Identity, Rows, Span

__all__ = ["ParquetSink", "ParquetSource"]


class ParquetSource:
    """See :class:`nbdeploy.tables.Source`."""

    text = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def __getstate__(self) -> Path:
        return self.path

    def __setstate__(self, path: Path) -> None:
        self.__init__(path)  # type: ignore[misc]

    def rows(self) -> int | None:
        """Rows, as the file's footer says."""
        return int(self._file.metadata.num_rows)

    def columns(self) -> list[str]:
        """Names in the file's schema."""
        return list(self._file.schema_arrow.names)

    def empty(self) -> pl.DataFrame:
        """Return the file's types."""
        with _readable(self.path):
            return pl.DataFrame(self._file.schema_arrow.empty_table())

    def identity(self) -> Identity:
        """Return size and time of the file."""
        status = self.path.stat()
        return Identity(status.st_size, status.st_mtime_ns)

    def sha256(self) -> str | None:
        """Return the digest of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the rows by their numbers."""
        total = int(self._file.metadata.num_rows)
        for index, first in enumerate(range(0, total, size)):
            stop = min(first + size, total)
            yield Span(index, first, stop - first, None, stop / total)

    def read(self, span: Span, columns: Sequence[str] | None = None) -> Rows:
        """Read the row groups that hold the rows, and cut those out."""
        first, rows = span.first, span.rows or 0
        groups = [i for i in range(len(self._starts) - 1) if self._overlaps(i, first, first + rows)]
        with _readable(self.path):
            table = self._file.read_row_groups(groups, columns=self.columns() if columns is None else [*columns])
            frame = pl.DataFrame(table.slice(first - self._starts[groups[0]], rows))
        return Rows(frame, lambda: range(first, first + rows))

    @cached_property
    def _file(self) -> Any:
        with _readable(self.path):
            return pq.ParquetFile(self.path)

    @cached_property
    def _starts(self) -> list[int]:
        meta = self._file.metadata
        return [0, *accumulate(meta.row_group(i).num_rows for i in range(meta.num_row_groups))]

    def _overlaps(self, group: int, first: int, stop: int) -> bool:
        return self._starts[group] < stop and first < self._starts[group + 1]


class ParquetSink:
    """See :class:`nbdeploy.tables.Sink`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._out = file
        self._writer: Any = None

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        table = frame.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._out, table.schema)
        self._writer.write_table(table.cast(self._writer.schema))

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the reader's errors into ours."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidData(f"{path} cannot be read as Parquet: {reason}", path=str(path)) from error
