"""CSV and TSV. Every field is read as text, so that ids keep their zeros; the signature says what it means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["CsvSink", "CsvSource", "TsvSink", "TsvSource"]


class CsvSource:
    """See :class:`nbdeploy.tables.Source`."""

    text = True
    separator = ","

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> int | None:
        """Count the records."""
        with _readable(self.path):
            return int(self._scan().select(pl.len()).collect().item())

    def columns(self) -> list[str]:
        """Names in the first line."""
        with _readable(self.path):
            return self._scan().collect_schema().names()

    def chunks(self, size: int) -> Iterator[pl.DataFrame]:
        """Read the records in order."""
        with _readable(self.path):
            yield from self._scan().collect_batches(chunk_size=size, maintain_order=True)

    def line(self, row: int) -> str:
        """Line of a record, where no field spans lines."""
        return f"line {row + 2}"

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_csv(self.path, separator=self.separator, infer_schema=False)


class TsvSource(CsvSource):
    """Tab-separated values."""

    separator = "\t"


class CsvSink:
    """See :class:`nbdeploy.tables.Sink`. Floats are written so that they read back as the same bits."""

    separator = ","

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._empty = True

    def __enter__(self) -> CsvSink:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def write(self, chunk: pl.DataFrame) -> None:
        """Append rows."""
        chunk.write_csv(self._file, include_header=self._empty, separator=self.separator)
        self._empty = False


class TsvSink(CsvSink):
    """Tab-separated values."""

    separator = "\t"


class _readable:  # noqa: N801 - used like a function
    """Turn the reader's errors into ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, pl.exceptions.NoDataError):
            raise InvalidData(f"{self._path} is empty: it has not even a line of column names") from error
        if isinstance(error, (pl.exceptions.PolarsError, UnicodeDecodeError)):
            reason = str(error).splitlines()[0]
            raise InvalidData(f"{self._path} cannot be read as CSV: {reason}", path=str(self._path)) from error
