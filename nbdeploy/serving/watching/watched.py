"""What every request passes on its way in and out: its id, its trace, its count, its line in the log."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nbdeploy.serving.watching.asked import Asked, current
from nbdeploy.serving.watching.logs import ACCESS
from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.tracing import Tracer

__all__ = ["Watched", "echoed"]

_access = logging.getLogger(ACCESS)


class Watched:
    """An ASGI application, watched.

    Parameters
    ----------
    app : ASGI application
        What answers.
    metrics : Metrics
        Where answers are counted.
    tracer : Tracer, optional
        Where spans go.
    access_log : bool
        Whether each request has a line in the log; failures of the endpoint have one always.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, tracer: Tracer | None = None, access_log: bool = False) -> None:
        self._app = app
        self._metrics = metrics
        self._tracer = tracer
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        asked = Asked(scope["headers"])
        before = current.set(asked)
        span = self._tracer.begin(asked, scope["method"]) if self._tracer is not None else None
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *echoed(asked)]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            self._metrics.answered(scope["method"], status)
            if self._access_log or status >= 500:
                self._write(scope, asked, status, time.perf_counter() - begun)
            if self._tracer is not None:
                self._tracer.end(span, asked, scope["method"], _route(scope), status)
            current.reset(before)

    def _write(self, scope: Scope, asked: Asked, status: int, seconds: float) -> None:
        """The path as the route has it: what callers put into paths and queries is theirs."""
        client = scope.get("client")
        facts: dict[str, Any] = {
            "method": scope["method"],
            "route": _route(scope),
            "status": status,
            "seconds": round(seconds, 6),
            "client": client[0] if client else None,
            **asked.facts,
        }
        level = logging.ERROR if status >= 500 else logging.INFO
        _access.log(level, "request", extra=facts)


def echoed(asked: Asked) -> list[tuple[bytes, bytes]]:
    """Return the headers that tell a sender what its request is called here."""
    headers = [(b"x-request-id", asked.id.encode("ascii"))]
    if asked.parent:
        headers.append((b"traceresponse", asked.traceparent.encode("ascii")))
    return headers


def _route(scope: Scope) -> str:
    """The route's template, never the path itself."""
    return str(getattr(scope.get("route"), "path", "none"))
