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

__all__ = ["Ask", "OnAnswer", "Processes"]

_log = logging.getLogger(__name__)

_SHARE = 0.45
_MOST_DEATHS = 2
_MOST_TRIES = 10

OnAnswer = Callable[[Any], None]
"""Takes rows, or the error that came instead of them."""


class _Died(Exception):
    """A process ended before it answered. It had taken the question up, if it is guilty."""

    def __init__(self, guilty: bool) -> None:
        super().__init__()
        self.guilty = guilty


@dataclass(eq=False, slots=True)
class Ask:
    """One request's rows, a table or records, and where their answer goes.

    Attributes
    ----------
    over : bool
        Whether it is answered, or given up.
    """

    rows: Any
    methods: tuple[str, ...]
    id: str
    on_answer: OnAnswer
    trace: str = ""
    over: bool = False
    alone: bool = False
    deaths: int = 0
    tries: int = 0

    def goes_with(self, other: Ask) -> bool:
        """Whether both can be asked together."""
        return not self.alone and self.methods == other.methods and type(self.rows) is type(other.rows)

    def answer(self, found: Any) -> None:
        """Give the rows, or the error, to whoever still waits for them."""
        if not self.over:
            self.over = True
            self.on_answer(found)


class _Line(asyncio.Protocol):
    """The socket to one process.

    Parameters
    ----------
    process : int
        Its number.
    on_told : callable
        Called with the line and what was told, or with what came in its place.
    on_lost, on_silent : callable
        Called with the line when it has ended, and when an answer takes too long.
    """

    def __init__(
        self,
        process: int,
        on_told: Callable[[_Line, tuple[Told, bytes] | Exception], None],
        on_lost: Callable[[_Line], None],
        on_silent: Callable[[_Line], None],
    ) -> None:
        self.process = process
        self.batch: list[Ask] = []
        self.leaving = self.silent = False
        self._on_told, self._on_lost, self._on_silent = on_told, on_lost, on_silent
        self._buffer = Buffer()
        self._loop = asyncio.get_running_loop()
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self.batch)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, batch: list[Ask], seconds: float) -> None:
        """Ask, and expect the answer within some seconds."""
        self.batch = batch
        try:
            question = _question(batch)
        except Exception as error:
            self._loop.call_soon(self._on_told, self, error)
            return
        if self._transport.is_closing():
            self._loop.call_soon(self._on_told, self, _Died(guilty=False))
            return
        self._expect(seconds)
        self._transport.write(question)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer.feed(data)
        told = self._buffer.take(Told)
        if told is not None and self.batch:
            self._on_told(self, told)

    def connection_lost(self, exc: Exception | None) -> None:
        """A process that ends with a question that it has not read resets the line; otherwise it just ends."""
        if self._timer is not None:
            self._timer.cancel()
        self._on_lost(self)
        if self.batch:
            self._on_told(self, _Died(guilty=not isinstance(exc, ConnectionError)))

    def _expect(self, seconds: float) -> None:
        """Have it looked at in time. One timer serves many questions: it is set anew only when it fires."""
        self._until = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._until:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if not self.batch:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._on_silent(self)


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
    _waiting: deque[Ask] = field(default_factory=deque)

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
        answer = asyncio.get_running_loop().create_future()

        def answered(found: Any) -> None:
            if answer.done():
                return  # cancelled
            if isinstance(found, Exception):
                answer.set_exception(found)
            else:
                answer.set_result(found)

        ask = self.put(rows, methods, prediction, answered)
        try:
            return await answer
        finally:
            ask.over = True  # perhaps nobody waits for it any more

    def put(self, rows: Any, methods: Sequence[str], prediction: str, on_answer: OnAnswer) -> Ask:
        """Ask as :meth:`ask` does, and have `on_answer` called with the rows, or the error, unless it is over before.

        Of a version that answers nothing now, `on_answer` is called with the reason before this returns.
        """
        ask = Ask(rows, tuple(methods), prediction, on_answer, traced())
        if self.reason:
            ask.answer(RemoteError(self.reason))
            return ask
        self._waiting.append(ask)
        self._dispatch()
        return ask

    async def connect(self, process: int, line: socket.socket) -> None:
        """Take one more process."""
        line.setblocking(False)
        _, made = await asyncio.get_running_loop().create_unix_connection(
            lambda: _Line(process, self._told, self._lost, self._silent), sock=line
        )
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
                self._waiting.popleft().answer(RemoteError(reason))

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
                self.on_call(len(batch))
                line.ask(batch, self._patience(batch))

    def _taken(self) -> list[Ask]:
        """The next question, and those that go with it."""
        batch: list[Ask] = []
        rows, left = 0, deque[Ask]()
        while self._waiting:
            ask = self._waiting.popleft()
            if ask.over:
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

    def _told(self, line: _Line, told: tuple[Told, bytes] | Exception) -> None:
        """Give out what came of a question, and ask the next one first, so that the process is not kept waiting."""
        batch, line.batch = line.batch, []
        if isinstance(told, _Died):
            self._again(batch, told.guilty, line)
        elif not isinstance(told, Exception) and told[0].kind and len(batch) > 1:
            self._alone(batch)
        if line.leaving:
            line.close()
        self._dispatch()
        if not isinstance(told, Exception):
            self._tell(batch, *told)
        elif not isinstance(told, _Died):
            for ask in batch:
                ask.answer(told)

    def _patience(self, batch: list[Ask]) -> float:
        """How long to wait: of several that were silent together one is to blame, and the others want time as well."""
        return self.seconds * _SHARE if len(batch) > 1 or batch[0].alone else self.seconds

    def _tell(self, batch: list[Ask], told: Told, body: bytes) -> None:
        if told.kind:
            if len(batch) == 1:
                batch[0].answer(_error(told))
            return
        try:
            rows, first = rows_of(body) if told.records else table_of(body), 0
        except Exception as error:  # the model's own code may have written to the line
            _log.exception("what %s answered cannot be read", self.key)
            for ask in batch:
                ask.answer(RemoteError(f"what {self.key} answered cannot be read: {type(error).__name__}"))
            return
        for ask in batch:
            ask.answer(rows[first : first + len(ask.rows)])
            first += len(ask.rows)

    def _alone(self, batch: list[Ask]) -> None:
        """One of them is to blame; the others are answered as if it had not been there."""
        for ask in batch:
            ask.alone = True
        self._waiting.extendleft(reversed(batch))

    def _again(self, batch: list[Ask], guilty: bool, line: _Line) -> None:
        for ask in batch:
            ask.tries += 1
            ask.deaths += guilty
            if len(batch) == 1 and guilty and line.silent:
                ask.answer(TimedOut(f"{self.key} did not answer within {self.seconds:g} s, and was started again"))
            elif (len(batch) == 1 and ask.deaths >= _MOST_DEATHS) or ask.tries >= _MOST_TRIES:
                ask.answer(RemoteError(f"the process of {self.key} ended while it answered these rows, and again"))
            elif self.reason:
                ask.answer(RemoteError(self.reason))
        self._alone([ask for ask in batch if not ask.over] if guilty else [])
        if not guilty:
            self._waiting.extendleft(reversed([ask for ask in batch if not ask.over]))

    def _silent(self, line: _Line) -> None:
        line.silent = True
        self.on_silent(line.process)

    def _lost(self, line: _Line) -> None:
        if line in self._lines:
            self._lines.remove(line)


def _question(batch: Sequence[Ask]) -> bytes:
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
