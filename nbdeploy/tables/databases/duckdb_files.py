"""DuckDB, which speaks Arrow."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import polars as pl

from nbdeploy.errors import Conflict, MissingExtra, NotFound, NotWritable, Unreachable, WrongUsage
from nbdeploy.tables.databases.addresses import Address
from nbdeploy.tables.databases.protocol import Answer, Batch, quoted
from nbdeploy.tables.databases.statements import inserting, split, table_name

__all__ = ["DuckDatabase"]

_ROWS = 20_480
_STAGE = "nbdeploy_rows"
_KINDS: Sequence[tuple[type[pl.DataType], str]] = (
    (pl.Int8, "TINYINT"),
    (pl.Int16, "SMALLINT"),
    (pl.Int32, "INTEGER"),
    (pl.Int64, "BIGINT"),
    (pl.Float32, "REAL"),
    (pl.Float64, "DOUBLE"),
    (pl.Boolean, "BOOLEAN"),
    (pl.String, "VARCHAR"),
    (pl.Date, "DATE"),
    (pl.Time, "TIME"),
    (pl.Duration, "INTERVAL"),
    (pl.Binary, "BLOB"),
)


class DuckDatabase:
    """See :class:`nbdeploy.tables.databases.Database`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        try:
            import duckdb  # noqa: F401
        except ImportError as error:
            raise MissingExtra(f"a database at {address.name}", "duckdb") from error

    @contextlib.contextmanager
    def answer(self, sql: str) -> Iterator[Answer]:
        """Run one statement on a connection that cannot write."""
        import duckdb

        if self.address.path is None or not self.address.path.is_file():
            raise NotFound("database", self.address.name)
        with contextlib.closing(_connected(self.address, read_only=True)) as connection:
            with _told(self.address, reading=True):
                statements = connection.extract_statements(sql)
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    raise WrongUsage("--sql takes one statement that reads: SELECT …")
                asked = connection.sql(sql)
                types = _plain(pl.DataFrame(asked.limit(0).to_arrow_table().rename_columns(_numbers(asked)))).dtypes
            yield Answer(list(asked.columns), types, self._batches(asked))

    def _batches(self, asked: Any) -> Iterator[Batch]:
        with _told(self.address, reading=True):
            reader = asked.to_arrow_reader(_ROWS)
        while True:
            with _told(self.address, reading=True):
                batch = next(reader, None)
            if batch is None:
                return
            yield Batch(_plain(pl.DataFrame(batch)))

    @contextlib.contextmanager
    def writer(self) -> Iterator[DuckWriter]:
        """Connect for writing, which no other process can do at the same time; the file is made if it is new."""
        if self.address.path is None or not self.address.path.parent.is_dir():
            raise NotFound("folder", str(self.address.path.parent if self.address.path else ""))
        with contextlib.closing(_connected(self.address, read_only=False)) as connection:
            yield DuckWriter(self.address, connection)


class DuckWriter:
    """See :class:`nbdeploy.tables.databases.Writer`."""

    blob = "BLOB"

    def __init__(self, address: Address, connection: Any) -> None:
        self._address, self._connection = address, connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction."""
        self.execute("BEGIN TRANSACTION")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            import duckdb

            with contextlib.suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            raise

    def lock(self, table: str) -> None:
        """Do nothing: the file is locked by the only process that writes it."""

    def queue(self, purpose: str) -> None:
        """Do nothing: no other process has the file open."""

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        with _told(self._address):
            return list(self._connection.execute(sql, list(values)).fetchall())

    def types(self, table: str) -> pl.Schema | None:
        """Return the types as a query tells them."""
        if not self._columns(table):
            return None
        with _told(self._address):
            answer = self._connection.sql(f"SELECT * FROM {table_name(table)} LIMIT 0")  # noqa: S608 - quoted
            return pl.Schema(pl.DataFrame(answer.to_arrow_table()).schema)

    def required(self, table: str) -> set[str]:
        """Return columns that must not be null and have no default."""
        return {name for name, nullable, default in self._columns(table) if nullable == "NO" and default is None}

    def unique(self, table: str) -> list[set[str]]:
        """Return the columns of constraints and of unique indexes; these are told as SQL writes them."""
        found = self.execute(
            "SELECT constraint_column_names FROM duckdb_constraints() WHERE database_name = current_database() "
            "AND table_name = ? AND schema_name = ? AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
            _named(table),
        )
        indexes = self.execute(
            "SELECT CAST(expressions AS VARCHAR[]) FROM duckdb_indexes() WHERE database_name = current_database() "
            "AND table_name = ? AND schema_name = ? AND is_unique",
            _named(table),
        )
        spelled = {text: name for name, _ in self._types(table) for text in (name, quoted(name))}
        keys = [{spelled.get(part) for part in row[0]} for row in indexes]
        return [set(row[0]) for row in found] + [{*filter(None, key)} for key in keys if None not in key]

    def named(self, kind: pl.DataType) -> str | None:
        """Return the type of a new column."""
        if isinstance(kind, pl.Decimal):
            return f"DECIMAL({kind.precision or 38}, {kind.scale})"
        if isinstance(kind, pl.Datetime):
            return "TIMESTAMPTZ" if kind.time_zone else "TIMESTAMP"
        return next((name for one, name in _KINDS if isinstance(kind, one)), None)

    def insert(self, table: str, frame: pl.DataFrame, key: Sequence[str], loose: Collection[str]) -> None:
        """Insert from Arrow, without a copy."""
        types = dict(self._types(table)) if loose else {}
        with _told(self._address):
            self._connection.register(_STAGE, frame.to_arrow())
            try:
                self._connection.execute(inserting(table, frame.columns, _STAGE, key, loose, types))
            finally:
                self._connection.unregister(_STAGE)

    def _columns(self, table: str) -> list[tuple[Any, ...]]:
        return self.execute(
            "SELECT column_name, is_nullable, column_default FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_name = ? AND table_schema = ?",
            _named(table),
        )

    def _types(self, table: str) -> list[tuple[Any, ...]]:
        return self.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_catalog = current_database() AND table_name = ? AND table_schema = ?",
            _named(table),
        )


def _numbers(asked: Any) -> list[str]:
    """Names for columns that may have one name twice."""
    return [str(place) for place in range(len(asked.columns))]


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Values of an ENUM as text: each batch numbers them by itself."""
    return frame.with_columns(pl.col(pl.Categorical, pl.Enum).cast(pl.String))


def _named(table: str) -> tuple[str, str]:
    schema, name = split(table)
    return name, schema or "main"


def _connected(address: Address, *, read_only: bool) -> Any:
    import duckdb

    with _told(address, reading=True):
        return duckdb.connect(str(address.path), read_only=read_only)


@contextlib.contextmanager
def _told(address: Address, *, reading: bool = False) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        said = " ".join(str(error).split())
        if isinstance(error, duckdb.IOException) and "lock" in said:
            raise Conflict(f"{address.name} is open in another process, and DuckDB allows one: {said}") from error
        if isinstance(error, duckdb.IOException | duckdb.ConnectionException | duckdb.FatalException):
            raise Unreachable(f"{address.name} cannot be opened: {said}") from error
        if reading:
            raise WrongUsage(f"{address.name} does not take the query: {said}") from error
        raise NotWritable(f"{address.name} could not be written: {said}") from error
