"""What a table at rest is: spans of rows that can be read each by itself, and rows being written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["BadLine", "Identity", "Rows", "Sink", "Source", "Span", "frames"]


@dataclass(frozen=True)
class Span:
    """A stretch of rows that can be read by itself, in any process.

    Attributes
    ----------
    index : int
        Its number among the spans of its source, from 0.
    first : int
        Number of its first row, from 0; malformed and blank lines count as rows.
    rows : int or None
        How many there are, malformed and blank lines among them, if that is known before they are read.
    place : object
        What its source needs to read it: a range of bytes, row groups, or the bytes themselves where a source
        can be read only once. It can be pickled.
    share : float or None
        How much of the source is before its end, from 0 to 1, if that is known: of the bytes, where the rows are
        not counted.
    seal : str or None
        Digest of its rows, where a source may have other rows when it is read again.
    """

    index: int
    first: int
    rows: int | None
    place: Any
    share: float | None = None
    seal: str | None = None


@dataclass(frozen=True)
class BadLine:
    """A line that is no row: it has too many fields or too few, or bytes that are no text.

    Attributes
    ----------
    number : int
        Where it stands, counted as :meth:`Rows.number` counts.
    column : str
        The column it fails in, or nothing.
    reason : str
        What is wrong, for people.
    text : str
        The line as it was read.
    """

    number: int
    column: str
    reason: str
    text: str


@dataclass(frozen=True)
class Rows:
    """What reading a span gives.

    Attributes
    ----------
    frame : polars.DataFrame
        The rows that are well formed, in order: as text where the source is text.
    counted : callable
        Returns the number of each row of the frame. Called only when somebody asks.
    unit : str
        What is counted: ``line`` (from 1, as an editor shows them) or ``row``.
    bad : tuple of BadLine
        The lines left out, in order.
    lines : polars.Series or None
        Each row as it stands in the file, where this was asked for, and writing its fields again would give the
        same.
    """

    frame: pl.DataFrame
    counted: Callable[[], Sequence[int]]
    unit: str = "row"
    bad: tuple[BadLine, ...] = ()
    lines: pl.Series | None = None

    @cached_property
    def numbers(self) -> Sequence[int]:
        """The number of each row of the frame."""
        return self.counted()

    def where(self, row: int) -> str:
        """Say where a row of the frame stands: ``line 812``, ``row 5``."""
        return f"{self.unit} {self.numbers[row]}"


@dataclass(frozen=True)
class Identity:
    """What tells cheaply that a source is no longer what it was. None is what cannot be known.

    Attributes
    ----------
    size : int or None
        Its bytes.
    modified : int or None
        When it was last written, in nanoseconds since 1970.
    tag : str or None
        What an object store calls this content.
    """

    size: int | None = None
    modified: int | None = None
    tag: str | None = None


class Source(Protocol):
    """A table to read. Copies of it, also in other processes (it can be pickled), read the same spans."""

    name: str
    """Where it is, for messages; without passwords."""

    text: bool
    """Whether values are text still to be parsed by the signature."""

    separator: bytes | None
    """What is between the fields of a row, if rows are lines of fields. See :attr:`Output.separator`."""

    def columns(self) -> list[str]:
        """Column names.

        Raises
        ------
        InvalidData
            If the table has none, or two of one name.
        """

    def empty(self) -> pl.DataFrame:
        """Return no rows, in the source's columns and types."""

    def rows(self) -> int | None:
        """Return the number of rows, if it is cheap to know."""

    def spans(self, size: int) -> Iterator[Span]:
        """Cut the rows into spans of `size` rows, the last one shorter. The same cuts each time.

        Spans are shorter also where rows are so large that `size` of them would take too much memory.
        A source that can be read only once is read here, forward.
        """

    def read(
        self,
        span: Span,
        columns: Sequence[str] | None = None,
        types: Mapping[str, Any] | None = None,
        *,
        lines: bool = False,
    ) -> Rows:
        """Read a span.

        Parameters
        ----------
        span : Span
            One that this source, or a copy of it, has cut.
        columns : sequence of str, optional
            The columns to read, in this order; all of them otherwise.
        types : mapping of str to polars type, optional
            Columns of numbers, as :func:`nbdeploy.codecs.number_types` tells them, which a source of text may read as
            such where parsing their text would give the same. That takes half the time.
        lines : bool
            Whether the rows are wanted as they stand, too.

        Raises
        ------
        InvalidData
            If the file is damaged there.
        """

    def identity(self) -> Identity:
        """Return what can be known of it without reading it."""

    def sha256(self) -> str | None:
        """Return the digest of its bytes; None if they can be read only once and have not been read to their end."""


class Sink(Protocol):
    """A table being written into an open binary file.

    Its bytes depend on the rows alone, not on how they are cut into frames.
    """

    separator: bytes | None
    """What is between the fields of a row. Such a sink has a method ``write_beside(lines, frame)`` too."""

    spreadsheet: bool
    """Whether spreadsheets open such files, and would run text as formulas."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows. The first frame fixes the columns, and may have no rows."""

    def close(self) -> None:
        """Write what is still to be written, after the last frame or an error."""


def frames(source: Source, size: int) -> Iterator[pl.DataFrame]:
    """Read all rows in order, `size` at a time; one frame without rows if there are none.

    Raises
    ------
    InvalidData
        Naming the first malformed line.
    """
    empty = True
    for span in source.spans(size):
        rows = source.read(span)
        if rows.bad:
            bad = rows.bad[0]
            where = f"{rows.unit} {bad.number}"
            raise InvalidData(f"{source.name}, {where}: {bad.reason}", path=source.name, line=where, reason=bad.reason)
        empty = False
        yield rows.frame
    if empty:
        yield source.empty()
