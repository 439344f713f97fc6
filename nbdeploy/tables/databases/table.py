"""A table of a database being filled span by span: rows and what is remembered of a span in one transaction."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from nbdeploy.cards import count
from nbdeploy.errors import Conflict, InvalidData
from nbdeploy.tables.databases.columns import Columns
from nbdeploy.tables.databases.kinds import plain
from nbdeploy.tables.databases.ledger import Finished, Ledger, Unfinished
from nbdeploy.tables.databases.protocol import Database, Writer
from nbdeploy.tables.databases.statements import table_name

__all__ = ["TableSink"]


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

    @property
    def anew(self) -> str:
        """How a job that was begun is begun anew, for messages."""
        return "start over without --resume" if self.key else f"empty {self.table}, and start over without --resume"

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
        self._loose = self._columns.check(rows, loose)

    def done_before(self, facts: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what :meth:`end` remembered of the same job, if it is done and its rows are there."""
        found = self._ledger.summary(_job(self.table, facts))
        is_there = found is not None and not (found.get("rows") and self._is_empty())
        return found if is_there and self._on.types(self.table) is not None else None

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
            self._ledger.make()
            found, notice = self._ledger.unfinished(), ""
            if found is not None:
                lost = found.rows > 0 and self._is_empty()
                if resume and not lost and (found.job, found.state) == (self._job, _json(state)):
                    self.finished = self._ledger.spans(self._job)
                    return found.chunk, ""
                notice = self._started_over(found, lost=lost, resume=resume)
                self._ledger.forget(found.job)
            if self._on.types(self.table) is None:
                self._columns.make(rows)
            self._ledger.begin(self._job, chunk, facts, _json(state))
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
            self._ledger.note(self._job, index, finished)
        self.finished[index] = finished

    def end(self, facts: Mapping[str, Any]) -> None:
        """Remember that the job is done, and what it did; forget its spans."""
        with self._on.transaction():
            self._ledger.end(self._job, facts)

    @property
    def _on(self) -> Writer:
        if self._writer is None:
            raise RuntimeError("the table is not open")
        return self._writer

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self._on, self.table)

    @property
    def _columns(self) -> Columns:
        return Columns(self._on, self.table, self.name, self.key)

    def _is_empty(self) -> bool:
        """Whether the table has no rows, or is gone."""
        first = f"SELECT 1 FROM {table_name(self.table)} LIMIT 1"  # noqa: S608 - quoted
        return self._on.types(self.table) is None or not self._on.execute(first)

    def _started_over(self, found: Unfinished, *, lost: bool, resume: bool) -> str:
        """Say that an unfinished job is begun anew; refuse it where its rows would be there twice."""
        same = found.job == self._job and not resume
        if found.rows and not self.key and not lost:
            how = "--resume goes on with it" if same else "its input, model, options or packages were others"
            raise Conflict(
                f"{count(found.rows, 'row')} of an unfinished job would be in {self.name} twice: {how}. To begin "  # noqa: S608 - a message
                f"anew, {self.anew}; if other rows are to stay, delete its own and forget it: "
                f"DELETE FROM {self._ledger.jobs} WHERE job = '{found.job}'",
                job=found.job,
                rows=found.rows,
            )
        if not found.rows:
            return ""
        why = "--resume would have gone on with it" if same else "its input, model, options or packages changed"
        why = "its rows are gone from the table" if lost else why
        return f"an unfinished job ({count(found.rows, 'row')} done) was started over: {why}"

    def _last_of_each(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Of rows with one key the last, as if they were written one by one."""
        for name in self.key:
            if rows.get_column(name).null_count():
                raise InvalidData(f"column {name!r} is a --key and has missing values, which are equal to no others")
        return rows.unique(self.key, keep="last", maintain_order=True)


def _job(table: str, facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{table} {_json(facts)}".encode()).hexdigest()[:32]


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, default=str)
