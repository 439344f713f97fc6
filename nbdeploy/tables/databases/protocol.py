"""What a database can do: answer a query in batches, and take rows in transactions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from nbdeploy.tables.databases.addresses import Address

__all__ = ["Answer", "Batch", "Database", "Unfit", "Writer", "quoted"]


@dataclass(frozen=True)
class Unfit:
    """A row with a value that is not of its column's type.

    Attributes
    ----------
    row : int
        Its place in the batch, before any is left out.
    column, reason, text : str
        The column, what is wrong, and the row as text.
    """

    row: int
    column: str
    reason: str
    text: str


@dataclass(frozen=True)
class Batch:
    """Some rows of a query.

    Attributes
    ----------
    frame : polars.DataFrame
        Those that are of their columns' types.
    unfit : list of Unfit
        The others, in order.
    """

    frame: pl.DataFrame
    unfit: list[Unfit] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What a query answers.

    Attributes
    ----------
    names : list of str
        Its columns, of which two may have one name.
    types : list of polars.DataType
        Their types, as the database says.
    batches : iterator of Batch
        Its rows, in bounded memory.
    """

    names: list[str]
    types: list[pl.DataType]
    batches: Iterator[Batch]


class Writer(Protocol):
    """A connection that writes. What is written in a transaction is there wholly or not at all."""

    blob: str
    """What the database calls a type of bytes."""

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction: committed if the block succeeds, undone otherwise."""

    def lock(self, table: str) -> None:
        """Keep all other jobs off a table until this connection ends, however it ends.

        Raises
        ------
        Conflict
            If another job writes it.
        """

    def queue(self, purpose: str) -> None:
        """Wait, in a transaction, until no other one that was queued for the same purpose is under way."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement; a ``?`` stands for each value."""

    def types(self, table: str) -> pl.Schema | None:
        """Return the columns of a table; None if there is no such table."""

    def required(self, table: str) -> set[str]:
        """Return the columns that each new row must give a value."""

    def unique(self, table: str) -> list[set[str]]:
        """Return the sets of columns that no two rows have the same values of."""

    def named(self, kind: pl.DataType) -> str | None:
        """Return the database's type for values; None if it has none."""

    def insert(self, table: str, frame: pl.DataFrame, key: Sequence[str], loose: Collection[str]) -> None:
        """Add rows, or replace those with the same key; values of `loose` columns are text that the database reads."""


class Database(Protocol):
    """A database. It can be made without reaching it."""

    address: Address

    def answer(self, sql: str) -> AbstractContextManager[Answer]:
        """Run one statement that may only read."""

    def writer(self) -> AbstractContextManager[Writer]:
        """Connect for writing."""


def quoted(*names: str) -> str:
    """Return names as SQL writes them.

    Examples
    --------
    >>> print(quoted("id", 'a "b" c'))
    "id", "a ""b"" c"
    """
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
