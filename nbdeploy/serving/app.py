"""The ASGI application: the routes of every protocol over one service, behind what all requests pass."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from nbdeploy.serving.exchange import unrouted
from nbdeploy.serving.fast.dispatch import FastLanes
from nbdeploy.serving.options import Options
from nbdeploy.serving.protocols.table import PROTOCOLS
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.tracing import tracer
from nbdeploy.serving.watching.watched import Watch, Watched
from nbdeploy.wire import routes

__all__ = ["GRACE_SECONDS", "application", "behind"]

_TOLD = (routes.HEADER_VERSION, routes.HEADER_DIGEST, routes.HEADER_PREDICTION, "x-request-id", "retry-after")
_SENT = (
    "authorization",
    "content-type",
    "inference-header-content-length",
    "x-request-id",
    "traceparent",
    "tracestate",
)

GRACE_SECONDS = 10
"""How long requests may take to finish when the endpoint stops."""


def application(service: Service) -> ASGIApp:
    """Return the ASGI application of an endpoint.

    Parameters
    ----------
    service : Service
        Started and closed with the application.
    """
    spans = tracer()
    watch = Watch(service.metrics, spans, service.options.access_log)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await service.start()
        try:
            async with _grpc(service, watch):
                yield
        finally:
            service.close()
            if spans is not None:
                spans.close()

    known = [route for name in PROTOCOLS for route in PROTOCOLS[name]]
    app = Starlette(routes=known, lifespan=lifespan, exception_handlers={HTTPException: unrouted})
    app.router.redirect_slashes = False
    app.state.service = service
    return _quickened(behind(app, service.options), service, watch, each=spans is not None)


def _quickened(app: ASGIApp, service: Service, watch: Watch, each: bool) -> ASGIApp:
    """Fast lanes come first, and see to what is watched always; spans and lines in the log are made by one for all."""
    if each or service.options.access_log:
        return Watched(FastLanes(app, service, watched=True), watch)
    return FastLanes(Watched(app, watch), service)


def behind(app: ASGIApp, options: Options) -> ASGIApp:
    """Return an application as browsers and proxies meet it: pages of other origins, routes below a prefix."""
    if options.cors:
        app = CORSMiddleware(
            app, allow_origins=options.cors, allow_methods=("GET", "POST"), allow_headers=_SENT, expose_headers=_TOLD
        )
    return _Below(app, options.root_path) if options.root_path else app


class _Below:
    """Routes below a prefix, whether the proxy takes that away or leaves it."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["root_path"] = self._prefix
            if not f"{scope['path']}/".startswith(f"{self._prefix}/"):
                scope["path"] = self._prefix + scope["path"]
        await self._app(scope, receive, send)


@contextlib.asynccontextmanager
async def _grpc(service: Service, watch: Watch) -> AsyncIterator[None]:
    """Serve gRPC as well, if that is asked for. It starts threads, so nothing may fork from here on."""
    if service.options.grpc_port is None:
        yield
        return
    # Its core writes lines of its own kind to the log, for whoever connects wrongly.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from nbdeploy.serving.protocols.oip_grpc.server import start

    server = await start(service, watch)
    try:
        yield
    finally:
        await server.stop(GRACE_SECONDS)
