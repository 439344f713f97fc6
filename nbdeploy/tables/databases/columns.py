"""Whether the columns of a table can take rows, and what is declared for those of a new one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.tables.databases.kinds import fits, plain
from nbdeploy.tables.databases.protocol import Writer, quoted
from nbdeploy.tables.databases.statements import split, table_name

__all__ = ["Columns"]


class Columns:
    """The columns of one table.

    Parameters
    ----------
    on : Writer
        A connection to the database.
    table, name : str
        The table, and what it is called in messages.
    key : sequence of str
        Columns by which rows that are there already are replaced.
    """

    def __init__(self, on: Writer, table: str, name: str, key: Sequence[str]) -> None:
        self._on, self._table, self._name, self._key = on, table, name, key

    def check(self, rows: pl.DataFrame, loose: Collection[str]) -> frozenset[str]:
        """Refuse a table that cannot take rows; see :meth:`TableSink.check`.

        Returns
        -------
        frozenset of str
            Those `loose` columns whose text the database must read as another type.
        """
        new = plain(rows).schema
        for name in self._key:
            if name not in new:
                raise InvalidData(
                    f"--key {name} is no column that is written; there are: {', '.join(new)}; --keep {name} keeps one "
                    "of the input",
                    column=name,
                )
        there = self._on.types(self._table)
        if there is None:
            for name, kind in new.items():
                self._named(name, kind)
            return frozenset()
        for name, kind in new.items():
            self._check_column(name, kind, there, name in loose)
        self._check_others(new)
        self._check_key()
        return frozenset(name for name in loose if name in new and not isinstance(there[name], pl.String))

    def make(self, rows: pl.DataFrame) -> None:
        """Make the table for rows."""
        columns = [f"{quoted(name)} {self._named(name, kind)}" for name, kind in plain(rows).schema.items()]
        if self._key:
            columns.append(f"PRIMARY KEY ({quoted(*self._key)})")
        self._on.execute(f"CREATE TABLE {table_name(self._table)} ({', '.join(columns)})")

    def _check_column(self, name: str, kind: pl.DataType, there: pl.Schema, loose: bool) -> None:
        if name not in there:
            raise InvalidData(
                f"{self._name} has no column {name!r}; there are: {', '.join(there)}; leave it out with --keep, rename "
                "it with --rename, or choose another table",
                column=name,
            )
        same = self._on.named(kind) == (self._on.named(there[name]) or "")  # a database may keep a type as another one
        if not (loose or same or fits(kind, there[name])):
            raise InvalidData(
                f"column {name!r} of {self._name} is {there[name]}, and {kind} is to be written; change its type, or "
                "choose another table",
                column=name,
            )

    def _check_others(self, new: Collection[str]) -> None:
        missing = sorted(self._on.required(self._table) - set(new))
        if missing:
            raise InvalidData(
                f"{self._name} has a column {missing[0]!r} that must have a value, and none is written; keep one with "
                f"--keep {missing[0]}, or give the column a default",
                column=missing[0],
            )

    def _check_key(self) -> None:
        if self._key and set(self._key) not in self._on.unique(self._table):
            index = quoted("_".join([split(self._table)[1], *self._key]))
            raise InvalidData(
                f"{self._name} may have several rows with the same {', '.join(self._key)}, so that --key does not say "
                f"which to replace: CREATE UNIQUE INDEX {index} ON {table_name(self._table)} ({quoted(*self._key)}), "
                "or name another key",
                key=list(self._key),
            )

    def _named(self, name: str, kind: pl.DataType) -> str:
        found = self._on.named(kind)
        if found is None:
            raise InvalidData(
                f"column {name!r} holds {kind}, for which the database has no type; leave it out with --keep",
                column=name,
            )
        return found
