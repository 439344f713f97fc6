"""Parquet, in row groups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from nbdeploy.errors import InvalidData

__all__ = ["ParquetSink", "ParquetSource"]


class ParquetSource:
    """See :class:`nbdeploy.tables.Source`."""

    text = False

    def __init__(self, path: Path) -> None:
        self.path = path
        with _readable(path):
            self._file: Any = pq.ParquetFile(path)

    def rows(self) -> int | None:
        """Rows, as the file's footer says."""
        return int(self._file.metadata.num_rows)

    def columns(self) -> list[str]:
        """Names in the file's schema."""
        return list(self._file.schema_arrow.names)

    def chunks(self, size: int) -> Iterator[pl.DataFrame]:
        """Read the rows in order."""
        with _readable(self.path):
            for batch in self._file.iter_batches(batch_size=size):
                yield pl.DataFrame(batch)

    def line(self, row: int) -> str:
        """Row number, from 0."""
        return f"row {row}"


class ParquetSink:
    """See :class:`nbdeploy.tables.Sink`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None

    def write(self, chunk: pl.DataFrame) -> None:
        """Append a row group."""
        table = chunk.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
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
