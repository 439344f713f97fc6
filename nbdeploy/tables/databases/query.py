"""The rows of a query as a source: read in batches, known by a digest of each span."""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import re
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import IO, Any, NamedTuple

import polars as pl

from nbdeploy.errors import WrongUsage
from nbdeploy.tables.blocks import rows_at_once
from nbdeploy.tables.databases.protocol import Batch, Database, Unfit
from nbdeploy.tables.names import checked_names
from nbdeploy.tables.protocol import BadLine, Identity, Rows, Span

__all__ = ["Query"]

_SHOWN = 60


class _Piece(NamedTuple):
    """The rows of a span, and the places of those that are no rows of it."""

    frame: pl.DataFrame
    unfit: list[Unfit]

    @property
    def height(self) -> int:
        return self.frame.height + len(self.unfit)


class Query:
    """See :class:`nbdeploy.tables.Source`. Spans bring their rows along, so that a copy needs no database.

    A database promises no order of rows that the query does not ask for, and may have changed when a query is run
    again. Each span therefore has a seal, the digest of its rows: a job that goes on compares the seals of finished
    spans with those it remembers, and so writes each row exactly once or refuses.

    Parameters
    ----------
    database : Database
        Where it runs.
    sql : str
        One statement that reads.
    ahead : bool
        Whether all rows are read at once into a hidden file, so that the database is free when they are predicted.
    """

    text = False
    separator: bytes | None = None

    def __init__(self, database: Database, sql: str, *, ahead: bool = False) -> None:
        if not sql.strip():
            raise WrongUsage('--sql is empty: give a query, such as --sql "SELECT * FROM customers ORDER BY id"')
        self._database, self._sql, self._ahead = database, _ended(sql), ahead
        self._sha256: str | None = None
        self.name = f"{database.address.name}: {_shortened(sql)}"

    def __repr__(self) -> str:
        return f"Query({self.name!r})"

    def __reduce__(self) -> Any:
        return _Carried, (self.name, self.empty())

    def columns(self) -> list[str]:
        """Names of the answer's columns."""
        return self.empty().columns

    def empty(self) -> pl.DataFrame:
        """Return the types that the database says."""
        return self._empty.clone()

    def rows(self) -> int | None:
        """Return None: counting would run the query twice."""
        return None

    def spans(self, size: int) -> Iterator[Span]:
        """Run the query, and cut its rows as they come."""
        whole, unfit = hashlib.sha256(repr(self._empty.schema).encode()), hashlib.sha256()
        size = min(size, rows_at_once(self._empty.width))
        first = 0
        for index, piece in enumerate(_cut(self._batches(), self._empty, size)):
            rows, others = _hashed(piece, first)
            whole.update(rows)
            unfit.update(others)
            yield Span(index, first, piece.height, piece, seal=hashlib.sha256(rows + others).hexdigest())
            first += piece.height
        whole.update(unfit.digest())
        self._sha256 = whole.hexdigest()

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        """Return the rows that a span brings along."""
        return _read(span, columns)

    def identity(self) -> Identity:
        """Return nothing: only the rows tell whether they are what they were."""
        return Identity()

    def sha256(self) -> str | None:
        """Return the digest of the rows in the order in which they came; they are read for it if they were not."""
        if self._sha256 is None:
            for _ in self.spans(rows_at_once(self._empty.width)):
                pass
        return self._sha256

    @cached_property
    def _empty(self) -> pl.DataFrame:
        with self._database.answer(self._sql) as answer:
            names = checked_names(answer.names, self.name)
            return pl.DataFrame(schema=dict(zip(names, answer.types, strict=True)))

    def _batches(self) -> Iterator[Batch]:
        if self._ahead:
            yield from self._read_ahead
            return
        with self._database.answer(self._sql) as answer:
            yield from answer.batches

    @cached_property
    def _read_ahead(self) -> _Kept:
        kept = _Kept()
        with self._database.answer(self._sql) as answer:
            for batch in answer.batches:
                kept.add(batch)
        return kept

    def settle(self) -> None:
        """Read all rows now, if they are to be read at once."""
        if self._ahead:
            _ = self._empty, self._read_ahead


class _Kept:
    """Batches in a file without a name, which goes with the process."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="nbdeploy-")  # noqa: SIM115 - goes with this object

    def __del__(self) -> None:
        self._file.close()

    def add(self, batch: Batch) -> None:
        pickle.dump(batch, self._file)

    def __iter__(self) -> Iterator[Batch]:
        self._file.seek(0)
        with contextlib.suppress(EOFError):
            while True:
                batch: Batch = pickle.load(self._file)  # noqa: S301 - this process wrote it
                yield batch


class _Carried:
    """A copy of a query in another process: it reads spans, which bring their rows, and knows no address."""

    text = False
    separator: bytes | None = None

    def __init__(self, name: str, empty: pl.DataFrame) -> None:
        self.name, self._empty = name, empty

    def __reduce__(self) -> Any:
        return _Carried, (self.name, self._empty)

    def columns(self) -> list[str]:
        return self._empty.columns

    def empty(self) -> pl.DataFrame:
        return self._empty.clone()

    def read(self, span: Span, columns: Sequence[str] | None = None, *_: Any, **__: Any) -> Rows:
        return _read(span, columns)


def _read(span: Span, columns: Sequence[str] | None) -> Rows:
    piece: _Piece = span.place
    frame = piece.frame if columns is None else piece.frame.select(columns)
    bad = tuple(BadLine(span.first + one.row, one.column, one.reason, one.text) for one in piece.unfit)
    out = {one.row for one in piece.unfit}
    return Rows(frame, lambda: [span.first + row for row in range(piece.height) if row not in out], bad=bad)


def _cut(batches: Iterator[Batch], empty: pl.DataFrame, size: int) -> Iterator[_Piece]:
    """Cut rows into pieces of one size, the last one shorter."""
    held = _Piece(empty, [])
    for batch in batches:
        moved = [Unfit(one.row + held.height, one.column, one.reason, one.text) for one in batch.unfit]
        held = _Piece(pl.concat([held.frame, batch.frame]), [*held.unfit, *moved])
        while held.height >= size:
            piece, held = _parted(held, size)
            yield piece
    if held.height:
        yield held


def _parted(piece: _Piece, size: int) -> tuple[_Piece, _Piece]:
    before = [one for one in piece.unfit if one.row < size]
    after = [Unfit(one.row - size, one.column, one.reason, one.text) for one in piece.unfit if one.row >= size]
    at = size - len(before)
    return _Piece(piece.frame[:at], before), _Piece(piece.frame[at:], after)


def _hashed(piece: _Piece, first: int) -> tuple[bytes, bytes]:
    """Digests of the rows, and what is no row: the same however they came, with this version of Polars."""
    others = "".join(f"{first + one.row} {one.column!r} {one.text!r} " for one in piece.unfit).encode()
    if not piece.frame.height:
        return b"", others
    rows = piece.frame.rechunk().hash_rows(seed=0)
    return rows.to_numpy().tobytes(), others


def _ended(sql: str) -> str:
    """A statement without the semicolon and the comments at its end, as it can stand within another one."""
    before = ""
    while before != sql:
        # Without quotes, what looks like a comment at the end cannot be within text.
        before, sql = sql, re.sub(r"--[^\n'\"$]*$", "", sql.rstrip().rstrip(";"))
    return sql


def _shortened(sql: str) -> str:
    """A query as a name: its beginning, and a digest of it where that is not all."""
    line = " ".join(sql.split())
    if len(line) <= _SHOWN:
        return line
    return f"{line[:_SHOWN]}… ({hashlib.sha256(line.encode()).hexdigest()[:8]})"
