"""Where the records of a file of text end: in CSV, at the newlines that are not within quotes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from nbdeploy.errors import TooLarge
from nbdeploy.tables.csv_lines import records

__all__ = ["LONGEST", "Cut", "Window", "cuts", "regular"]

LONGEST = 64 * 2**20
"""Bytes of the longest record that is read: a file without line ends must not fill the memory."""

_PIECE = 2**19
_LARGEST = 32 * 2**20  # bytes of a range, or what one record takes
_NEWLINE, _RETURN, _QUOTE = ord("\n"), ord("\r"), ord('"')

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


class Window(Protocol):
    """Bytes that are looked at from front to back."""

    name: str

    def look(self, at: int, size: int) -> Bytes:
        """Return `size` bytes from position `at`, fewer only at the end."""


class Cut(NamedTuple):
    """A range of bytes that holds whole records.

    Attributes
    ----------
    start, stop : int
        Where it begins and ends.
    records : int
        How many records it holds, blank lines among them.
    line : int
        The number of the line it begins with, from 1.
    regular : bool
        Whether every reader takes its quotes alike.
    """

    start: int
    stop: int
    records: int
    line: int
    regular: bool


def cuts(window: Window, start: int, size: int, separator: bytes | None, line: int) -> Iterator[Cut]:
    """Cut bytes into ranges of `size` records, fewer where these are many bytes.

    The last range may be shorter, and may lack its newline.

    Parameters
    ----------
    window : Window
        The bytes of a file.
    start, line : int
        Where the first record begins: its position, and the number of its line.
    size : int
        Records of a range.
    separator : bytes or None
        What is between two fields; None where every line is a record, whatever quotes there are.

    Raises
    ------
    TooLarge
        If a record is longer than :data:`LONGEST`.
    """
    begin, first, held, plain = start, line, 0, True
    for block in _blocks(window, start, separator, line):
        plain = plain and block.regular
        taken = 0
        while len(block.ends) - taken >= size - held:
            taken += size - held
            stop = int(block.ends[taken - 1])
            yield Cut(begin, block.at + stop, size, first, plain)
            begin, first, held, plain = block.at + stop, block.line_at(stop), 0, block.regular
        held += len(block.ends) - taken
        start = block.stop
        if held and start - begin >= _LARGEST:
            yield Cut(begin, start, held, first, plain)
            begin, first, held, plain = start, block.line_at(int(block.ends[-1])), 0, True
    if held:
        yield Cut(begin, start, held, first, plain)


class _Block(NamedTuple):
    """Where it is, its first line, where its whole records end, where its newlines are, whether it is regular."""

    at: int
    line: int
    ends: Places
    newlines: Places
    regular: bool

    @property
    def stop(self) -> int:
        return self.at + int(self.ends[-1])

    def line_at(self, place: int) -> int:
        return self.line + int(np.searchsorted(self.newlines, place))


def _blocks(window: Window, at: int, separator: bytes | None, line: int) -> Iterator[_Block]:
    """Whole records, as many as are in a small piece of the file, and at least one."""
    size = _PIECE
    while len(piece := window.look(at, size)):
        newlines = np.flatnonzero(piece == _NEWLINE)
        ends, plain = _ends(piece, newlines, separator)
        if len(piece) < size and (not len(ends) or ends[-1] < len(piece)):
            tail = piece[ends[-1] if len(ends) else 0 :]
            plain = plain and (separator is None or np.count_nonzero(tail == _QUOTE) % 2 == 0)
            ends = np.append(ends, len(piece))
        if len(ends):
            block = _Block(at, line, ends, newlines, plain)
            yield block
            line, at, size = block.line_at(int(ends[-1])), block.stop, _PIECE
        elif size >= LONGEST:
            raise TooLarge(
                f"{window.name}, line {line}: the record that begins here is longer than {LONGEST >> 20} MB; "
                "is this a table with line ends, and is every quote closed?",
                path=window.name,
                limit=LONGEST,
            )
        else:
            size *= 2


def _ends(block: Bytes, newlines: Places, separator: bytes | None) -> tuple[Places, bool]:
    """Where the records of a block end that begins with one, and whether its quotes are regular."""
    if separator is None:
        return newlines + 1, True
    quotes = np.flatnonzero(block == _QUOTE)
    if not len(quotes):
        return newlines + 1, True
    if not regular(block, quotes, separator):
        whole = [one for one in records(block.tobytes(), separator) if one.closed]
        return np.array([one.stop for one in whole if block[one.stop - 1] == _NEWLINE], np.intp), False
    before: Places = np.searchsorted(quotes, newlines)
    return newlines[before % 2 == 0] + 1, True


def regular(block: Bytes, quotes: Places, separator: bytes) -> bool:
    """Whether quotes open only where fields begin, and close only where they end.

    Then a byte is within quotes if an odd number of them is before it.
    """
    before = block[np.maximum(quotes[0::2] - 1, 0)]
    opening = np.isin(before, [separator[0], _NEWLINE, _QUOTE]) | (quotes[0::2] == 0)
    after = block[np.minimum(quotes[1::2] + 1, len(block) - 1)]
    closing = np.isin(after, [separator[0], _NEWLINE, _RETURN, _QUOTE]) | (quotes[1::2] == len(block) - 1)
    return bool(opening.all() and closing.all())


def rectangular(content: Bytes, separator: bytes, records: int, fields: int) -> bool:
    """Whether bytes with regular quotes are so many records of so many fields each."""
    between = np.flatnonzero(content == separator[0])
    ends = np.flatnonzero(content == _NEWLINE)
    quotes = np.flatnonzero(content == _QUOTE)
    if len(quotes):
        between = between[np.searchsorted(quotes, between) % 2 == 0]
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    if len(ends) < records:
        ends = np.append(ends, len(content))
    if len(ends) != records or len(between) != records * (fields - 1):
        return False
    rows = between.reshape(records, fields - 1)
    return fields == 1 or bool((rows[:, -1] < ends).all() and (rows[1:, 0] > ends[:-1]).all())
