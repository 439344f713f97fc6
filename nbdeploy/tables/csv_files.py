"""CSV and TSV. Every field is read as text, so that ids keep their zeros; the signature says what it means."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from nbdeploy.codecs.csv_values import csv_plain
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
            names = self._scan().collect_schema().names()
        twice = next((name for name in names if f"{name}_duplicated_0" in names), None)
        if twice is not None:
            raise InvalidData(f"{self.path} has two columns named {twice!r}; name them apart", column=twice)
        return names

    def chunks(self, size: int) -> Iterator[pl.DataFrame]:
        """Read the records in order."""
        with _readable(self.path):
            yield from self._scan().collect_batches(chunk_size=size, maintain_order=True)

    def line(self, row: int) -> str:
        """Line of a record, where no field spans lines."""
        return f"line {row + 2}"

    def _scan(self) -> pl.LazyFrame:
        return pl.scan_csv(self.path, separator=self.separator, infer_schema=False, glob=False)


class TsvSource(CsvSource):
    """Tab-separated values."""

    separator = "\t"


class CsvSink:
    """See :class:`nbdeploy.tables.Sink`. Floats are written so that they read back as the same bits."""

    separator = ","

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._empty = True

    def write(self, chunk: pl.DataFrame) -> None:
        """Append rows."""
        csv_plain(chunk).write_csv(self._file, include_header=self._empty, separator=self.separator)
        self._empty = False

    def close(self) -> None:
        """Write what is still in memory."""
        self._file.close()


class TsvSink(CsvSink):
    """Tab-separated values."""

    separator = "\t"


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn the reader's errors into ours."""
    try:
        yield
    except pl.exceptions.NoDataError as error:
        raise InvalidData(f"{path} is empty: it has not even a line of column names") from error
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidData(f"{path} cannot be read as CSV: {reason}", path=str(path)) from error
