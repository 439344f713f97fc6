"""Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.serving.exchange import route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.wire import routes

__all__ = ["ROUTES"]


async def metrics(request: Request) -> Response:
    service = service_of(request)
    if not service.options.open_metrics:
        service.gate.admit(request.headers, Scope.READ).check_model(None)
    service.metrics.flush()
    return Response(await run_in_threadpool(service.metrics.text), headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = (route(routes.METRICS, metrics),)
