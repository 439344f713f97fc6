"""Requests that take a fast lane, and those that go on to the application."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from nbdeploy.codecs.records import Unusual
from nbdeploy.errors import NbdeployError
from nbdeploy.serving.deployments import Served
from nbdeploy.serving.exchange import CALLER
from nbdeploy.serving.fast.arrived import Receive, body_arrived
from nbdeploy.serving.fast.lanes import Asked, Lane, lanes_of
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.serving.prediction_log import Event
from nbdeploy.serving.service import Service
from nbdeploy.serving.tokens import Scope
from nbdeploy.wire import routes

__all__ = ["FastLanes"]

LONGEST = 65_536
"""Bytes of a body that is looked at here."""

_NOT_PLAIN = (Unusual, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ADMITTED = (b"authorization", b"host", b"origin")

Messages = tuple[dict[str, Any], dict[str, Any]]


class _Way(NamedTuple):
    """A lane, where it leads, and what its answers carry."""

    lane: Lane
    twin: RecordTwin
    served: Served
    headers: list[tuple[bytes, bytes]]


class FastLanes:
    """An ASGI application before another one.

    Parameters
    ----------
    app : ASGI application
        Answers whatever takes no lane.
    service : Service
        The endpoint.
    """

    def __init__(self, app: Any, service: Service) -> None:
        self._app = app
        self._service = service
        self._limit = min(LONGEST, service.options.body_limit)
        self._table: Mapping[str, Served] = {}
        self._ways: dict[str, _Way] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] == "http" and scope["method"] == "POST":
            table = self._service.deployments.served
            if table is not self._table:
                self._table, self._ways = table, _ways(table, self._service.options.row_limit)
            way = self._ways.get(scope["path"])
            if way is not None:
                messages, receive = self._answer(way, scope, receive)
                if messages is not None:
                    await send(messages[0])
                    await send(messages[1])
                    return
        await self._app(scope, receive, send)

    def _answer(self, way: _Way, scope: Any, receive: Receive) -> tuple[Messages | None, Receive]:
        """The two messages of an answer, or None; and what gives the request's body once more."""
        begun = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) < len(scope["headers"]) or not self._is_plain(headers) or not way.lane.takes(headers):
            return None, receive
        guard = self._service.guard
        try:
            caller = guard.enter(_heads(headers), Scope.PREDICT, way.served.state.name)
        except NbdeployError:
            return None, receive
        body, receive = body_arrived(receive)
        messages = None
        if body is not None:
            messages = self._predicted(way, body, scope["query_string"], caller.name, begun)
        if messages is None:
            scope[CALLER] = caller
        else:
            guard.room.leave()
        return messages, receive

    def _is_plain(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a body of a small known size comes as it is, and without being asked for."""
        length = headers.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length) <= self._limit
            and b"content-encoding" not in headers
            and b"expect" not in headers
        )

    def _rows(self, way: _Way, asked: Asked) -> Any:
        """Answers that are kept in this process, or those of the twin, which takes less time than looking farther."""
        cache, twin = self._service.cache, way.twin
        if cache is None or not cache.near:
            return twin.answer(asked.methods, asked.records)
        name = cache.name(way.served.now.digest, asked.methods, asked.records)
        return cache.rows(name, lambda: twin.answer(asked.methods, asked.records))

    def _predicted(self, way: _Way, body: bytes, query: bytes, caller: str, begun: float) -> Messages | None:
        lane = way.lane
        try:
            asked = lane.read(body, query)
        except _NOT_PLAIN:
            return None
        rows = self._rows(way, asked)
        if rows is None:
            return None
        plane = self._service.plane
        event = Event(way.served.subject, plane.new_id(), lane.protocol, caller, time.time())
        written = lane.write(asked, rows, event.id)
        event.outcome, event.methods, event.rows = "ok", asked.methods, len(asked.records)
        event.inputs, event.answers = asked.records, rows
        event.seconds = time.perf_counter() - begun
        plane.take_down(event)
        return _messages(way, asked, event.id, written)


def _ways(table: Mapping[str, Served], rows: int) -> dict[str, _Way]:
    """The ways to all deployments that have a twin, for requests of so many rows at most."""
    found: dict[str, _Way] = {}
    for name, served in table.items():
        if served.record_twin is None:
            continue
        twin = replace(served.record_twin, most=min(rows, served.record_twin.most))
        headers = _headers(served)
        for path, lane in lanes_of(twin, name, served.now.version).items():
            found[path] = _Way(lane, twin, served, headers)
    return found


def _headers(served: Served) -> list[tuple[bytes, bytes]]:
    """What all answers of a version carry."""
    version = routes.HEADER_VERSION.encode(), str(served.now.version).encode()
    return [version, (routes.HEADER_DIGEST.encode(), served.now.digest.encode())]


def _heads(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """What admission reads."""
    return {name.decode(): headers[name].decode("latin-1") for name in _ADMITTED if name in headers}


def _messages(way: _Way, asked: Asked, prediction: str, body: bytes) -> Messages:
    headers = [*way.headers, (_PREDICTION, prediction.encode())]
    if asked.unknown:
        headers.append((_UNKNOWN, str(asked.unknown).encode()))
    headers += (b"content-length", str(len(body)).encode()), _JSON
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    return start, {"type": "http.response.body", "body": body}


_PREDICTION = routes.HEADER_PREDICTION.encode()
_UNKNOWN = routes.HEADER_UNKNOWN.encode()
_JSON = (b"content-type", b"application/json")
