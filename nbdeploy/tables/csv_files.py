"""CSV and TSV. Every field is read as text, so that ids keep their zeros; the signature says what it means."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl

from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.errors import InvalidData
from nbdeploy.tables.csv_lines import records, regular_text
from nbdeploy.tables.csv_records import Bytes, Cut, cuts, separators
from nbdeploy.tables.protocol import BadLine, Identity, Rows, Span

__all__ = ["CsvSink", "CsvSource", "TsvSink", "TsvSource"]

_COUNTED = 64 * 2**20  # bytes of a file whose rows are counted beforehand
_SHOWN = 2000  # characters of a malformed line that are kept


class CsvSource:
    """See :class:`nbdeploy.tables.Source`."""

    text = True
    separator = b","

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def __getstate__(self) -> Path:
        return self.path

    def __setstate__(self, path: Path) -> None:
        self.__init__(path)  # type: ignore[misc]

    def rows(self) -> int | None:
        """Count the records of a file that is not large."""
        if self._size > _COUNTED:
            return None
        return sum(self.read(span, self.columns()[-1:]).frame.height for span in self.spans(100_000))

    def columns(self) -> list[str]:
        """Names in the first line."""
        return self._header[0]

    def empty(self) -> pl.DataFrame:
        """Return columns of text."""
        return pl.DataFrame(schema=dict.fromkeys(self.columns(), pl.String))

    def identity(self) -> Identity:
        """Return size and time of the file."""
        status = self.path.stat()
        return Identity(status.st_size, status.st_mtime_ns)

    def sha256(self) -> str | None:
        """Return the digest of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def look(self, at: int, size: int) -> Bytes:
        """Return bytes of the file, fewer only at its end."""
        return np.frombuffer(os.pread(self._descriptor, size, at), np.uint8)

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the file at the ends of records."""
        _, start, line = self._header
        total = self._size
        first = 0
        for index, cut in enumerate(cuts(self, start, size, self.separator, line)):
            yield Span(index, first, cut.records, cut, min(1.0, cut.stop / total))
            first += cut.records

    def read(self, span: Span, columns: Sequence[str] | None = None) -> Rows:
        """Read a range of bytes."""
        cut: Cut = span.place
        content = self._content(cut)
        wanted = self.columns() if columns is None else list(columns)
        frame = self._whole(content, cut, wanted) if cut.regular else None
        if frame is not None:
            return Rows(frame, lambda: self._lines(self._content(cut), cut)[1], "line")
        good, numbers, bad = self._lines(content, cut)
        frame = self._parsed(b"".join(good), wanted)
        return Rows(frame, lambda: numbers, "line", tuple(bad))

    @cached_property
    def _descriptor(self) -> int:
        try:
            return os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise InvalidData(f"{self.name} cannot be read: {error.strerror}", path=self.name) from error

    def __del__(self) -> None:
        if "_descriptor" in self.__dict__:
            os.close(self._descriptor)

    @cached_property
    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @cached_property
    def _header(self) -> tuple[list[str], int, int]:
        """Names, where the first record begins, and the number of its line."""
        start = 3 if self.look(0, 3).tobytes() == b"\xef\xbb\xbf" else 0
        for cut in cuts(self, start, 1, self.separator, 1):
            content = self._content(cut)
            if not content.rstrip(b"\r\n"):
                continue
            return self._names(content), cut.stop, cut.line + content.count(b"\n")
        raise InvalidData(f"{self.name} is empty: it has not even a line of column names", path=self.name)

    def _names(self, content: bytes) -> list[str]:
        try:
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise InvalidData(f"{self.name}: the column names are no UTF-8 text: {error}", path=self.name) from error
        names = next(csv.reader([text], delimiter=self.separator.decode()))
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InvalidData(f"{self.name} has two columns named {twice[0]!r}; name them apart", column=twice[0])
        return names

    def _content(self, cut: Cut) -> bytes:
        content = os.pread(self._descriptor, cut.stop - cut.start, cut.start)
        if len(content) < cut.stop - cut.start:
            raise InvalidData(f"{self.name} became shorter while it was read", path=self.name)
        return content

    def _whole(self, content: bytes, cut: Cut, wanted: list[str]) -> pl.DataFrame | None:
        """Rows of a range in which no line is malformed."""
        last = self.columns()[-1]
        try:
            frame = self._parsed(content, [*wanted, *({last} - {*wanted})])
        except pl.exceptions.PolarsError:
            return None
        if frame.height != cut.records:
            return None
        # A record with too few fields has no last one.
        if frame[last].null_count():
            between = separators(np.frombuffer(content, np.uint8), self.separator)
            if between != frame.height * (len(self.columns()) - 1):
                return None
        return frame.select(wanted)

    def _parsed(self, content: bytes, wanted: list[str]) -> pl.DataFrame:
        names = self.columns()
        if not content:
            return self.empty().select(wanted)
        return pl.read_csv(
            content,
            has_header=False,
            separator=self.separator.decode(),
            schema=dict.fromkeys(names, pl.String),
            columns=None if len(wanted) == len(names) else [names.index(name) for name in wanted],
            low_memory=False,
        ).select(wanted)

    def _lines(self, content: bytes, cut: Cut) -> tuple[list[bytes], list[int], list[BadLine]]:
        """The records that are well formed, written regularly; the number of each one's line; and the others."""
        names, line = self.columns(), cut.line
        good, numbers, bad = list[bytes](), list[int](), list[BadLine]()
        for one in records(content, self.separator):
            record = content[one.start : one.stop]
            fault = _fault(record, one.fields, one.closed, names, self.separator)
            if fault is not None:
                bad.append(BadLine(line, *fault, record.decode(errors="replace").rstrip("\r\n")[:_SHOWN]))
            elif one.fields or len(names) == 1:
                numbers.append(line)
                good.append(record if one.regular else regular_text(record, self.separator))
            line += record.count(b"\n")
        return good, numbers, bad


class TsvSource(CsvSource):
    """Tab-separated values."""

    separator = b"\t"


class CsvSink:
    """See :class:`nbdeploy.tables.Sink`. Floats are written so that they read back as the same bits."""

    separator = b","

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._empty = True

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        csv_plain(frame).write_csv(self._file, include_header=self._empty, separator=self.separator.decode())
        self._empty = False

    def close(self) -> None:
        """Write what is still in memory."""
        self._file.flush()


class TsvSink(CsvSink):
    """Tab-separated values."""

    separator = b"\t"


def _fault(record: bytes, fields: int, closed: bool, names: list[str], separator: bytes) -> tuple[str, str] | None:
    """The column in which a record fails, and why."""
    if not closed:
        return names[min(fields, len(names)) - 1], "a quote is opened there and never closed"
    if fields not in {0, len(names)}:
        return "", f"{fields} fields, but {len(names)} columns have names"
    try:
        record.decode()
    except UnicodeDecodeError as error:
        before = [*records(record[: error.start + 1], separator)][-1].fields
        shown = record[error.start : error.end]
        return names[before - 1], f"bytes that are no UTF-8 text: {shown!r}"
    return None
