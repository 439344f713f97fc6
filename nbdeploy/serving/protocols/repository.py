"""The model repository extension of the Open Inference Protocol: what there is, loading and unloading.

See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs.strict_json import decode
from nbdeploy.errors import InvalidData
from nbdeploy.serving.exchange import body_of, json_answer, route, service_of
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.service import Service
from nbdeploy.wire import routes
from nbdeploy.wire.messages import Deployment

__all__ = ["ROUTES", "IndexEntry", "index_of", "load", "unload"]

T = TypeVar("T")
READY, UNAVAILABLE = "READY", "UNAVAILABLE"


class IndexQuestion(msgspec.Struct, frozen=True):
    """Whether only what is ready is asked for."""

    ready: bool = False


class Change(msgspec.Struct, frozen=True):
    """What a client may say with an order to load or unload."""

    parameters: dict[str, Any] = {}


class IndexEntry(msgspec.Struct, frozen=True):
    """One version of a deployment, or of a model that is stored and has none."""

    name: str
    version: str
    state: str
    reason: str = ""


def index_of(service: Service, caller: Caller, *, ready: bool = False) -> list[IndexEntry]:
    """Return what there is for a caller to see, by name; only what answers, if `ready`."""
    return [entry for entry in _entries(service, ready=ready) if caller.sees(entry.name)]


def _entries(service: Service, *, ready: bool) -> list[IndexEntry]:
    deployments = service.deployments
    found = list[IndexEntry]()
    for state in deployments.all():
        answers = deployments.get(state.name).predictor is not None
        found += [
            IndexEntry(state.name, str(serving.version), READY if answers else UNAVAILABLE, state.reason)
            for serving in state.serving
        ]
    if ready:
        return [entry for entry in found if entry.state == READY]
    newest = [deployments.store.newest(name) for name in {*deployments.store.names()} - {e.name for e in found}]
    found += [IndexEntry(v.name, str(v.number), UNAVAILABLE, "stored, and not deployed") for v in newest if v]
    return sorted(found, key=lambda entry: entry.name)


async def load(service: Service, name: str, caller: str, parameters: dict[str, Any]) -> Deployment:
    """Serve a deployment again, or a stored model.

    Raises
    ------
    InvalidData
        If the order has parameters: a model is what its snapshot says.
    """
    if parameters:
        raise InvalidData(f"load takes no parameters here, and {', '.join(parameters)} was given; push a new snapshot")
    return await service.change(lambda: service.deployments.load(name, caller))


async def unload(service: Service, name: str, caller: str) -> Deployment:
    """Serve a deployment no more, until it is loaded again."""
    return await service.change(lambda: service.deployments.unload(name, caller))


async def _index(request: Request) -> Response:
    asked, service = _read(await body_of(request), IndexQuestion), service_of(request)
    caller = request.state.caller
    return json_answer(await service.change(lambda: index_of(service, caller, ready=asked.ready)))


async def _load(request: Request) -> Response:
    order = _read(await body_of(request), Change)
    name, caller = request.path_params["m"], request.state.caller.name
    return json_answer(await load(service_of(request), name, caller, order.parameters))


async def _unload(request: Request) -> Response:
    _read(await body_of(request), Change)
    return json_answer(await unload(service_of(request), request.path_params["m"], request.state.caller.name))


def _read(body: bytes, kind: type[T]) -> T:
    """Clients may leave the body empty."""
    return decode(body.strip() or b"{}", kind)


ROUTES = (
    route(routes.INDEX, _index, "POST", Scope.READ, heeds=True),
    route(routes.LOAD, _load, "POST", Scope.DEPLOY),
    route(routes.UNLOAD, _unload, "POST", Scope.DEPLOY),
)
