"""Statements that are the same for every database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from nbdeploy.tables.databases.protocol import quoted

__all__ = ["inserting", "replacing", "split", "table_name"]


def split(table: str) -> tuple[str | None, str]:
    """Return schema and name of a table.

    Examples
    --------
    >>> split("sales.scores"), split("scores")
    (('sales', 'scores'), (None, 'scores'))
    """
    schema, _, name = table.rpartition(".")
    return schema or None, name


def table_name(table: str) -> str:
    """Return a table's name as SQL writes it.

    Examples
    --------
    >>> table_name("sales.Top 10")
    '"sales"."Top 10"'
    """
    schema, name = split(table)
    return f"{quoted(schema)}.{quoted(name)}" if schema else quoted(name)


def replacing(columns: Sequence[str], key: Sequence[str]) -> str:
    """Return what is done with rows whose key is there already; nothing without a key.

    Examples
    --------
    >>> replacing(["id", "p"], ["id"])
    ' ON CONFLICT ("id") DO UPDATE SET "p" = excluded."p"'
    """
    if not key:
        return ""
    others = [name for name in columns if name not in key]
    new = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in others)
    return f" ON CONFLICT ({quoted(*key)}) DO " + (f"UPDATE SET {new}" if others else "NOTHING")


def inserting(
    table: str,
    columns: Sequence[str],
    origin: str,
    key: Sequence[str],
    loose: Collection[str],
    types: Mapping[str, str],
) -> str:
    """Return the statement that takes rows over from another table.

    Parameters
    ----------
    table, origin : str
        Where to and where from; `origin` as SQL writes it.
    columns, key : sequence of str
        The columns, and those among them by which rows are found.
    loose : collection of str
        Columns whose values are text that the database reads.
    types : mapping of str to str
        The database's types of these.
    """
    taken = ", ".join(f"CAST({quoted(c)} AS {types[c]})" if c in loose else quoted(c) for c in columns)
    into = f"{table_name(table)} ({quoted(*columns)})"
    return f"INSERT INTO {into} SELECT {taken} FROM {origin} WHERE true{replacing(columns, key)}"  # noqa: S608 - quoted
