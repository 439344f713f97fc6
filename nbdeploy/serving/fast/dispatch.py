"""Requests that take a fast lane, and those that go on to the application."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec

from nbdeploy.codecs.records import Unusual
from nbdeploy.errors import NbdeployError
from nbdeploy.serving.exchange import CALLER
from nbdeploy.serving.fast.bodies import Receive, read_body
from nbdeploy.serving.fast.lanes import Lane, Read, lanes_of
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.options import Options
from nbdeploy.serving.prediction_log import Event
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.asked import Asked, note
from nbdeploy.serving.watching.watched import echoed
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.wire import routes

__all__ = ["FastLanes", "Messages", "Taken"]

_log = logging.getLogger(__name__)

LONGEST = 65_536
"""Bytes of a body that is looked at here."""

_NOT_PLAIN = (Unusual, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_ADMITTED = (b"authorization", b"host")

Messages = tuple[dict[str, Any], dict[str, Any]]


class _Found(NamedTuple):
    """An answer: what is taken down of it, its body, and how many columns were sent that the model does not take."""

    event: Event
    body: bytes
    unknown: int


class _Way(NamedTuple):
    """A lane, where it leads, and what its answers carry."""

    lane: Lane
    route: Any
    twin: RecordTwin
    served: Served
    headers: list[tuple[bytes, bytes]]


Taken = tuple[_Way, dict[bytes, bytes]]
"""A way, and the request's headers."""


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
        self._limit = min(LONGEST, service.options.body_limit)
        self._table: Mapping[str, Served] = {}
        self._ways: dict[str, _Way] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer a request, or let the application do it."""
        taken = self.taken(scope) if scope["type"] == "http" else None
        if taken is not None:
            body, receive = await read_body(receive)
            messages = self.answer(taken, scope, body) if body is not None else None
            if messages is not None:
                await send(messages[0])
                await send(messages[1])
                return
        await self._app(scope, receive, send)

    def taken(self, scope: Any) -> Taken | None:
        """Return the lane that a request takes, by its head; None if it takes none, or has left one before."""
        table = self._service.deployments.served
        if table is not self._table:
            self._table, self._ways = table, _ways(table, self._service.options)
        way = self._ways.get(scope["path"])
        if way is None or scope["method"] != "POST" or CALLER in scope:
            return None
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(headers) < len(scope["headers"]) or not self._is_plain(headers) or not way.lane.takes(headers):
            return None
        return way, headers

    def answer(self, taken: Taken, scope: Any, body: bytes) -> Messages | None:
        """Answer a request.

        Parameters
        ----------
        taken : tuple
            What :meth:`taken` returned.
        scope, body : dict, bytes
            The request's.

        Returns
        -------
        tuple of dict, or None
            The two messages of the answer, or None if the application has to give one.
        """
        way, headers = taken
        guard = self._service.guard
        scope[CALLER] = None
        try:
            caller = guard.enter(_heads(headers), Scope.PREDICT, way.served.state.name)
        except NbdeployError:
            return None
        try:
            found = self._predicted(way, body, scope["query_string"], caller.name)
        except Exception:
            _log.exception("a fast lane of %s failed; its request takes the usual way", way.served.state.name)
            found = None
        if found is None:
            scope[CALLER] = caller
            return None
        guard.room.leave()
        return self._told(way, scope, headers, found)

    def _told(self, way: _Way, scope: Any, headers: Mapping[bytes, bytes], found: _Found) -> Messages:
        """An answer's messages, counted and logged as those of the application are."""
        self._service.plane.take_down(found.event)
        messages = _messages(way, found)
        if self._watched:
            scope["route"] = way.route
            event = found.event
            note(deployment=event.subject.deployment, protocol=event.protocol, caller=event.caller)
            note(version=event.subject.version, rows=event.rows, prediction=event.id)
            return messages
        self._service.metrics.answered("POST", 200)
        sent = messages[0]["headers"]
        if b"x-request-id" in headers or b"traceparent" in headers:
            sent += echoed(Asked(scope["headers"]))
        else:
            sent.append((b"x-request-id", found.event.id.encode()))
        return messages

    def _is_plain(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a body of a small known size comes as it is, and without being asked for."""
        length = headers.get(b"content-length", b"")
        return (
            length.isdigit()
            and int(length) <= self._limit
            and b"content-encoding" not in headers
            and b"expect" not in headers
            and b"origin" not in headers  # pages of other origins are told more
        )

    def _rows(self, way: _Way, asked: Read) -> Any:
        """Answers that are kept in this process, or those of the twin, which takes less time than looking farther."""
        cache, twin = self._service.cache, way.twin
        if cache is None or not cache.near:
            return twin.answer(asked.methods, asked.records)
        name = cache.name(way.served.now.digest, asked.methods, asked.records)
        return cache.rows(name, lambda: twin.answer(asked.methods, asked.records))

    def _predicted(self, way: _Way, body: bytes, query: bytes, caller: str) -> _Found | None:
        begun, lane = time.perf_counter(), way.lane
        try:
            asked = lane.read(body, query)
        except _NOT_PLAIN:
            return None
        rows = self._rows(way, asked)
        if rows is None:
            return None
        event = Event(way.served.subject, self._service.plane.new_id(), lane.protocol, caller, time.time())
        written = lane.write(asked, rows, event.id)
        event.outcome, event.methods, event.rows = "ok", asked.methods, len(asked.records)
        event.inputs, event.answers = asked.records, rows
        event.seconds = time.perf_counter() - begun
        return _Found(event, written, asked.unknown)


def _ways(table: Mapping[str, Served], options: Options) -> dict[str, _Way]:
    """The ways to all deployments that have a twin, by their paths, also those below the endpoint's prefix."""
    found: dict[str, _Way] = {}
    for name, served in table.items():
        if served.record_twin is None:
            continue
        twin = replace(served.record_twin, most=min(options.row_limit, served.record_twin.most))
        headers = _headers(served)
        default = options.default == name if options.default else len(table) == 1
        for route, path, lane in lanes_of(twin, name, served.now.version, default):
            way = _Way(lane, SimpleNamespace(path=route), twin, served, headers)
            found[path] = found[options.root_path + path] = way
    return found


def _headers(served: Served) -> list[tuple[bytes, bytes]]:
    """What all answers of a version carry."""
    version = routes.HEADER_VERSION.encode(), str(served.now.version).encode()
    return [version, (routes.HEADER_DIGEST.encode(), served.now.digest.encode())]


def _heads(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """What admission reads."""
    return {name.decode(): headers[name].decode("latin-1") for name in _ADMITTED if name in headers}


def _messages(way: _Way, found: _Found) -> Messages:
    headers = [*way.headers, (_PREDICTION, found.event.id.encode())]
    if found.unknown:
        headers.append((_UNKNOWN, str(found.unknown).encode()))
    headers += (b"content-length", str(len(found.body)).encode()), _JSON
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    return start, {"type": "http.response.body", "body": found.body}


_PREDICTION = routes.HEADER_PREDICTION.encode()
_UNKNOWN = routes.HEADER_UNKNOWN.encode()
_JSON = (b"content-type", b"application/json")
