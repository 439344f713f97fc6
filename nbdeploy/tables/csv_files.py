"""CSV and TSV. Every field is read as text, so that ids keep their zeros; the signature says what it means."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

import numpy as np
import polars as pl

from nbdeploy.codecs.conforming import MISSING, SURELY_WHOLE
from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.errors import InvalidData
from nbdeploy.tables.csv_lines import records, regular_text
from nbdeploy.tables.line_files import LineFile, Piece
from nbdeploy.tables.names import checked_names
from nbdeploy.tables.protocol import BadLine, Rows, Span
from nbdeploy.tables.records import Cut, Window, cuts, rectangular

__all__ = ["CsvSink", "CsvSource", "TsvSink", "TsvSource"]

_COUNTED = 8 * 2**20  # bytes of a file whose rows are counted beforehand
_CELLS = 2**20  # written at once
_NEWLINE = ord("\n")
_PATIENCE = 3  # ranges whose numbers need a closer look before it is taken first
_UNUSED = "\x1f"  # separates fields in no file of this century
_SHOWN = 2000  # characters of a malformed line that are kept


class CsvSource(LineFile):
    """See :class:`nbdeploy.tables.Source`."""

    text = True
    separator = b","
    _odd = 0
    _missing = ""  # what stands for missing numbers

    def rows(self) -> int | None:
        """Count the records of a file that is not large."""
        size = self.origin.size()
        if size is None or size > _COUNTED:
            return None
        return sum(self.read(span, self.columns()[-1:]).frame.height for span in self.spans(100_000))

    def columns(self) -> list[str]:
        """Names in the first line."""
        names: list[str] = self.began()[0]
        return names

    def empty(self) -> pl.DataFrame:
        """Return columns of text."""
        return pl.DataFrame(schema=dict.fromkeys(self.columns(), pl.String))

    def begin(self, window: Window, start: int) -> tuple[list[str], int, int]:
        """Read the column names. Blank lines before them are nothing."""
        for cut in cuts(window, start, 1, self.separator, 1):
            content = window.look(cut.start, cut.stop - cut.start).tobytes()
            if content.rstrip(b"\r\n"):
                return self._names(content), cut.stop, cut.line + content.count(b"\n")
        raise InvalidData(f"{self.name} is empty: it has not even a line of column names", path=self.name)

    def read(
        self,
        span: Span,
        columns: Sequence[str] | None = None,
        types: Mapping[str, Any] | None = None,
        *,
        lines: bool = False,
    ) -> Rows:
        """Read a range of bytes."""
        piece: Piece = span.place
        content = self.content(piece)
        wanted = self.columns() if columns is None else list(columns)
        frame = self._whole(content, piece.cut, wanted, types or {}) if piece.cut.regular else None
        if frame is not None:
            whole = _lines(content, piece.cut.records) if lines else None
            return Rows(frame, lambda: self._told(self.content(piece), piece.cut)[1], "line", lines=whole)
        good, numbers, bad = self._told(content, piece.cut)
        frame = self._parsed(b"".join(good), wanted)
        return Rows(frame, lambda: numbers, "line", tuple(bad))

    def _names(self, content: bytes) -> list[str]:
        try:
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise InvalidData(f"{self.name}: the column names are no UTF-8 text: {error}", path=self.name) from error
        return checked_names(next(csv.reader([text], delimiter=self.separator.decode())), self.name)

    def _whole(self, content: bytes, cut: Cut, wanted: list[str], types: Mapping[str, Any]) -> pl.DataFrame | None:
        """Rows of a range in which no line is malformed."""
        last = self.columns()[-1]
        asked = [*wanted, *({last} - {*wanted})]
        try:
            frame = self._typed(content, asked, types)
            frame = self._parsed(content, asked) if frame is None else frame
        except pl.exceptions.PolarsError:
            return None
        if frame.height != cut.records:
            return None
        # Polars takes a record with too few fields, which has no last one; and where not all fields are asked for,
        # one with too many, or without text in the others.
        names = self.columns()
        partial = frame.width < len(names)
        if partial and not _is_text(content):
            return None
        doubtful = partial or frame[last].null_count()
        if doubtful and not rectangular(np.frombuffer(content, np.uint8), self.separator, cut.records, len(names)):
            return None
        return frame[wanted]

    def _typed(self, content: bytes, wanted: list[str], types: Mapping[str, Any]) -> pl.DataFrame | None:
        """Rows with numbers read as such, where none of them needs a closer look at its text."""
        numbers = {name: types[name] for name in wanted if name in types}
        if not numbers or self._odd > _PATIENCE:
            return None
        frame = self._numbers(content, wanted, numbers)
        if frame is None:
            return None
        floats = pl.col(pl.Float64)
        plain = frame.select(((floats.abs() < SURELY_WHOLE) & floats.is_not_nan()).all()).row(0)
        return frame if all(plain) else None

    def _numbers(self, content: bytes, wanted: list[str], numbers: Mapping[str, Any]) -> pl.DataFrame | None:
        """Rows with numbers read as such, if they can be; where one word stands for missing ones, with that."""
        with suppress(pl.exceptions.PolarsError):
            return self._parsed(content, wanted, numbers, self._missing)
        word = _missing_in(content, self.separator)
        if word != self._missing:
            with suppress(pl.exceptions.PolarsError):
                frame = self._parsed(content, wanted, numbers, word)
                self._missing = word
                return frame
        self._odd += 1
        return None

    def _parsed(
        self,
        content: bytes,
        wanted: list[str],
        numbers: Mapping[str, Any] | None = None,
        missing: str = "",
    ) -> pl.DataFrame:
        names = self.columns()
        if not content:
            return self.empty()[wanted]
        return pl.read_csv(
            content,
            has_header=False,
            separator=self.separator.decode(),
            schema=dict.fromkeys(names, pl.String) | {**(numbers or {})},
            columns=None if len(wanted) == len(names) else [names.index(name) for name in wanted],
            null_values=dict.fromkeys(numbers, missing) if numbers and missing else None,
        )[wanted]

    def _told(self, content: bytes, cut: Cut) -> tuple[list[bytes], list[int], list[BadLine]]:
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
    """See :class:`nbdeploy.tables.Sink`. Floats are written so that they read back as the same bits.

    Text is quoted only where it must be: with separators, quotes or line ends in it, and where it is empty,
    as a missing value is nothing at all.
    """

    separator = b","
    spreadsheet = True

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._empty = True

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        frame = csv_plain(frame)
        if self._empty:
            self._file.write(self._written(frame.clear(), header=True))
            self._empty = False
        for piece in frame.iter_slices(max(1, _CELLS // max(1, frame.width))):
            self._file.write(self._unquoted(piece) or self._written(piece))

    def write_beside(self, lines: pl.Series, frame: pl.DataFrame) -> None:
        """Append rows whose first fields are written already, as one text. The columns are known by then."""
        words = [_quoted(series, self.separator) for series in csv_plain(frame).select(pl.col(pl.String))]
        together = frame.with_columns(words).insert_column(0, lines)
        together.write_csv(self._file, include_header=False, separator=self.separator.decode(), quote_style="never")

    def close(self) -> None:
        """Do nothing: all is written."""

    def _unquoted(self, frame: pl.DataFrame) -> bytes | None:
        """Rows without quotes, if nothing in them needs any. To write and then look takes half the time."""
        words = frame.select(pl.col(pl.String))
        if any(words.select((pl.all() == "").any()).row(0) if words.width else ()):
            return None
        written = self._written(frame, quotes="never")
        content = np.frombuffer(written, np.uint8)
        special = np.count_nonzero(content == _NEWLINE) + np.count_nonzero(content == self.separator[0])
        plain = special == frame.height * frame.width and b'"' not in written and b"\r" not in written
        return written if plain else None

    def _written(self, frame: pl.DataFrame, quotes: Any = "necessary", *, header: bool = False) -> bytes:
        buffer = io.BytesIO()
        separator = self.separator.decode()
        frame.write_csv(buffer, include_header=header, separator=separator, quote_style=quotes)
        return buffer.getvalue()


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


def _missing_in(content: bytes, separator: bytes) -> str:
    """The first word in a range that stands for a missing number, or nothing."""
    return next((word for word in MISSING if word and separator + word.encode() in content), "")


def _lines(content: bytes, records: int) -> pl.Series | None:
    """The lines of a range, where nothing in it is ever written in quotes."""
    if any(mark in content for mark in (b'"', b"\r", _UNUSED.encode())):
        return None
    read = pl.read_csv(
        content, has_header=False, separator=_UNUSED, quote_char=None, schema={"": pl.String}
    ).to_series()
    return read if len(read) == records and not read.null_count() else None


def _is_text(content: bytes) -> bool:
    if content.isascii():
        return True
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted(series: pl.Series, separator: bytes) -> pl.Series:
    """Text in quotes where it needs them."""
    needy = series.str.contains_any(['"', "\n", "\r", separator.decode()]) | (series == "")
    if not needy.any():
        return series
    text = pl.col(series.name)
    quoted = pl.concat_str(pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"'))
    chosen = pl.when(needy).then(quoted).otherwise(text).alias(series.name)
    return series.to_frame().select(chosen).to_series()
