"""What a database remembers of the jobs that fill its tables: the tables ``nbdeploy_jobs`` and ``nbdeploy_spans``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from nbdeploy.tables.databases.protocol import Writer
from nbdeploy.tables.databases.statements import split, table_name

__all__ = ["Finished", "Ledger", "Unfinished"]

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


@dataclass(frozen=True)
class Unfinished:
    """A job that was begun and is not done.

    Attributes
    ----------
    job : str
        What it is known by.
    chunk : int
        Rows of a span.
    state : str
        What must not have changed if it is to go on.
    rows : int
        Rows that it wrote.
    """

    job: str
    chunk: int
    state: str
    rows: int


class Ledger:
    """What is remembered of the jobs on one table, beside it in its schema.

    Parameters
    ----------
    on : Writer
        A connection to the database.
    table : str
        The table that jobs fill.
    """

    def __init__(self, on: Writer, table: str) -> None:
        self._on, self._table = on, table
        schema, _ = split(table)
        self._names = {name: f"{schema}.{name}" if schema else name for name in (_JOBS, _SPANS)}
        self.jobs, self._spans = (table_name(name) for name in self._names.values())

    def make(self) -> None:
        """Make the tables if they are new, in a transaction; jobs that meet here wait for each other."""
        if self._is_made(_SPANS):
            return
        self._on.queue("nbdeploy: tables of jobs")
        self._on.execute(
            f"CREATE TABLE IF NOT EXISTS {self.jobs} (job TEXT PRIMARY KEY, "
            "target TEXT NOT NULL, begun BIGINT NOT NULL, chunk BIGINT NOT NULL, facts TEXT NOT NULL, "
            "state TEXT NOT NULL, summary TEXT)"
        )
        self._on.execute(
            f"CREATE TABLE IF NOT EXISTS {self._spans} (job TEXT, span BIGINT, first BIGINT NOT "
            "NULL, written BIGINT NOT NULL, rejected BIGINT NOT NULL, seal TEXT NOT NULL, "
            f"rejects {self._on.blob} NOT NULL, PRIMARY KEY (job, span))"
        )

    def summary(self, job: str) -> dict[str, Any] | None:
        """Return what was remembered of a job when it was done."""
        if not self._is_made(_JOBS):
            return None
        found = self._on.execute(f"SELECT summary FROM {self.jobs} WHERE job = ?", [job])  # noqa: S608 - quoted
        return msgspec.json.decode(found[0][0], type=dict[str, Any]) if found and found[0][0] else None

    def unfinished(self) -> Unfinished | None:
        """Return the job on this table that is not done."""
        jobs = f"SELECT job, chunk, state FROM {self.jobs} WHERE target = ? AND summary IS NULL"  # noqa: S608 - quoted
        rows = self._on.execute(jobs, [self._table])
        if not rows:
            return None
        job, chunk, state = rows[0]
        written = f"SELECT CAST(coalesce(sum(written), 0) AS BIGINT) FROM {self._spans} WHERE job = ?"  # noqa: S608
        return Unfinished(job, int(chunk), state, int(self._on.execute(written, [job])[0][0]))

    def begin(self, job: str, chunk: int, facts: Mapping[str, Any], state: str) -> None:
        """Remember that a job was begun; forget it if it was there."""
        self.forget(job)
        self._on.execute(
            f"INSERT INTO {self.jobs} (job, target, begun, chunk, facts, state) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            [job, self._table, int(time.time()), chunk, json.dumps(facts, sort_keys=True, default=str), state],
        )

    def note(self, job: str, index: int, finished: Finished) -> None:
        """Remember a span."""
        values = [finished.first, finished.rows, finished.rejected, finished.seal or "", finished.rejects]
        self._on.execute(
            f"INSERT INTO {self._spans} (job, span, first, written, rejected, seal, rejects) "  # noqa: S608 - quoted
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [job, index, *values],
        )

    def spans(self, job: str) -> dict[int, Finished]:
        """Return the spans of a job, by number."""
        columns = "span, first, written, rejected, seal, rejects"
        rows = self._on.execute(f"SELECT {columns} FROM {self._spans} WHERE job = ? ORDER BY span", [job])  # noqa: S608
        return {
            int(span): Finished(int(first), int(written), int(rejected), seal or None, bytes(rejects))
            for span, first, written, rejected, seal, rejects in rows
        }

    def end(self, job: str, summary: Mapping[str, Any]) -> None:
        """Remember that a job is done, and what it did; forget its spans."""
        told = msgspec.json.encode(summary).decode()
        self._on.execute(f"UPDATE {self.jobs} SET summary = ? WHERE job = ?", [told, job])  # noqa: S608 - quoted
        self._drop_spans(job)

    def forget(self, job: str) -> None:
        """Forget a job."""
        self._drop_spans(job)
        self._on.execute(f"DELETE FROM {self.jobs} WHERE job = ?", [job])  # noqa: S608 - quoted

    def _drop_spans(self, job: str) -> None:
        self._on.execute(f"DELETE FROM {self._spans} WHERE job = ?", [job])  # noqa: S608 - quoted

    def _is_made(self, name: str) -> bool:
        return self._on.types(self._names[name]) is not None
