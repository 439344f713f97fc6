"""``/api``: what ``push``, ``status`` and ``undeploy`` use."""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs.strict_json import decode
from nbdeploy.errors import Corrupted, InvalidData, NotFound
from nbdeploy.manifest import Manifest
from nbdeploy.serving.exchange import body_of, json_answer, route, save_body, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.wire import routes
from nbdeploy.wire.messages import PREPARING, Deploy, Deployment, DeploymentList, Offer

__all__ = ["ROUTES"]

_SHOWN = 19
_HEX = re.compile(r"[0-9a-f]{64}")


async def has_blob(request: Request) -> Response:
    service, digest = service_of(request), _digest(request.path_params["hex"])
    try:
        content = await service.change(lambda: service.deployments.store.blob(digest))
    except (NotFound, Corrupted):
        return Response(status_code=404)
    return Response(headers={"x-nbdeploy-bytes": str(len(content))})


async def put_blob(request: Request) -> Response:
    service, digest = service_of(request), _digest(request.path_params["hex"])
    with service.home.upload() as path:
        found = await save_body(request, path)
        if found != digest:
            raise Corrupted(f"the file arrived with sha256 {found}, but was sent as {digest}; send it again")
        await service.change(lambda: service.deployments.store.put_blob(digest, path))
    return json_answer({"sha256": digest}, 201)


async def put_snapshot(request: Request) -> Response:
    service, digest = service_of(request), request.path_params["digest"]
    offer = decode(await body_of(request), Offer)
    manifest = _manifest(offer)
    request.state.subject = f"{manifest.name}:{manifest.number} {digest[:_SHOWN]}"
    request.state.caller.check_model(manifest.name)
    return json_answer(await service.change(lambda: service.deployments.offer(digest, manifest)))


async def list_deployments(request: Request) -> Response:
    service, sees = service_of(request), request.state.caller.sees
    seen = [found for found in service.deployments.all() if sees(found.name)]
    versions = {f"{serving.model}:{serving.version}" for found in seen for serving in found.serving}
    log, usage = await service.change(lambda: (service.log.state, service.usage()))
    return json_answer(DeploymentList(seen, log, {key: taken for key, taken in usage.items() if key in versions}))


async def get_deployment(request: Request) -> Response:
    return json_answer(service_of(request).deployments.get(request.path_params["m"]).state)


async def put_deployment(request: Request) -> Response:
    service, name, caller = service_of(request), request.path_params["m"], request.state.caller.name
    order = decode(await body_of(request), Deploy)
    request.state.subject = f"{name} as {order.model}:{order.version} {order.digest[:_SHOWN]}"
    told = await service.change(lambda: service.deployments.prepare(name, order))
    if told:  # it may take minutes; who asks again learns how it goes
        return json_answer(Deployment(name=name, state=PREPARING, serving=[], reason=told), 202)
    return json_answer(await service.change(lambda: service.deployments.deploy(name, order, caller)))


async def delete_deployment(request: Request) -> Response:
    service, name = service_of(request), request.path_params["m"]
    return json_answer(await service.change(lambda: service.deployments.undeploy(name)))


def _manifest(offer: Offer) -> Manifest:
    """Read both documents; a blob's name becomes a path, so it is checked here."""
    try:
        manifest = Manifest.from_wire(msgspec.to_builtins(offer))
        for digest in manifest.blobs:
            _digest(digest)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Corrupted(f"not a manifest: {error}") from error
    return manifest


def _digest(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise InvalidData(f"{text[:80]!r} is not a SHA-256: 64 hexadecimal digits, lower case")
    return text


ROUTES = (
    route(routes.BLOB, has_blob, "HEAD", Scope.DEPLOY, heeds=True),
    route(routes.BLOB, put_blob, "PUT", Scope.DEPLOY, heeds=True),
    route(routes.SNAPSHOT, put_snapshot, "PUT", Scope.DEPLOY, heeds=True),
    route(routes.DEPLOYMENTS, list_deployments, "GET", Scope.READ, heeds=True),
    route(routes.DEPLOYMENT, get_deployment, "GET", Scope.READ),
    route(routes.DEPLOYMENT, put_deployment, "PUT", Scope.DEPLOY),
    route(routes.DEPLOYMENT, delete_deployment, "DELETE", Scope.DEPLOY),
)
