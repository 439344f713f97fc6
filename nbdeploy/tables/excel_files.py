"""Excel workbooks: the first sheet, whose first row holds the column names."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import IO, Any

import polars as pl

from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.errors import InvalidData, MissingExtra
from nbdeploy.tables.names import checked_names
from nbdeploy.tables.origins import Origin
from nbdeploy.tables.protocol import Identity, Rows, Span

__all__ = ["ExcelSink", "ExcelSource"]

_ROWS, _COLUMNS, _TEXT = 1_048_576, 16_384, 32_767
_EXACT = 2**53
_FIRST_DAY = dt.datetime(1900, 3, 1)  # Excel counts a 29 February 1900 that was not
_CREATED = dt.datetime(2000, 1, 1)


class ExcelSource:
    """See :class:`nbdeploy.tables.Source`. A sheet is held in memory whole; it has a million rows at most.

    The type of a column is that of its cells; where they differ, they are text. Excel has one kind of number: a
    column in which all are whole is one of integers.
    """

    text = False
    separator = None

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.name = origin.name

    def __getstate__(self) -> Any:
        return self.origin, self.empty()

    def __setstate__(self, state: Any) -> None:
        self.__init__(state[0])  # type: ignore[misc]
        self._empty = state[1]

    def identity(self) -> Identity:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.identity()

    def sha256(self) -> str | None:
        """See :class:`nbdeploy.tables.Source`."""
        return self.origin.sha256()

    def rows(self) -> int | None:
        """Return the rows of the sheet."""
        return self._sheet.height

    def columns(self) -> list[str]:
        """Names in the first row."""
        return self.empty().columns

    def empty(self) -> pl.DataFrame:
        """Return the sheet's types."""
        return self._empty

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the rows, which the spans hold themselves, so that no other process reads the sheet again."""
        for index, first in enumerate(range(0, self._sheet.height, size)):
            frame, numbers = self._sheet[first : first + size], self._numbers[first : first + size]
            yield Span(index, first, frame.height, (frame, numbers), (first + frame.height) / self._sheet.height)

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        """Return the rows, numbered as Excel numbers them."""
        frame, numbers = span.place
        return Rows(frame if columns is None else frame[columns], numbers.to_list)

    @cached_property
    def _empty(self) -> pl.DataFrame:
        return self._sheet.clear()

    @cached_property
    def _numbers(self) -> pl.Series:
        present = self._cells.select(~pl.all_horizontal(pl.all().is_null())).to_series()
        return present.arg_true() + 2

    @cached_property
    def _sheet(self) -> pl.DataFrame:
        """The rows that are not blank."""
        return self._cells[self._numbers - 2]

    @cached_property
    def _cells(self) -> pl.DataFrame:
        try:
            import fastexcel
        except ImportError as error:
            raise MissingExtra("reading Excel files", "excel") from error
        with self.origin.open() as file:
            content = file.read()
        try:
            reader = fastexcel.read_excel(content)
            sheet = reader.load_sheet(0, header_row=None, schema_sample_rows=1, n_rows=1, dtypes="string")
            names = [_name(value) for value in sheet.to_polars().row(0)] if sheet.height else []
            while names and not names[-1]:
                names.pop()
            if not names:
                raise InvalidData(f"{self.name} is empty: its first sheet has no row of column names", path=self.name)
            checked_names(names, self.name)
            cells = reader.load_sheet(0, schema_sample_rows=None, use_columns=[*range(len(names))]).to_polars()
        except fastexcel.FastExcelError as error:
            reason = str(error).splitlines()[0]
            raise InvalidData(f"{self.name} cannot be read as an Excel file; is it whole? {reason}") from error
        cells.columns = names
        return cells.with_columns(_whole(series) for series in cells.select(pl.col(pl.Float64)))


class ExcelSink:
    """See :class:`nbdeploy.tables.Sink`.

    Numbers are written with all their digits. What Excel's numbers cannot hold is written as text: whole
    numbers beyond 2**53, infinities, times before March 1900 or with a time zone; NaN is an empty cell.
    """

    spreadsheet = True
    separator = None

    def __init__(self, file: IO[bytes]) -> None:
        try:
            import xlsxwriter
        except ImportError as error:
            raise MissingExtra("writing Excel files", "excel") from error
        self._book: Any = xlsxwriter.Workbook(file, {"constant_memory": True})
        self._book.set_properties({"created": _CREATED})
        self._sheet = self._book.add_worksheet()
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._next = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        if not self._next:
            if frame.width > _COLUMNS:
                raise InvalidData(f"an Excel sheet has at most {_COLUMNS:,} columns; write a .csv or .parquet file")
            for place, name in enumerate(frame.columns):
                self._text(0, place, name)
            self._next = 1
        if self._next + frame.height > _ROWS:
            raise InvalidData(f"an Excel sheet has at most {_ROWS:,} rows; write a .csv or .parquet file")
        for row in csv_plain(frame).iter_rows():
            for place, value in enumerate(row):
                if value is not None:
                    self._cell(place, value)
            self._next += 1

    def close(self) -> None:
        """Write the workbook."""
        self._book.close()

    def _cell(self, place: int, value: Any) -> None:
        row = self._next
        if isinstance(value, bool):
            self._sheet.write_boolean(row, place, value)
        elif isinstance(value, int) and abs(value) <= _EXACT:
            self._sheet.write_number(row, place, value)
        elif isinstance(value, float) and math.isfinite(value):
            self._sheet.write_number(row, place, _Exact(value))
        elif isinstance(value, dt.datetime) and value.tzinfo is None and value >= _FIRST_DAY:
            self._sheet.write_datetime(row, place, value, self._time)
        elif isinstance(value, dt.date) and not isinstance(value, dt.datetime) and value >= _FIRST_DAY.date():
            self._sheet.write_datetime(row, place, value, self._day)
        elif not (isinstance(value, float) and math.isnan(value)):
            self._text(row, place, value.isoformat() if isinstance(value, (dt.date, dt.time)) else str(value))

    def _text(self, row: int, place: int, text: str) -> None:
        if len(text) > _TEXT:
            raise InvalidData(
                f"a cell of an Excel sheet holds at most {_TEXT:,} characters, and row {row} has {len(text):,} in "
                f"column {place + 1}; write a .csv or .parquet file"
            )
        if text:
            self._sheet.write_string(row, place, text)


class _Exact(float):
    """A number that is written with all its digits, where XlsxWriter asks for sixteen."""

    def __format__(self, _: str) -> str:
        return repr(float(self))


def _name(value: Any) -> str:
    return "" if value is None else str(value)


def _whole(numbers: pl.Series) -> pl.Series:
    whole = ((numbers.abs() <= _EXACT) & (numbers == numbers.round())).all()
    return numbers.cast(pl.Int64) if whole and numbers.null_count() < len(numbers) else numbers
