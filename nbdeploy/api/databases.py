"""Queries and tables of databases, as input and output of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbdeploy.errors import WrongUsage

if TYPE_CHECKING:
    from nbdeploy.tables.databases import Query, TableSink

__all__ = ["read_from", "written_to"]


def read_from(source: Any, sql: str | None, from_url: str | None, to: str | None = None) -> Query | Any:
    """Return what is read: what was given, or the rows of a query.

    Parameters
    ----------
    source : object
        A table, a file, or None.
    sql, from_url : str or None
        A query, and the address of its database.
    to : str or None
        The address of the database that is written to at the same time.

    Raises
    ------
    WrongUsage
        If both are given, or neither, or a part of one is missing.
    """
    from nbdeploy.tables.databases import open_query

    if sql is None:
        if from_url is not None:
            raise WrongUsage('--from names a database: give the query too, --sql "SELECT …"')
        return source
    if source is not None:
        raise WrongUsage("--sql is the input: give no other one")
    if from_url is None:
        raise WrongUsage("--sql needs the address of a database: --from sqlite:///sales.db, or postgresql://host/name")
    return open_query(sql, from_url, beside=to)


def written_to(
    out: Any, to_table: str | None, to_url: str | None, from_url: str | None, key: Sequence[str] = ()
) -> TableSink | Any:
    """Return where is written: to what was given, or into a table of a database; see :func:`read_from`."""
    from nbdeploy.tables.databases import open_table

    keys = tuple(dict.fromkeys([key] if isinstance(key, str) else key))
    if to_table is None:
        if to_url is not None or keys:
            raise WrongUsage(f"{'--key' if keys else '--to'} is for a table of a database: give --to-table NAME")
        return out
    if out is not None:
        raise WrongUsage("--out and --to-table are both given: choose one of them")
    url = to_url or from_url
    if url is None:
        raise WrongUsage(
            "--to-table needs the address of a database: --to sqlite:///sales.db, or postgresql://host/name"
        )
    return open_table(to_table, url, keys)
