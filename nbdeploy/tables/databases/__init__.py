"""Databases: the rows of a query, and tables that rows are put into."""

from __future__ import annotations

from collections.abc import Callable

from nbdeploy.plugins import Registry
from nbdeploy.tables.databases.addresses import Address
from nbdeploy.tables.databases.ledger import Finished
from nbdeploy.tables.databases.protocol import Database
from nbdeploy.tables.databases.query import Query
from nbdeploy.tables.databases.table import TableSink

__all__ = ["DATABASES", "Finished", "Query", "TableSink", "is_address", "open_query", "open_table"]

DATABASES: Registry[Callable[[Address], Database]] = Registry(
    "database",
    {
        "duckdb": "nbdeploy.tables.databases.duckdb_files:DuckDatabase",
        "postgresql": "nbdeploy.tables.databases.postgresql:PostgresqlDatabase",
        "sqlite": "nbdeploy.tables.databases.sqlite_files:SqliteDatabase",
    },
)


def open_query(sql: str, url: str, *, beside: str | None = None) -> Query:
    """Open the rows of a query for reading.

    Parameters
    ----------
    sql : str
        One statement that reads.
    url : str
        The database: ``sqlite:///file``, ``duckdb:///file``, ``postgresql://user:password@host/name``.
    beside : str, optional
        The database that is written to while the rows are read. Where that is the same file, all rows are read first,
        into a hidden file: such a database has no room for a reader beside its writer.

    Raises
    ------
    WrongUsage
        If the address is none of a database.
    MissingExtra
        If its driver is not installed.

    Examples
    --------
    >>> import sqlite3, tempfile
    >>> path = f"{tempfile.mkdtemp()}/a.db"
    >>> with sqlite3.connect(path) as connection:
    ...     _ = connection.execute("CREATE TABLE t (x INTEGER)")
    >>> open_query("SELECT x FROM t", f"sqlite:///{path}").columns()
    ['x']
    """
    address = Address.parse(url, DATABASES)
    same = beside is not None and address.is_file and Address.parse(beside, DATABASES) == address
    return Query(DATABASES[address.kind](address), sql, ahead=same)


def open_table(table: str, url: str, key: tuple[str, ...] = ()) -> TableSink:
    """Open a table of a database for writing, as a context manager.

    Parameters
    ----------
    table : str
        Its name, also ``schema.name``. It is made if it is new.
    url : str
        The database; see :func:`open_query`.
    key : tuple of str
        Columns by which rows that are there already are found and replaced.

    Raises
    ------
    WrongUsage
        If the address is none of a database.
    MissingExtra
        If its driver is not installed.
    """
    address = Address.parse(url, DATABASES)
    return TableSink(DATABASES[address.kind](address), table, key)


def is_address(text: str) -> bool:
    """Whether a text begins as the address of a database does."""
    kind, found, _ = text.partition("://")
    return bool(found) and kind.partition("+")[0] in DATABASES
