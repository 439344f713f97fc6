"""A table of a database being filled span by span: rows and what is remembered of a span in one transaction."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import polars as pl

from nbdeploy.errors import Conflict, InvalidData
from nbdeploy.tables.databases.kinds import fits, plain
from nbdeploy.tables.databases.protocol import Database, Writer, quoted
from nbdeploy.tables.databases.statements import split, table_name

__all__ = ["Finished", "TableSink"]

_JOBS, _SPANS = "nbdeploy_jobs", "nbdeploy_spans"


@dataclass(frozen=True)
class Finished:
    """What is remembered of a span whose rows are in the table.

    Attributes
    ----------
    first, rows, rejected : int
        The number of its first row; how many rows were written, and how many were set aside.
    seal : str or None
        See :class:`nbdeploy.tables.Span`.
    rejects : bytes
        What was set aside, as the job packs it.
    """

    first: int
    rows: int
    rejected: int
    seal: str | None = None
    rejects: bytes = b""


@dataclass
class TableSink:
    """A table of a database, and beside it the tables ``nbdeploy_jobs`` and ``nbdeploy_spans``.

    A context manager: a connection that other jobs' connections are kept off from.

    Attributes
    ----------
    database : Database
        Where the table is.
    table : str
        Its name, also ``schema.name``.
    key : tuple of str
        Columns by which rows that are there already are replaced.
    finished : dict
        The spans whose rows are in the table, by number.
    """

    database: Database
    table: str
    key: tuple[str, ...] = ()
    finished: dict[int, Finished] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._job = ""
        self._loose: frozenset[str] = frozenset()
        self._open = contextlib.ExitStack()
        self._writer: Writer | None = None

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"{self.table} in {self.database.address.name}"

    @property
    def rows(self) -> int:
        """How many rows of the job are in the table."""
        return sum(one.rows for one in self.finished.values())

    def __enter__(self) -> TableSink:
        self._writer = self._open.enter_context(self.database.writer())
        try:
            self._writer.lock(self.table)
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def check(self, rows: pl.DataFrame, loose: Collection[str] = ()) -> None:
        """Refuse a table that cannot take rows.

        Parameters
        ----------
        rows : polars.DataFrame, no rows
            The columns and types that will be written.
        loose : collection of str
            Columns of text as it was read from a file, which the database may read as another type.

        Raises
        ------
        InvalidData
            Naming the column that does not fit, or the key that is not unique.
        """
        new = plain(rows).schema
        self._loose = frozenset()
        for name in self.key:
            if name not in new:
                raise InvalidData(
                    f"--key {name} is no column that is written; there are: {', '.join(new)}; --keep {name} keeps one "
                    "of the input",
                    column=name,
                )
        there = self._on.types(self.table)
        if there is None:
            for name, kind in new.items():
                self._named(name, kind)
            return
        for name, kind in new.items():
            self._check_column(name, kind, there, name in loose)
        self._loose = frozenset(name for name in loose if name in new and not isinstance(there[name], pl.String))
        missing = sorted(self._on.required(self.table) - set(new))
        if missing:
            raise InvalidData(
                f"{self.name} has a column {missing[0]!r} that must have a value, and none is written; keep one with "
                f"--keep {missing[0]}, or give the column a default",
                column=missing[0],
            )
        if self.key and set(self.key) not in self._on.unique(self.table):
            raise InvalidData(
                f"{self.name} may have several rows with the same {', '.join(self.key)}, so that --key does not say "
                f"which to replace: CREATE UNIQUE INDEX ON {table_name(self.table)} ({quoted(*self.key)}), or name "
                "another key",
                key=list(self.key),
            )

    def done_before(self, facts: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what :meth:`end` remembered of the same job, if it is done and its table is there."""
        if self._on.types(self._beside(_JOBS)) is None or self._on.types(self.table) is None:
            return None
        found = self._on.execute(
            f"SELECT summary FROM {table_name(self._beside(_JOBS))} WHERE job = ?",  # noqa: S608 - quoted
            [_job(self.table, facts)],
        )
        return msgspec.json.decode(found[0][0], type=dict[str, Any]) if found and found[0][0] else None

    def begin(
        self,
        rows: pl.DataFrame,
        facts: Mapping[str, Any],
        chunk: int,
        state: Mapping[str, Any],
        *,
        resume: bool = False,
    ) -> tuple[int, str]:
        """Begin a job or go on with it; a table that is new is made.

        Parameters
        ----------
        rows : polars.DataFrame, no rows
            See :meth:`check`, which was called.
        facts : mapping
            What the job is known by.
        chunk : int
            Rows of a span.
        state : mapping
            What must not have changed if it is to go on: its input, versions of packages.
        resume : bool
            Whether to go on with the same job, if it was not finished.

        Returns
        -------
        chunk : int
            Rows of a span of the job that goes on.
        notice : str
            What the user should know, or nothing.

        Raises
        ------
        Conflict
            If rows of an unfinished job are in the table, which would be there twice.
        """
        self._job, self.finished = _job(self.table, facts), {}
        with self._on.transaction():
            self._make_journal()
            found = self._unfinished()
            if found is not None and resume and (found[0], found[3]) == (self._job, _json(state)):
                self.finished = self._spans()
                return found[1], ""
            notice = self._forget(found[0], found[2], resume=resume) if found is not None else ""
            if self._on.types(self.table) is None:
                self._make_table(rows)
            jobs = table_name(self._beside(_JOBS))
            self._drop_spans(self._job)
            self._on.execute(f"DELETE FROM {jobs} WHERE job = ?", [self._job])  # noqa: S608 - quoted
            self._on.execute(
                f"INSERT INTO {jobs} (job, target, begun, chunk, facts, state) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - quoted
                [self._job, self.table, int(time.time()), chunk, _json(facts), _json(state)],
            )
            return chunk, notice

    def write(self, index: int, rows: pl.DataFrame, finished: Finished) -> None:
        """Write the rows of a span, and remember it, in one transaction.

        Raises
        ------
        NotWritable
            If the database refuses them; nothing of the span is there then.
        Unreachable
            If the database is gone; so it is then, or all of the span.
        """
        rows = plain(rows)
        if self.key:
            rows = self._last_of_each(rows)
        with self._on.transaction():
            if rows.height:
                self._on.insert(self.table, rows, self.key, self._loose)
            self._on.execute(
                f"INSERT INTO {table_name(self._beside(_SPANS))} (job, span, first, written, rejected, seal, rejects) "  # noqa: S608
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    self._job,
                    index,
                    finished.first,
                    finished.rows,
                    finished.rejected,
                    finished.seal or "",
                    finished.rejects,
                ],
            )
        self.finished[index] = finished

    def end(self, facts: Mapping[str, Any]) -> None:
        """Remember that the job is done, and what it did; forget its spans."""
        summary = msgspec.json.encode(facts).decode()
        with self._on.transaction():
            self._on.execute(
                f"UPDATE {table_name(self._beside(_JOBS))} SET summary = ? WHERE job = ?",  # noqa: S608 - quoted
                [summary, self._job],
            )
            self._drop_spans(self._job)

    @property
    def _on(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("the table is not open")
        return self._writer

    def _check_column(self, name: str, kind: pl.DataType, there: pl.Schema, loose: bool) -> None:
        if name not in there:
            raise InvalidData(
                f"{self.name} has no column {name!r}; there are: {', '.join(there)}; leave it out with --keep, rename "
                "it with --rename, or choose another table",
                column=name,
            )
        same = self._on.named(kind) == (self._on.named(there[name]) or "")  # a database may keep a type as another one
        if not (loose or same or fits(kind, there[name])):
            raise InvalidData(
                f"column {name!r} of {self.name} is {there[name]}, and {kind} is to be written; change its type, or "
                "choose another table",
                column=name,
            )

    def _named(self, name: str, kind: pl.DataType) -> str:
        found = self._on.named(kind)
        if found is None:
            raise InvalidData(
                f"column {name!r} holds {kind}, for which {self.database.address.name} has no type; leave it out with "
                "--keep",
                column=name,
            )
        return found

    def _make_table(self, rows: pl.DataFrame) -> None:
        columns = [f"{quoted(name)} {self._named(name, kind)}" for name, kind in plain(rows).schema.items()]
        if self.key:
            columns.append(f"PRIMARY KEY ({quoted(*self.key)})")
        self._on.execute(f"CREATE TABLE {table_name(self.table)} ({', '.join(columns)})")

    def _make_journal(self) -> None:
        if self._on.types(self._beside(_SPANS)) is not None:
            return
        self._on.execute(
            f"CREATE TABLE IF NOT EXISTS {table_name(self._beside(_JOBS))} (job TEXT PRIMARY KEY, "
            "target TEXT NOT NULL, begun BIGINT NOT NULL, chunk BIGINT NOT NULL, facts TEXT NOT NULL, "
            "state TEXT NOT NULL, summary TEXT)"
        )
        self._on.execute(
            f"CREATE TABLE IF NOT EXISTS {table_name(self._beside(_SPANS))} (job TEXT, span BIGINT, first BIGINT NOT "
            "NULL, written BIGINT NOT NULL, rejected BIGINT NOT NULL, seal TEXT NOT NULL, "
            f"rejects {self._on.blob} NOT NULL, PRIMARY KEY (job, span))"
        )

    def _unfinished(self) -> tuple[str, int, int, str] | None:
        """The job that is unfinished on this table: its name, its rows of a span, its rows written, its state."""
        rows = self._on.execute(
            f"SELECT job, chunk, state FROM {table_name(self._beside(_JOBS))} WHERE target = ? AND summary IS NULL",  # noqa: S608
            [self.table],
        )
        if not rows:
            return None
        job, chunk, state = rows[0]
        count = self._on.execute(
            f"SELECT CAST(coalesce(sum(written), 0) AS BIGINT) FROM {table_name(self._beside(_SPANS))} WHERE job = ?",  # noqa: S608
            [job],
        )
        return job, int(chunk), int(count[0][0]), state

    def _forget(self, job: str, count: int, *, resume: bool) -> str:
        """Forget an unfinished job whose rows do no harm, as there are none, or as they will be replaced."""
        same = job == self._job and not resume
        if count and not self.key:
            how = "--resume goes on with it" if same else "its input, model, options or packages were others"
            jobs = table_name(self._beside(_JOBS))
            raise Conflict(
                f"{count:,} rows of an unfinished job are in {self.name}, and would be there twice: {how}. To begin "  # noqa: S608 - a message
                f"anew, take them out, and forget the job: DELETE FROM {jobs} WHERE job = '{job}'",
                job=job,
                rows=count,
            )
        self._drop_spans(job)
        self._on.execute(f"DELETE FROM {table_name(self._beside(_JOBS))} WHERE job = ?", [job])  # noqa: S608 - quoted
        if not count:
            return ""
        why = "--resume would have gone on with it" if same else "its input, model, options or packages changed"
        return f"an unfinished job ({count:,} rows done) was started over: {why}"

    def _drop_spans(self, job: str) -> None:
        self._on.execute(f"DELETE FROM {table_name(self._beside(_SPANS))} WHERE job = ?", [job])  # noqa: S608 - quoted

    def _spans(self) -> dict[int, Finished]:
        rows = self._on.execute(
            f"SELECT span, first, written, rejected, seal, rejects FROM {table_name(self._beside(_SPANS))} "  # noqa: S608
            "WHERE job = ? ORDER BY span",
            [self._job],
        )
        return {
            int(span): Finished(int(first), int(written), int(rejected), seal or None, bytes(rejects))
            for span, first, written, rejected, seal, rejects in rows
        }

    def _last_of_each(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Of rows with one key the last, as if they were written one by one."""
        for name in self.key:
            if rows.get_column(name).null_count():
                raise InvalidData(f"column {name!r} is a --key and has missing values, which are equal to no others")
        return rows.unique(self.key, keep="last", maintain_order=True)

    def _beside(self, name: str) -> str:
        """A table in the schema of this one."""
        schema, _ = split(self.table)
        return f"{schema}.{name}" if schema else name


def _job(table: str, facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{table} {_json(facts)}".encode()).hexdigest()[:32]


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, default=str)
