"""PostgreSQL through ADBC: both ways by COPY, in Arrow."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import polars as pl

from nbdeploy.errors import AccessDenied, Conflict, MissingExtra, NotWritable, Unreachable, WrongUsage
from nbdeploy.tables.databases.addresses import Address
from nbdeploy.tables.databases.protocol import Answer, Batch
from nbdeploy.tables.databases.statements import inserting, table_name

__all__ = ["PostgresqlDatabase"]

_BATCH_BYTES = 4 * 2**20
_STAGE = "nbdeploy_rows"
_DIGITS = 38  # of the widest decimal number that Arrow's 128 bits hold
_KINDS: Sequence[tuple[type[pl.DataType] | tuple[type[pl.DataType], ...], str]] = (
    ((pl.Int8, pl.Int16), "smallint"),
    (pl.Int32, "integer"),
    (pl.Int64, "bigint"),
    (pl.Float32, "real"),
    (pl.Float64, "double precision"),
    (pl.Boolean, "boolean"),
    (pl.String, "text"),
    (pl.Date, "date"),
    (pl.Time, "time"),
    (pl.Duration, "interval"),
    (pl.Binary, "bytea"),
)


class PostgresqlDatabase:
    """See :class:`nbdeploy.tables.databases.Database`."""

    def __init__(self, address: Address) -> None:
        self.address = address
        try:
            import adbc_driver_postgresql.dbapi  # noqa: F401
        except ImportError as error:
            raise MissingExtra(f"a database at {address.name}", "postgresql") from error

    @contextlib.contextmanager
    def answer(self, sql: str) -> Iterator[Answer]:
        """Run one statement in a transaction that can only read; its rows come by one COPY, batch by batch."""
        with _connected(self.address) as connection, connection.cursor() as cursor:
            with _told(self.address, reading=True):
                cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
                connection.commit()
                fields = list(cursor.adbc_execute_schema(sql))  # the server prepares one statement only
            if not fields:
                raise WrongUsage("--sql takes one statement that reads: SELECT …")
            types = [_kind(field) for field in fields]
            yield Answer([field.name for field in fields], types, self._batches(cursor, sql, types))

    def _batches(self, cursor: Any, sql: str, types: list[pl.DataType]) -> Iterator[Batch]:
        with _told(self.address, reading=True):
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(_BATCH_BYTES)})
            cursor.execute(sql)
            reader = cursor.fetch_record_batch()
        fields = list(reader.schema)
        while True:
            with _told(self.address, reading=True):
                batch = next(reader, None)
            if batch is None:
                return
            columns = zip(fields, types, batch.columns, strict=True)
            yield Batch(pl.DataFrame([_series(field, kind, column) for field, kind, column in columns]))

    @contextlib.contextmanager
    def writer(self) -> Iterator[PostgresqlWriter]:
        """Connect for writing."""
        with _connected(self.address) as connection:
            yield PostgresqlWriter(self.address, connection)


class PostgresqlWriter:
    """See :class:`nbdeploy.tables.databases.Writer`."""

    blob = "bytea"

    def __init__(self, address: Address, connection: Any) -> None:
        self._address, self._connection = address, connection

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction."""
        try:
            yield
            with _told(self._address):
                self._connection.commit()
        except BaseException:
            with contextlib.suppress(Exception):
                self._connection.rollback()
            raise

    def lock(self, table: str) -> None:
        """Take a lock of the session, which the server frees when the connection ends."""
        with self.transaction():
            (is_ours,) = self.execute(f"SELECT pg_try_advisory_lock({_number(f'nbdeploy {table}')})")[0]
        if not is_ours:
            raise Conflict(f"another job is writing {table} in {self._address.name} just now; wait until it has ended")

    def queue(self, purpose: str) -> None:
        """Take a lock of the transaction."""
        self.execute(f"SELECT pg_advisory_xact_lock({_number(purpose)})::text")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run a statement."""
        numbers = itertools.count(1)
        numbered = re.sub(r"\?", lambda _: f"${next(numbers)}", sql) if values else sql
        with _told(self._address), self._connection.cursor() as cursor:
            cursor.execute(numbered, tuple(values) or None)
            return list(cursor.fetchall()) if cursor.description else []

    def types(self, table: str) -> pl.Schema | None:
        """Return the types as a query tells them."""
        if self._id(table) is None:
            return None
        with _told(self._address), self._connection.cursor() as cursor:
            schema = cursor.adbc_execute_schema(f"SELECT * FROM {table_name(table)}")  # noqa: S608 - quoted
        return pl.Schema({field.name: _kind(field) for field in schema})

    def required(self, table: str) -> set[str]:
        """Return columns that must not be null, have no default and are not numbered by the server."""
        rows = self.execute(
            "SELECT attname::text FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attnotnull "  # noqa: S608
            f"AND NOT atthasdef AND attidentity = '' AND attrelid = {self._id(table)}"
        )
        return {row[0] for row in rows}

    def unique(self, table: str) -> list[set[str]]:
        """Return the columns of unique indexes of whole tables."""
        rows = self.execute(
            "SELECT i.indexrelid::bigint, a.attname::text FROM pg_index i JOIN pg_attribute a "  # noqa: S608
            "ON a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1]) "
            "WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL "
            f"AND i.indrelid = {self._id(table)}"
        )
        return [{name for one, name in rows if one == index} for index in dict.fromkeys(row[0] for row in rows)]

    def named(self, kind: pl.DataType) -> str | None:
        """Return the type of a new column."""
        if isinstance(kind, pl.Decimal):
            return f"numeric({kind.precision or _DIGITS}, {kind.scale})"
        if isinstance(kind, pl.Datetime):
            return "timestamptz" if kind.time_zone else "timestamp"
        return next((name for one, name in _KINDS if isinstance(kind, one)), None)

    def insert(self, table: str, frame: pl.DataFrame, key: Sequence[str], loose: Collection[str]) -> None:
        """Copy rows into a table of this session, and from there, where the server converts and replaces them."""
        types = {}
        if loose:
            rows = self.execute(
                "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute "  # noqa: S608
                f"WHERE attnum > 0 AND NOT attisdropped AND attrelid = {self._id(table)}"
            )
            types = dict(rows)
        with _told(self._address), self._connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_STAGE}")
            cursor.adbc_ingest(_STAGE, frame.to_arrow(), mode="create", temporary=True)
            cursor.execute(inserting(table, frame.columns, f"pg_temp.{_STAGE}", key, loose, types))

    def _id(self, table: str) -> int | None:
        name = table_name(table).replace("'", "''")
        found: int | None = self.execute(f"SELECT to_regclass('{name}')::oid::bigint")[0][0]
        return found


def _number(text: str) -> int:
    """The number that a lock has on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)


def _kind(field: Any) -> pl.DataType:
    """The type of a column: exact numbers of known size as such, others as floats; what Arrow lacks as text."""
    import pyarrow as pa

    metadata = field.metadata or {}
    if metadata.get(b"POSTGRESQL:type") == b"numeric":
        size = int(metadata.get(b"POSTGRESQL:typmod", b"-1")) - 4
        precision, scale = size >> 16 & 0xFFFF, size & 0x7FF
        return pl.Decimal(precision, scale) if size >= 0 and scale <= precision <= _DIGITS else pl.Float64()
    stored = getattr(field.type, "storage_type", field.type)
    if metadata.get(b"POSTGRESQL:type") == b"uuid":
        return pl.String()
    return pl.DataFrame(pa.table({"x": pa.array([], stored)})).dtypes[0]


def _series(field: Any, kind: pl.DataType, column: Any) -> pl.Series:
    import pyarrow as pa

    if (field.metadata or {}).get(b"POSTGRESQL:type") == b"uuid":
        return pl.Series(field.name, [None if v is None else str(v) for v in column.to_pylist()], dtype=pl.String)
    stored = column.storage if isinstance(column, pa.ExtensionArray) else column
    series = pl.Series(field.name, stored)
    return series if series.dtype == kind else series.cast(kind)


@contextlib.contextmanager
def _connected(address: Address) -> Iterator[Any]:
    from adbc_driver_postgresql import dbapi

    with _told(address, reading=True, connecting=True):
        connection = dbapi.connect(address.url)
    try:
        yield connection
    finally:
        with contextlib.suppress(Exception):  # a server that is gone cannot be told
            connection.close()


@contextlib.contextmanager
def _told(address: Address, *, reading: bool = False, connecting: bool = False) -> Iterator[None]:
    """Turn the driver's errors into ours, without the password that they may repeat."""
    import pyarrow as pa
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, OSError, pa.ArrowException) as error:
        raise _ours(address, error, reading, connecting) from None


def _ours(address: Address, error: Exception, reading: bool, connecting: bool) -> Exception:
    state = getattr(error, "sqlstate", None) or ""
    details = dict(getattr(error, "details", None) or [])
    said = details.get(b"PG_DIAG_MESSAGE_PRIMARY", b"").decode() or _first(str(error))
    said = address.hushed(said)
    if connecting:
        return Unreachable(f"{address.name} does not let us in: {said}", url=address.name)
    if not state or state.startswith(("08", "57P", "58", "53")):
        return Unreachable(f"the connection to {address.name} was lost: {said}", url=address.name)
    if state == "42501":
        return AccessDenied(f"{address.name}: {said}", url=address.name)
    if reading:
        return WrongUsage(f"{address.name} does not take the query: {said}", url=address.name)
    return NotWritable(f"{address.name} could not be written: {said}", url=address.name)


def _first(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "no reason was given")
    return re.sub(r"^[A-Z_]+: (\[libpq\] )?|^\[libpq\] |Execution error \[\w+\]: ", "", line).strip()
