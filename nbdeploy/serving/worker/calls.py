"""Asking the processes of a version: one question at a time each, and what waits meanwhile goes together."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import polars as pl

from nbdeploy import errors
from nbdeploy.errors import NbdeployError, RemoteError, TimedOut
from nbdeploy.serving.frames import Asked, Buffer, Told, pack, rows_bytes, rows_of, table_bytes, table_of
from nbdeploy.serving.watching.asked import traced

__all__ = ["Processes"]

_log = logging.getLogger(__name__)

_SHARE = 0.45
_MOST_DEATHS = 2
_MOST_TRIES = 10


class _Died(Exception):
    """A process ended before it answered. It had taken the question up, if it is guilty."""

    def __init__(self, guilty: bool) -> None:
        super().__init__()
        self.guilty = guilty


@dataclass(eq=False)
class _Ask:
    """One request's rows, a table or records, and where their answer goes."""

    rows: Any
    methods: tuple[str, ...]
    id: str
    answer: asyncio.Future[Any]
    trace: str = ""
    alone: bool = False
    deaths: int = 0
    tries: int = 0

    def goes_with(self, other: _Ask) -> bool:
        """Whether both can be asked together."""
        return not self.alone and self.methods == other.methods and type(self.rows) is type(other.rows)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class _Line(asyncio.Protocol):
    """The socket to one process."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.busy = self.leaving = self.silent = False
        self._buffer = Buffer()
        self._answer: asyncio.Future[tuple[Told, bytes]] | None = None
        self.on_lost: Callable[[_Line], None] = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, question: bytes) -> asyncio.Future[tuple[Told, bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            self._answer.set_exception(_Died(guilty=False))
        else:
            self._transport.write(question)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer.feed(data)
        told = self._buffer.take(Told)
        if told is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(told)

    def connection_lost(self, exc: Exception | None) -> None:
        """A process that ends with a question that it has not read resets the line; otherwise it just ends."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(_Died(guilty=not isinstance(exc, ConnectionError)))
        self.on_lost(self)


@dataclass(eq=False)
class Processes:
    """The processes of one version, as one worker sees them.

    What arrives while all of them answer waits, and goes together with others in the next call, if they ask for the
    same methods, and as far as putting together pays. Nothing waits for others to come.

    A question whose process ends is asked once more, on another process; one that was asked together with others is
    asked alone then. A model that fails on rows of several requests is asked for each alone.

    Parameters
    ----------
    key : str
        What the version is called in messages.
    batch_rows : int
        Up to how many rows go together; 0 for one request at a time.
    seconds : float
        How long a process may take to answer.
    on_silent : callable
        Called with the number of a process that takes longer; it is expected to be ended.
    on_call : callable
        Called with the number of requests that go together in a call.
    """

    key: str
    batch_rows: int
    seconds: float
    on_silent: Callable[[int], None]
    on_call: Callable[[int], None] = lambda _: None
    reason: str = ""
    _lines: list[_Line] = field(default_factory=list)
    _waiting: deque[_Ask] = field(default_factory=deque)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _closed: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits or is being answered."""
        return not self._waiting and not self._running

    @property
    def waiting(self) -> int:
        """How many requests wait until a process has time for them."""
        return len(self._waiting)

    async def ask(self, rows: pl.DataFrame | list[Any], methods: Sequence[str], prediction: str) -> Any:
        """Answer bound rows: a table with a table; a list of records with a list of rows, or a table as well.

        Parameters
        ----------
        rows : polars.DataFrame or list of sequences, n rows
            The rows.
        methods : sequence of str
            The methods that answer; the default one if there is none.
        prediction : str
            The id of the prediction, for the log.

        Raises
        ------
        InvalidData
            If the model refuses these rows.
        RemoteError
            If the version has no process now, or two of them ended of these rows, or one did not answer in time.
        """
        if self.reason:
            raise RemoteError(self.reason)
        ask = _Ask(rows, tuple(methods), prediction, asyncio.get_running_loop().create_future(), traced())
        self._waiting.append(ask)
        self._dispatch()
        return await ask.answer

    async def connect(self, process: int, line: socket.socket) -> None:
        """Take one more process."""
        line.setblocking(False)
        _, made = await asyncio.get_running_loop().create_unix_connection(lambda: _Line(process), sock=line)
        made.on_lost = self._lost
        self._lines.append(made)
        self._dispatch()

    def leave(self, process: int) -> None:
        """Ask one process nothing more; it is hung up as soon as it has answered."""
        for line in [line for line in self._lines if line.process == process]:
            self._lines.remove(line)
            line.leaving = True
            if not line.busy:
                line.close()

    def unready(self, reason: str) -> None:
        """Answer nothing for now, and say why; answer again with an empty reason."""
        self.reason = reason
        if reason:
            while self._waiting:
                self._waiting.popleft().fail(RemoteError(reason))

    def close(self) -> None:
        """Hang up all processes."""
        for line in list(self._lines):
            self.leave(line.process)

    # -- parts -----------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        while self._waiting:
            line = next((line for line in self._lines if not line.busy), None)
            if line is None:
                return
            batch = self._taken()
            if batch:
                line.busy = True
                self.on_call(len(batch))
                task = asyncio.get_running_loop().create_task(self._answered(line, batch))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    def _taken(self) -> list[_Ask]:
        """The next question, and those that go with it."""
        batch: list[_Ask] = []
        rows, left = 0, deque[_Ask]()
        while self._waiting:
            ask = self._waiting.popleft()
            if ask.answer.done():
                continue  # nobody waits for it any more
            fits = not batch or (ask.goes_with(batch[0]) and rows + len(ask.rows) <= self.batch_rows)
            if fits:
                batch.append(ask)
                rows += len(ask.rows)
            else:
                left.append(ask)
            if batch[0].alone or rows >= self.batch_rows:
                break
        self._waiting.extendleft(reversed(left))
        return batch

    async def _answered(self, line: _Line, batch: list[_Ask]) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._patience(batch), self._silent, line)
        try:
            told, body = await line.ask(_question(batch))
        except _Died as died:
            self._again(batch, died.guilty, line)
        except Exception as error:
            for ask in batch:
                ask.fail(error)
        else:
            self._tell(batch, told, body)
        finally:
            timer.cancel()
            line.busy = False
            if line.leaving:
                line.close()
            self._dispatch()

    def _patience(self, batch: list[_Ask]) -> float:
        """How long to wait: of several that were silent together one is to blame, and the others want time as well."""
        return self.seconds * _SHARE if len(batch) > 1 or batch[0].alone else self.seconds

    def _tell(self, batch: list[_Ask], told: Told, body: bytes) -> None:
        if told.kind and len(batch) > 1:
            self._alone(batch)
            return
        if told.kind:
            batch[0].fail(_error(told))
            return
        rows, first = rows_of(body) if told.records else table_of(body), 0
        for ask in batch:
            if not ask.answer.done():
                ask.answer.set_result(rows[first : first + len(ask.rows)])
            first += len(ask.rows)

    def _alone(self, batch: list[_Ask]) -> None:
        """One of them is to blame; the others are answered as if it had not been there."""
        for ask in batch:
            ask.alone = True
        self._waiting.extendleft(reversed(batch))

    def _again(self, batch: list[_Ask], guilty: bool, line: _Line) -> None:
        for ask in batch:
            ask.tries += 1
            ask.deaths += guilty
            if len(batch) == 1 and guilty and line.silent:
                ask.fail(TimedOut(f"{self.key} did not answer within {self.seconds:g} s, and was started again"))
            elif (len(batch) == 1 and ask.deaths >= _MOST_DEATHS) or ask.tries >= _MOST_TRIES:
                ask.fail(RemoteError(f"the process of {self.key} ended while it answered these rows, and again"))
            elif self.reason:
                ask.fail(RemoteError(self.reason))
        self._alone([ask for ask in batch if not ask.answer.done()] if guilty else [])
        if not guilty:
            self._waiting.extendleft(reversed([ask for ask in batch if not ask.answer.done()]))

    def _silent(self, line: _Line) -> None:
        line.silent = True
        self.on_silent(line.process)

    def _lost(self, line: _Line) -> None:
        if line in self._lines:
            self._lines.remove(line)


def _question(batch: Sequence[_Ask]) -> bytes:
    parts, records = [ask.rows for ask in batch], isinstance(batch[0].rows, list)
    body = rows_bytes([row for part in parts for row in part]) if records else table_bytes(parts)
    traces = [ask.trace for ask in batch if ask.trace]
    return pack(Asked(list(batch[0].methods), batch[0].id, traces, records), body)


def _error(told: Told) -> NbdeployError:
    """The error again; some compose their message, and this one has it already."""
    named = getattr(errors, told.kind, None)
    kind = named if isinstance(named, type) and issubclass(named, NbdeployError) else NbdeployError
    error = kind.__new__(kind)
    NbdeployError.__init__(error, told.message)
    return error
