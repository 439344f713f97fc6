"""SQLite, by Python's own driver.

The ADBC driver takes a column's type from its first rows and fails where a later value is of another one; here the
type is the one that the table declares.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from nbdeploy.errors import Conflict, InvalidData, NotFound, NotWritable, Unreachable, WrongUsage
from nbdeploy.tables.databases.addresses import Address
from nbdeploy.tables.databases.declared import KINDS, column, declared
from nbdeploy.tables.databases.protocol import Answer, Batch, Unfit, quoted
from nbdeploy.tables.databases.statements import replacing, split, table_name

__all__ = ["SqliteDatabase"]

_ROWS = 10_000
_BUSY_SECONDS = 30.0
_VIEW = "nbdeploy_query"


class SqliteDatabase:
    """See :class:`nbdeploy.tables.databases.Database`."""

    def __init__(self, address: Address) -> None:
        self.address = address

    @contextlib.contextmanager
    def answer(self, sql: str) -> Iterator[Answer]:
        """Run one statement on a connection that cannot write, in one state of the database."""
        path = self.address.path
        if path is None or not path.is_file():
            raise NotFound("database", self.address.name)
        self._recover(path)
        with contextlib.closing(_connected(self.address, f"{path.as_uri()}?mode=ro")) as connection:
            with _told(self.address, reading=True):
                # A view is made of one statement that reads, and tells which columns its own ones are.
                connection.execute(f"CREATE TEMP VIEW {_VIEW} AS {sql}")
                connection.execute("PRAGMA query_only = ON")
                connection.execute("BEGIN")
                found = _types(connection)
            # Of two columns named a, a view calls the second one a:1.
            names = [name.rpartition(":")[0] if name.rpartition(":")[0] in found else name for name in found]
            types = list(found.values())
            yield Answer(names, types, self._batches(connection, sql, names, types))

    def _recover(self, path: Path) -> None:
        """Undo what a writer that was killed left half done, which a connection that cannot write could not."""
        if path.with_name(f"{path.name}-journal").is_file() and os.access(path, os.W_OK):
            writer = _connected(self.address, f"{path.as_uri()}?mode=rw")
            with contextlib.closing(writer), _told(self.address, reading=True):
                writer.execute("SELECT count(*) FROM sqlite_master")

    def _batches(
        self, connection: sqlite3.Connection, sql: str, names: list[str], types: list[pl.DataType]
    ) -> Iterator[Batch]:
        with _told(self.address, reading=True):
            cursor = connection.execute(sql)  # not the view, which need not keep an order
        while True:
            with _told(self.address, reading=True):
                rows = cursor.fetchmany(_ROWS)
            if not rows:
                return
            yield _batch(rows, names, types)

    @contextlib.contextmanager
    def writer(self) -> Iterator[SqliteWriter]:
        """Connect for writing; the file is made if it is new."""
        path = self.address.path
        if path is None or not path.parent.is_dir():
            raise NotFound("folder", str(path.parent if path else ""))
        with contextlib.closing(_connected(self.address, f"{path.as_uri()}?mode=rwc")) as connection:
            writer = SqliteWriter(self.address, connection)
            try:
                yield writer
            finally:
                writer.unlock()


class SqliteWriter:
    """See :class:`nbdeploy.tables.databases.Writer`."""

    blob = "BLOB"

    def __init__(self, address: Address, connection: sqlite3.Connection) -> None:
        self._address, self._connection = address, connection
        self._lock: FileLock | None = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that holds the only write lock from its start."""
        with _told(self._address):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            with _told(self._address):
                self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def lock(self, table: str) -> None:
        """Lock a hidden file beside the database, which the system frees when the process ends."""
        path = self._address.path
        assert path is not None  # noqa: S101 - a file always has one
        name = "".join(c if c.isalnum() else "_" for c in table)
        self._lock = FileLock(path.with_name(f".{path.name}.{name}.nbdeploy-lock"))
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            self._lock = None
            raise Conflict(
                f"another job is writing {table} in {self._address.name} just now; wait until it has ended"
            ) from None

    def unlock(self) -> None:
        """Free the lock."""
        if self._lock is not None:
            self._lock.release()

    def queue(self, purpose: str) -> None:
        """Do nothing: transactions have come one after another from their start."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        with _told(self._address):
            return self._connection.execute(sql, tuple(values)).fetchall()

    def types(self, table: str) -> pl.Schema | None:
        """Return what the table declares; columns without a type hold anything."""
        rows = self._columns(table)
        return pl.Schema({row[1]: declared(row[2]) or pl.Unknown() for row in rows}) if rows else None

    def required(self, table: str) -> set[str]:
        """Return columns that must not be null and have no default; an integer primary key has one."""
        return {
            row[1]
            for row in self._columns(table)
            if row[4] is None and (row[3] or row[5]) and not (row[5] and row[2].upper() == "INTEGER")
        }

    def unique(self, table: str) -> list[set[str]]:
        """Return the primary key, and the columns of whole unique indexes."""
        pragma = self._pragma(table)
        keys = [{row[1] for row in self._columns(table) if row[5]}]
        for _, name, unique, _, partial in self.execute(pragma("index_list", split(table)[1])):
            if unique and not partial:
                keys.append({row[2] for row in self.execute(pragma("index_info", name))})
        return [key for key in keys if key]

    def named(self, kind: pl.DataType) -> str | None:
        """Return the type to declare; a moment with a time zone is text, as times are read without one."""
        if isinstance(kind, pl.Datetime) and kind.time_zone:
            return "TEXT"
        return next((name for one, name in KINDS if isinstance(kind, one)), None)

    def insert(self, table: str, frame: pl.DataFrame, key: Sequence[str], loose: Collection[str]) -> None:  # noqa: ARG002
        """Insert rows by one prepared statement. The database itself reads text in columns of numbers."""
        marks = ", ".join("?" * frame.width)
        sql = f"INSERT INTO {table_name(table)} ({quoted(*frame.columns)}) VALUES ({marks})"  # noqa: S608 - quoted
        with _told(self._address):
            self._connection.executemany(sql + replacing(frame.columns, key), _stored(frame).iter_rows())

    def _columns(self, table: str) -> list[tuple[Any, ...]]:
        return self.execute(self._pragma(table)("table_info", split(table)[1]))

    def _pragma(self, table: str) -> Any:
        schema = split(table)[0]
        before = f"{quoted(schema)}." if schema else ""
        return lambda pragma, name: f"PRAGMA {before}{pragma}({quoted(name)})"


def _connected(address: Address, uri: str) -> sqlite3.Connection:
    with _told(address, reading=True):
        # Spans are read in one thread and the connection closed in another, never at once.
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _types(connection: sqlite3.Connection) -> dict[str, pl.DataType]:
    """The declared types of a query's columns; those of expressions, which have none, by all their values."""
    found = {row[1]: declared(row[2]) for row in connection.execute(f"PRAGMA table_info({_VIEW})")}
    untold = [name for name, kind in found.items() if kind is None]
    met = dict[str, pl.DataType]()
    if untold:
        asked = ", ".join(f"group_concat(DISTINCT typeof({quoted(name)}))" for name in untold)
        values = connection.execute(f"SELECT {asked} FROM {_VIEW}").fetchone()  # noqa: S608 - quoted
        met = {name: _met(name, set((value or "null").split(","))) for name, value in zip(untold, values, strict=True)}
    return {name: kind if kind is not None else met[name] for name, kind in found.items()}


def _met(name: str, kinds: set[str]) -> pl.DataType:
    kinds = kinds - {"null"}
    for one, kind in ((set(), pl.Null()), ({"integer"}, pl.Int64()), ({"text"}, pl.String()), ({"blob"}, pl.Binary())):
        if kinds == one:
            return kind
    if kinds <= {"integer", "real"}:
        return pl.Float64()
    raise InvalidData(
        f"column {name!r} of the query has values of several types: {', '.join(sorted(kinds))}; "
        f"write CAST({name} AS …) in the query",
        column=name,
    )


def _batch(rows: list[tuple[Any, ...]], names: list[str], types: list[pl.DataType]) -> Batch:
    columns = list(zip(*rows, strict=True))
    faults = dict[int, tuple[str, str]]()
    found = []
    for name, kind, values in zip(names, types, columns, strict=True):
        series, wrong = column(name, kind, values)
        found.append(series)
        for row, reason in wrong.items():
            faults.setdefault(row, (name, reason))
    frame = pl.DataFrame(found)
    if not faults:
        return Batch(frame)
    left = [row for row in range(frame.height) if row not in faults]
    unfit = [Unfit(row, *faults[row], repr(rows[row])) for row in sorted(faults)]
    return Batch(frame[left], unfit)


def _stored(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in the types that the driver takes: dates as ISO text, exact numbers as such where they are whole."""
    casts = []
    for name, kind in frame.schema.items():
        if isinstance(kind, pl.Date | pl.Time):
            casts.append(pl.col(name).dt.to_string("iso"))
        elif isinstance(kind, pl.Datetime):
            mark = "%Y-%m-%d %H:%M:%S%.6f" + ("%:z" if kind.time_zone else "")
            casts.append(pl.col(name).dt.strftime(mark))
        elif isinstance(kind, pl.Decimal):
            casts.append(pl.col(name).cast(pl.Int64 if kind.scale == 0 else pl.Float64))
    return frame.with_columns(casts) if casts else frame


@contextlib.contextmanager
def _told(address: Address, *, reading: bool = False) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        code, said = getattr(error, "sqlite_errorname", ""), str(error)
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Conflict(f"{address.name} is being written by another process: {said}") from error
        if code.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise Unreachable(f"{address.name} cannot be read: {said}") from error
        if reading:
            raise WrongUsage(f"{address.name} does not take the query: {said}") from error
        raise NotWritable(f"{address.name} could not be written: {said}") from error
