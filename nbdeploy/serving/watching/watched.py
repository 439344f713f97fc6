"""What every request passes on its way in and out: its id, its trace, its count, its line in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextvars import Token
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbdeploy.serving.watching.asked import Asked, current
from nbdeploy.serving.watching.logs import ACCESS
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.tracing import Tracer

__all__ = ["Watch", "Watched", "echoed"]

_access = logging.getLogger(ACCESS)


class Passing(NamedTuple):
    """A request on its way."""

    asked: Asked
    span: Any
    begun: float
    before: Token[Asked | None]


class Watch:
    """What is done for every request, whichever way it came.

    Parameters
    ----------
    metrics : Metrics
        Where answers are counted.
    tracer : Tracer, optional
        Where spans go.
    access_log : bool
        Whether each request has a line in the log; failures of the endpoint have one always.
    """

    def __init__(self, metrics: Metrics, tracer: Tracer | None = None, access_log: bool = False) -> None:
        self._metrics = metrics
        self._tracer = tracer
        self._access_log = access_log

    def begin(self, headers: Iterable[tuple[bytes, bytes]], method: str) -> Passing:
        """Give a request its id and its place in a trace; :meth:`end` has to follow in the same task."""
        asked = Asked(headers)
        span = self._tracer.begin(asked, method) if self._tracer is not None else None
        return Passing(asked, span, time.perf_counter(), current.set(asked))

    def end(self, passing: Passing, method: str, route: str, status: int, client: str | None) -> None:
        """Count it, and write it down where that is asked for.

        The route is its template: what callers put into paths and queries is theirs.
        """
        asked = passing.asked
        self._metrics.answered(method, status)
        if self._access_log or status >= 500:
            seconds = round(time.perf_counter() - passing.begun, 6)
            facts = {"method": method, "route": route, "status": status, "seconds": seconds, "client": client}
            _access.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra=facts | asked.facts)
        if self._tracer is not None:
            self._tracer.end(passing.span, asked, method, route, status)
        current.reset(passing.before)


class Watched:
    """An ASGI application, watched. See :class:`Watch`."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passing = self._watch.begin(scope["headers"], scope["method"])
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *echoed(passing.asked)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            client = scope.get("client")
            self._watch.end(passing, scope["method"], _route(scope), status, client[0] if client else None)


def echoed(asked: Asked) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell a sender what its request is called here."""
    headers = [(b"x-request-id", asked.id.encode("ascii"))]
    if asked.parent:
        headers.append((b"traceresponse", asked.traceparent.encode("ascii")))
    return headers


def _route(scope: Scope) -> str:
    """The route's template, never the path itself."""
    return str(getattr(scope.get("route"), "path", "none"))
