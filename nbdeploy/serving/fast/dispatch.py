"""Requests that take a fast lane, and those that go on to the application."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
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
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.options import Options
from nbdeploy.serving.prediction_log import Event
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.asked import Asked, note
from nbdeploy.serving.watching.watched import echoed
from nbdeploy.serving.worker.deployments import Served
from nbdeploy.wire import routes

__all__ = ["FastLanes", "Reply", "Taken"]

_log = logging.getLogger(__name__)

LONGEST = 65_536
"""Bytes of a body that is looked at here."""

_NOT_PLAIN = (Unusual, msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Header = tuple[bytes, bytes]


class _Way(NamedTuple):
    """A lane, where it leads, and what its answers carry."""

    lane: Lane
    route: Any
    twin: RecordTwin
    served: Served
    headers: list[Header]


Taken = tuple[_Way, dict[bytes, bytes]]
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
        taken = self.taken_by(scope) if scope["type"] == "http" else None
        if taken is not None:
            body, receive = await read_body(receive)
            found = self.answer(taken, scope["query_string"], body) if body is not None else None
            if isinstance(found, Reply):
                scope["route"] = taken[0].route
                await send({"type": "http.response.start", "status": 200, "headers": found.headers})
                await send({"type": "http.response.body", "body": found.body})
                return
            scope[CALLER] = found
        await self._app(scope, receive, send)

    def taken_by(self, scope: Any) -> Taken | None:
        """Return the lane that a request takes; None if it takes none, or has left one before."""
        if scope["method"] != "POST" or CALLER in scope:
            return None
        return self.taken(scope["path"], scope["headers"])

    def taken(self, path: str, sent: Sequence[Header]) -> Taken | None:
        """Return the lane that a request of POST takes, by its head; None if it takes none."""
        table = self._service.deployments.served
        if table is not self._table:
            self._table, self._ways = table, _ways(table, self._service.options)
        way = self._ways.get(path)
        if way is None:
            return None
        headers = dict(sent)
        if len(headers) < len(sent) or not self._is_plain(headers) or not way.lane.takes(headers):
            return None
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
        guard, name = self._service.guard, way.served.state.name
        try:
            caller = guard.predict(headers[b"authorization"], name) if b"authorization" in headers else None
            if caller is None:
                caller = guard.enter({"host": headers.get(b"host", b"").decode("latin-1")}, Scope.PREDICT, name)
        except NbdeployError:
            return None
        try:
            reply = self._predicted(way, headers, body, query, caller.name)
        except Exception:
            _log.exception("a fast lane of %s failed; its request takes the usual way", name)
            reply = None
        if reply is None:
            return caller
        guard.room.leave()
        return reply

    def _told(self, way: _Way, asked: Mapping[bytes, bytes], event: Event, body: bytes, unknown: int) -> Reply:
        """An answer, counted and logged as those of the application are."""
        self._service.plane.take_down(event)
        prediction = event.id.encode()
        headers = [*way.headers, (_PREDICTION, prediction)]
        if unknown:
            headers.append((_UNKNOWN, str(unknown).encode()))
        headers += (b"content-length", str(len(body)).encode()), _JSON
        if self._watched:
            note(deployment=event.subject.deployment, protocol=event.protocol, caller=event.caller)
            note(version=event.subject.version, rows=event.rows, prediction=event.id)
            return Reply(headers, body)
        self._service.metrics.answered("POST", 200)
        if b"x-request-id" in asked or b"traceparent" in asked:
            headers += echoed(Asked(asked.items()))
        else:
            headers.append((b"x-request-id", prediction))
        return Reply(headers, body)

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

    def _predicted(
        self, way: _Way, headers: Mapping[bytes, bytes], body: bytes, query: bytes, caller: str
    ) -> Reply | None:
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
        return self._told(way, headers, event, written, asked.unknown)


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


def _headers(served: Served) -> list[Header]:
    """What all answers of a version carry."""
    version = routes.HEADER_VERSION.encode(), str(served.now.version).encode()
    return [version, (routes.HEADER_DIGEST.encode(), served.now.digest.encode())]


_PREDICTION = routes.HEADER_PREDICTION.encode()
_UNKNOWN = routes.HEADER_UNKNOWN.encode()
_JSON = (b"content-type", b"application/json")
