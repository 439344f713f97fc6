"""Finished spans put in order and written: those predicted just now, and those that the journal remembers."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.offline.journal import Entry, Journal, pack, unpack
from nbdeploy.offline.rejects import Limit, written
from nbdeploy.offline.tally import Tally
from nbdeploy.offline.work import Done, Plan
from nbdeploy.tables import Source, Span

__all__ = ["Assembly", "Writes", "check_seal"]


class Writes(Protocol):
    """Where rows go."""

    @property
    def separator(self) -> bytes | None:
        """See :class:`nbdeploy.tables.Output`, which has a method ``write_beside(lines, frame)`` too."""

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""


class Assembly:
    """Writes spans in order, in a thread of its own.

    Parameters
    ----------
    source : Source or None
        Where kept columns of remembered spans are read again.
    plan : Plan
        What is done with spans.
    out : Writes
        The output.
    rejects : Writes, optional
        Where rows that were set aside go.
    limit : Limit, optional
        How many may be.
    journal : Journal, optional
        What remembers finished spans.
    released : callable
        Called whenever a span was written.
    """

    def __init__(
        self,
        source: Source | None,
        plan: Plan,
        out: Writes,
        rejects: Writes | None = None,
        limit: Limit | None = None,
        journal: Journal | None = None,
        released: Callable[[], None] = lambda: None,
    ) -> None:
        self.tally = Tally()
        self.error: BaseException | None = None
        self._source = copy.copy(source) if journal is not None else None  # a copy has file handles of its own
        self._plan, self._out, self._rejects, self._limit = plan, out, rejects, limit
        self._journal = journal
        self._released = released
        self._queue: queue.SimpleQueue[Done | Span | None] = queue.SimpleQueue()
        self._waiting: dict[int, Done | Span] = {}
        self._next = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self, done: Done) -> None:
        """Write a span that was predicted, when it is its turn."""
        self._queue.put(done)

    def recall(self, span: Span) -> None:
        """Write a span that the journal remembers, when it is its turn."""
        self._queue.put(span)

    def end(self) -> None:
        """Say that nothing more will come."""
        self._queue.put(None)

    def stop(self) -> None:
        """Write what has come, and stop."""
        self.end()
        self._thread.join()

    def join(self, seconds: float) -> bool:
        """Wait until all is written, or until some seconds have passed; return whether it is.

        Raises
        ------
        NbdeployError
            What went wrong in writing.
        """
        self._thread.join(seconds)
        if self.error is not None:
            raise self.error
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                self._accept(item)
            if self._limit is not None:
                self._check_limit(self._limit, self.tally.rows + self.tally.rejected)
        except BaseException as error:
            self.error = error
            self._released()

    def _accept(self, item: Done | Span) -> None:
        """Remember what was finished at once, and write what can be written."""
        if isinstance(item, Done) and self._journal is not None:
            rejects = b"" if item.rejects is None else pack(item.rejects)
            span = item.span
            answers = pack(item.answers)
            self._journal.append(Entry(span.index, span.first, item.rows, item.dropped, answers, rejects, span.seal))
        self._waiting[item.index if isinstance(item, Span) else item.span.index] = item
        while (ready := self._waiting.pop(self._next, None)) is not None:
            if isinstance(ready, Span):
                self._repeat(ready)
            else:
                self._write(ready)
            self._next += 1
            self._released()

    def _repeat(self, span: Span) -> None:
        """Write a span that is remembered."""
        self._write(self._recalled(span))

    def _recalled(self, span: Span) -> Done:
        assert self._journal is not None and self._source is not None  # noqa: S101, PT018 - or nothing is recalled
        entry = self._journal.entry(span.index)
        check_seal(self._source.name, span, entry.first, entry.seal)
        kept, lines = self._kept(span, entry.rows, entry.dropped)
        rejects = unpack(entry.rejects) if entry.rejects else None
        return Done(span, entry.rows, entry.dropped, kept, unpack(entry.answers), rejects, lines)

    def _kept(self, span: Span, height: int, dropped: list[int]) -> tuple[pl.DataFrame, pl.Series | None]:
        """Read what is kept of a span that was predicted before, or elsewhere."""
        if not self._plan.kept:
            return pl.DataFrame(), None
        assert self._source is not None  # noqa: S101 - or nothing is predicted there
        rows = self._plan.read_kept(self._source, span)
        if rows.frame.height != height:
            raise InvalidData(f"{self._source.name} is no longer what it was; start over without --resume")
        return self._plan.kept_of(rows, dropped)

    def _write(self, done: Done) -> None:
        if done.kept is None:
            kept, lines = self._kept(done.span, done.rows, done.dropped)
            done = replace(done, kept=kept, lines=lines)
        if done.lines is None:
            self._put(done)
            self.tally.shows(done.together)
        else:
            self._out.write_beside(done.lines, done.answers)  # type: ignore[attr-defined]
        self.tally.wrote(done.span.index, done.answers, done.span.share)
        if done.rejects is not None:
            self._set_aside(done.rejects)

    def _put(self, done: Done) -> None:
        """Write the rows of a span."""
        self._out.write(done.together)

    def _set_aside(self, rejects: pl.DataFrame) -> None:
        if self._rejects is not None:
            self._rejects.write(written(rejects))
        self.tally.set_aside(rejects)
        if self._limit is not None:
            self._check_limit(self._limit, None)

    def _check_limit(self, limit: Limit, total: int | None) -> None:
        rejected = self.tally.rejected
        if not limit.exceeded(rejected, total):
            return
        of = f" of {total:,}" if total else ""
        raise InvalidData(
            f"stopped: {rejected:,}{of} rows fail, and --max-rejects allows {limit.text}; {self.tally.worst}",
            rejected=rejected,
            limit=limit.text,
        )


def check_seal(name: str, span: Span, first: int, seal: str | None, anew: str = "start over without --resume") -> None:
    """Refuse to go on with a source whose rows are others than those that were predicted.

    Parameters
    ----------
    name : str
        The source's name.
    span : Span
        A finished span, as it is now.
    first, seal : int, str or None
        What is remembered of it.
    anew : str
        How to begin anew.

    Raises
    ------
    InvalidData
        If its rows are not the same, in the same order.
    """
    if (span.first, span.seal) != (first, seal):
        raise InvalidData(
            f"{name} has other rows than before from row {min(first, span.first):,} on: its data changed, or it gives "
            f"no order. End the query with ORDER BY and columns that tell rows apart; {anew}",
            row=first,
            changed=True,
        )
