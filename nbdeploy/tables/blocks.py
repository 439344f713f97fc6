"""Rows cut anew into blocks of one size, so that how they arrive leaves no trace in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO, Any

import polars as pl

__all__ = ["BlockSink", "Blocks", "rows_at_once"]

_CELLS = 4 * 2**20
_ROWS = 131_072


def rows_at_once(columns: int) -> int:
    """Return how many rows of so many columns are few enough to be held in memory.

    Examples
    --------
    >>> rows_at_once(30), rows_at_once(10_000)
    (131072, 419)
    """
    return max(1, min(_ROWS, _CELLS // max(1, columns)))


class Blocks:
    """Rows on their way into a file.

    Parameters
    ----------
    frame : polars.DataFrame
        The columns that all rows have; its own rows are not taken.
    """

    def __init__(self, frame: pl.DataFrame) -> None:
        self._schema = frame.schema
        self._size = rows_at_once(frame.width)
        self._held: list[pl.DataFrame] = []
        self._rows = 0

    def add(self, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Take rows, and give the blocks that are full."""
        if frame.height:
            self._held.append(frame.cast(self._schema) if frame.schema != self._schema else frame)
            self._rows += frame.height
        while self._rows >= self._size:
            yield self._taken(self._size)

    def rest(self) -> Iterator[pl.DataFrame]:
        """Give the last block, if rows are left."""
        if self._rows:
            yield self._taken(self._rows)

    def _taken(self, rows: int) -> pl.DataFrame:
        together = pl.concat(self._held)
        self._held, self._rows = [together[rows:]], self._rows - rows
        return together[:rows].rechunk()


class BlockSink(ABC):
    """A :class:`nbdeploy.tables.Sink` that hands blocks to a writer of Arrow's."""

    spreadsheet = False
    separator = None

    def __init__(self, file: IO[bytes]) -> None:
        self._out = file
        self._blocks: Blocks | None = None
        self._writer: Any = None

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        if self._blocks is None:
            self._blocks = Blocks(frame)
            self._writer = self._opened(frame.clear())
        for block in self._blocks.add(frame):
            self._append(block)

    def close(self) -> None:
        """Write the last rows and the footer."""
        if self._blocks is not None:
            for block in self._blocks.rest():
                self._append(block)
            self._writer.close()

    @abstractmethod
    def _opened(self, empty: pl.DataFrame) -> Any:
        """Begin the file: return a writer for such columns."""

    @abstractmethod
    def _append(self, block: pl.DataFrame) -> None:
        """Write one block."""
