"""Open Inference Protocol v2 health, and ``/ping``: open to all, so they name nothing that was not asked for."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.errors import NotFound
from nbdeploy.serving.exchange import json_answer, route, service_of
from nbdeploy.serving.protocols.inference import server_metadata
from nbdeploy.wire import routes

__all__ = ["ROUTES"]


async def server(_: Request) -> Response:
    return json_answer(server_metadata())


async def live(_: Request) -> Response:
    return json_answer({"live": True})


async def ready(request: Request) -> Response:
    """As the protocol has it: whether all models are. One that failed is shown by its own route and by `status`."""
    is_ready = service_of(request).deployments.ready
    return json_answer({"ready": is_ready}, 200 if is_ready else 503)


async def model_ready(request: Request) -> Response:
    name, number = request.path_params["m"], request.path_params.get("v")
    try:
        served = service_of(request).deployments.get(name, number)
    except NotFound:
        raise NotFound("deployment", name if number is None else f"{name}/{number}") from None
    is_ready = served.predictor is not None
    return json_answer({"name": name, "ready": is_ready}, 200 if is_ready else 503)


async def ping(_: Request) -> Response:
    return json_answer({"status": "ok"})


ROUTES = (
    route(routes.SERVER, server),
    route(f"{routes.SERVER}/", server),  # so it stands in the protocol's own OpenAPI document
    route(routes.LIVE, live),
    route(routes.READY, ready),
    route(routes.MODEL_READY, model_ready),
    route(routes.VERSION_READY, model_ready),
    route(routes.PING, ping),
)
