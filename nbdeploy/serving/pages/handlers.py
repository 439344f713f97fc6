"""``openapi.json`` and ``docs`` of each deployment."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.errors import AccessDenied
from nbdeploy.serving.exchange import json_answer, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.pages.openapi import Answering, openapi
from nbdeploy.serving.pages.page import POLICY, page
from nbdeploy.serving.pages.synthetic import synthetic_rows
from nbdeploy.wire import routes
from nbdeploy.wire.statuses import status_of

__all__ = ["ROUTES"]

_ROWS = 3


async def document(request: Request) -> Response:
    return json_answer(await _document(request))


async def docs(request: Request) -> Response:
    """Browsers send no token by themselves: who has none gets a page that asks for it, and that tells nothing."""
    guard, status, found = service_of(request).guard, 200, None
    try:
        guard.enter(request.headers, Scope.READ, request.path_params["m"])
        try:
            found = await _document(request)
        finally:
            guard.room.leave(0)
    except AccessDenied as error:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        status = status_of(error)
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(page(found), status, headers, "text/html")


async def _document(request: Request) -> dict[str, Any]:
    service, root = service_of(request), request.scope.get("root_path", "")
    served = service.deployments.get(request.path_params["m"])
    model, now = served.model, served.now
    about = Answering(served.state.name, now.version, now.digest, model.signature)
    rows = await asyncio.to_thread(synthetic_rows, model.bundle, _ROWS)
    return openapi(about, rows, root=root, anonymous=service.options.anonymous is not None)


ROUTES = (
    route(routes.OPENAPI, document, "GET", Scope.READ),
    route(routes.DOCS, docs),
)
