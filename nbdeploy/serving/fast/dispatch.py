"""Requests that take a fast lane, and those that go on to the application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from nbdeploy.codecs.records import Unusual
from nbdeploy.errors import NbdeployError
from nbdeploy.serving.exchange import CALLER, REFUSAL
from nbdeploy.serving.fast.bodies import Receive, read_body
from nbdeploy.serving.fast.lane import Header, Read
from nbdeploy.serving.fast.ways import Way, Ways, ways_of
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.prediction_log import Event
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.asked import Asked, note
from nbdeploy.serving.watching.watched import echoed
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.wire import routes

__all__ = ["FastLanes", "OnFound", "Reply", "Taken"]

_log = logging.getLogger(__name__)

_NOT_PLAIN = (Unusual, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Taken = tuple[Way, dict[bytes, bytes]]
"""A way, and the request's headers."""


class Reply(NamedTuple):
    """An answer with status 200.

    Attributes
    ----------
    headers : list of (bytes, bytes)
        Its headers.
    body : bytes
        Its body.
    """

    headers: list[Header]
    body: bytes


OnFound = Callable[["Reply | Caller | None", Exception | None], Any]


class FastLanes:
    """An ASGI application before another one.

    Parameters
    ----------
    app : ASGI application
        Answers whatever takes no lane.
    service : Service
        The endpoint.
    watched : bool
        Whether requests have passed :class:`~nbdeploy.serving.watching.watched.Watched` before; if not, requests
        that take a lane are counted here, and told their ids.
    """

    def __init__(self, app: Any, service: Service, watched: bool = False) -> None:
        self._app = app
        self._service = service
        self._watched = watched
        self._limit = service.options.body_limit
        self.new_id = service.plane.new_id
        self._table: Mapping[str, Served] = {}
        self._ways: Ways = {}

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer a request, or let the application do it."""
        taken = self.taken_by(scope, relayed=True) if scope["type"] == "http" else None
        if taken is not None:
            body, receive = await read_body(receive)
            found = await self._answered(taken, scope, body) if body is not None else None
            if isinstance(found, Reply):
                scope["route"] = taken[0].route
                await send({"type": "http.response.start", "status": 200, "headers": found.headers})
                await send({"type": "http.response.body", "body": found.body})
                return
            scope[CALLER] = found
        await self._app(scope, receive, send)

    def taken_by(self, scope: Any, *, relayed: bool = False) -> Taken | None:
        """Return the lane that a request takes; None if it takes none, or has left one before."""
        if scope["method"] != "POST" or CALLER in scope:
            return None
        return self.taken(scope["path"], scope["headers"], relayed=relayed)

    def taken(self, path: str, sent: Sequence[Header], *, relayed: bool = False) -> Taken | None:
        """Return the lane that a request of POST takes, by its head; None if it takes none.

        Only if `relayed` it may be one that leads to a version's processes.
        """
        table = self._service.deployments.served
        if table is not self._table:
            self._table, self._ways = table, ways_of(table, self._service)
        ways = self._ways.get(path)
        if ways is None:
            return None
        headers = dict(sent)
        if len(headers) < len(sent):
            return None
        for way in ways:
            if way.lane.takes(headers) and self._is_plain(headers, way.lane.longest):
                break
        else:
            return None
        if way.relayed is not None and (not relayed or b"traceparent" in headers):
            return None  # processes are told which trace they work for, which is known only behind
        return way, headers

    def answer(self, taken: Taken, query: bytes, body: bytes) -> Reply | Caller | None:
        """Answer a request.

        Parameters
        ----------
        taken : tuple
            What :meth:`taken` returned.
        query, body : bytes
            The request's.

        Returns
        -------
        Reply, Caller or None
            The answer. Or who asks, if the application has to give one; None if it has to find that out as well.
        """
        way, headers = taken
        try:
            caller = self._admitted(way, headers)
        except NbdeployError:
            return None
        begun = time.perf_counter()
        try:
            asked = way.lane.read(body, query, headers)
            rows = way.answer(asked.methods, asked.records)
            reply = None if rows is None else self.told(way, headers, asked, rows, caller, begun)
        except _NOT_PLAIN:
            reply = None
        except Exception:
            _log.exception("a fast lane of %s failed; its request takes the usual way", way.served.state.name)
            reply = None
        if reply is None:
            return caller
        self._service.guard.room.leave()
        return reply

    def relay(self, taken: Taken, query: bytes, body: bytes, on_found: OnFound) -> None:
        """Have a process of the version answer a request, and call `on_found` with what :meth:`answer` would return.

        If the application has to give the answer although the process was asked, it is told what came of that.

        Parameters
        ----------
        taken, query, body
            See :meth:`answer`.
        on_found : callable
            Takes what :meth:`answer` returns, and the error if there is one. It may be called before this returns.
        """
        way, headers = taken
        try:
            caller = self._admitted(way, headers)
        except NbdeployError:
            on_found(None, None)
            return
        try:
            asked = way.lane.read(body, query, headers)
        except _NOT_PLAIN:
            on_found(caller, None)
            return
        if way.relayed is not None and way.relayed.methods.keys() >= {*asked.methods}:
            _Relayed(self, way, headers, asked, caller, on_found).begin(self._service.plane.seconds)
        else:
            on_found(caller, None)

    async def _answered(self, taken: Taken, scope: Any, body: bytes) -> Reply | Caller | None:
        """Answer a request by the twin, or by a process. See :meth:`answer`."""
        if taken[0].relayed is None:
            return self.answer(taken, scope["query_string"], body)
        answer: asyncio.Future[tuple[Reply | Caller | None, Exception | None]]
        answer = asyncio.get_running_loop().create_future()

        def on_found(found: Reply | Caller | None, refusal: Exception | None) -> None:
            if not answer.done():
                answer.set_result((found, refusal))
            elif not isinstance(found, Reply):
                self.left()  # the task is cancelled, and the application not asked

        self.relay(taken, scope["query_string"], body, on_found)
        found, refusal = await answer
        if refusal is not None:
            scope[REFUSAL] = refusal
        return found

    def left(self) -> None:
        """Make the room of a request free that was answered."""
        self._service.guard.room.leave()

    def _admitted(self, way: Way, headers: Mapping[bytes, bytes]) -> Caller:
        guard, name = self._service.guard, way.served.state.name
        if b"authorization" in headers:
            return guard.predict(headers[b"authorization"], name)
        return guard.enter({"host": headers.get(b"host", b"").decode("latin-1")}, Scope.PREDICT, name)

    def told(
        self,
        way: Way,
        sent: Mapping[bytes, bytes],
        asked: Read,
        rows: Any,
        caller: Caller,
        begun: float,
        prediction: str = "",
    ) -> Reply:
        """Write an answer, counted and logged as those of the application are."""
        prediction = prediction or self._service.plane.new_id()
        body, told = way.lane.write(asked, rows, prediction)
        event = Event(
            way.served.subject,
            prediction,
            way.lane.protocol,
            caller.name,
            time.time(),
            time.perf_counter() - begun,
            asked.methods,
            len(asked.records),
            "ok",
            inputs=asked.records,
            answers=rows,
        )
        self._service.plane.take_down(event)
        name = prediction.encode()
        headers = [*way.headers, (_PREDICTION, name)]
        if asked.unknown:
            headers.append((_UNKNOWN, str(asked.unknown).encode()))
        headers += (b"content-length", str(len(body)).encode()), *told
        if self._watched:
            note(deployment=event.subject.deployment, protocol=event.protocol, caller=event.caller)
            note(version=event.subject.version, rows=event.rows, prediction=event.id)
            return Reply(headers, body)
        self._service.metrics.answered("POST", 200)
        if b"x-request-id" in sent or b"traceparent" in sent:
            headers += echoed(Asked(sent.items()))
        else:
            headers.append((b"x-request-id", name))
        return Reply(headers, body)

    def _is_plain(self, headers: Mapping[bytes, bytes], longest: int) -> bool:
        """Whether a body of a small known size comes as it is, and without being asked for."""
        length = headers.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length) <= min(longest, self._limit)
            and b"content-encoding" not in headers
            and b"expect" not in headers
            and b"origin" not in headers  # pages of other origins are told more
        )


class _Relayed:
    """A request that a process of its version answers."""

    __slots__ = ("_asked", "_begun", "_caller", "_headers", "_lanes", "_on_found", "_prediction", "_timer", "_way")

    def __init__(
        self,
        lanes: FastLanes,
        way: Way,
        headers: Mapping[bytes, bytes],
        asked: Read,
        caller: Caller,
        on_found: OnFound,
    ) -> None:
        self._lanes, self._way, self._headers = lanes, way, headers
        self._asked, self._caller, self._on_found = asked, caller, on_found
        self._begun, self._prediction = time.perf_counter(), lanes.new_id()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Ask, and wait so long at most."""
        model = self._way.served.model
        model.take()
        ask = model.processes.put(self._asked.records, self._asked.methods, self._prediction, self._end)
        if not ask.over:
            late = partial(ask.answer, TimeoutError())
            self._timer = asyncio.get_running_loop().call_later(seconds, late)

    def _end(self, rows: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._way.served.model.leave()
        found: Reply | Caller = self._caller
        refusal = rows if isinstance(rows, Exception) else None
        if isinstance(rows, list):  # what is of an unusual kind comes as a table, and the model is asked once more
            found = self._reply(rows) or self._caller
        self._on_found(found, refusal)

    def _reply(self, rows: list[Any]) -> Reply | None:
        way, lanes = self._way, self._lanes
        try:
            reply = lanes.told(way, self._headers, self._asked, rows, self._caller, self._begun, self._prediction)
        except _NOT_PLAIN:
            return None
        except Exception:
            _log.exception("a fast lane of %s failed; its request takes the usual way", way.served.state.name)
            return None
        lanes.left()
        return reply


_PREDICTION = routes.HEADER_PREDICTION.encode()
_UNKNOWN = routes.HEADER_UNKNOWN.encode()
