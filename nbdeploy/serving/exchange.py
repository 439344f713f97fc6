"""Requests in, responses out: admission, bodies up to a limit, errors as JSON."""

from __future__ import annotations

import hashlib
import logging
import math
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from nbdeploy.codecs.strict_json import encode
from nbdeploy.errors import AccessDenied, Busy, Forbidden, NbdeployError, NotFound, TooLarge, Unauthenticated
from nbdeploy.serving.dataplane import Answer, Question
from nbdeploy.serving.guard.audit import DONE, STRANGER
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.asked import current, note
from nbdeploy.serving.watching.secrets import redact
from nbdeploy.types import Signature
from nbdeploy.wire.messages import Fault
from nbdeploy.wire.statuses import status_of

__all__ = [
    "CALLER",
    "QUICK",
    "REFUSAL",
    "REFUSALS",
    "Handler",
    "body_of",
    "failed",
    "fault",
    "inferred",
    "json_answer",
    "known_to",
    "route",
    "save_body",
    "service_of",
    "unrouted",
]

CALLER = "nbdeploy.caller"
"""Where a request that left a fast lane says who was admitted there, so that it is not admitted, and counted, twice."""

REFUSAL = "nbdeploy.refusal"
"""Where it says what came of asking a model there, so that the model is not asked twice."""

_JSON = "application/json"
QUICK = 8192
"""Bytes of JSON that are read in less time than handing them to a thread takes."""

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger(__name__)
REFUSALS = (AccessDenied, Busy, TooLarge)
"""The errors of requests that were not let in, which are counted apart."""


def service_of(request: Request) -> Service:
    """Return the endpoint that a request came to."""
    return cast(Service, request.app.state.service)


def route(path: str, handler: Handler, method: str = "GET", scope: Scope | None = None, heeds: bool = False) -> Route:
    """Make a route.

    Parameters
    ----------
    path : str
        One of :mod:`nbdeploy.wire.routes`.
    handler : coroutine function
        Request to response; the errors it raises become JSON.
    method : str
        The HTTP method.
    scope : Scope, optional
        What a caller's token has to allow, for the deployment ``{m}`` of the path, or for all; open to all if None.
    heeds : bool
        Whether the handler itself heeds which deployments the caller may see.
    """

    async def answered(request: Request) -> Response:
        try:
            if scope is None:
                return await handler(request)
            return await _admitted(request, handler, scope, heeds)
        except (NbdeployError, HTTPException) as error:
            if isinstance(error, REFUSALS):
                service_of(request).metrics.refused(type(error).__name__)
            if isinstance(error, Forbidden):
                request.state.who = error.facts.get("token")
            return fault(error)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            return json_answer(Fault(failed(f"{request.method} {request.url.path}"), "RemoteError"), 500)

    async def written_down(request: Request) -> Response:
        response = await answered(request)
        if response.status_code == 202:  # nothing is done yet, and it is asked again every second
            return response
        await run_in_threadpool(_write_down, request, f"{method} {path}", response)
        return response

    is_act = scope in {Scope.DEPLOY, Scope.ADMIN} and method not in {"GET", "HEAD"}
    return Route(path, written_down if is_act else answered, methods=[method], name=f"{method} {path}")


def _write_down(request: Request, action: str, response: Response) -> None:
    state = request.state
    subject = getattr(state, "subject", None) or " ".join(map(str, request.path_params.values()))
    outcome = DONE if response.status_code < 400 else f"{response.status_code} {_reason(response)}"
    service_of(request).audit.record(
        getattr(state, "who", None) or STRANGER, action, subject, _origin(request), outcome
    )


def _reason(response: Response) -> str:
    return msgspec.json.decode(response.body, type=Fault).error if response.body else "the client left"


def _origin(request: Request) -> str:
    """The address that sent it, and for whom it says so: behind a proxy the second one tells more."""
    said = request.headers.get("x-forwarded-for")
    return f"{request.client.host if request.client else ''}{f' for {said}' if said else ''}"


async def _admitted(request: Request, handler: Handler, scope: Scope, heeds: bool) -> Response:
    guard, model = service_of(request).guard, request.path_params.get("m")
    caller = request.scope.get(CALLER) or guard.enter(request.headers, scope, model, heeds)
    request.state.caller, request.state.who, request.state.held = caller, caller.name, 0
    note(caller=caller.name)
    try:
        return await handler(request)
    except NotFound as error:
        if not caller.restricted:
            raise
        raise known_to(error, caller) from None
    finally:
        guard.room.leave(request.state.held)


def known_to(error: NotFound, caller: Caller) -> NotFound:
    """Return an error that names only what the caller may see."""
    facts: dict[str, Any] = error.facts
    known = [name for name in facts["available"] if caller.sees(name.partition("/")[0])]
    return NotFound(facts["kind"], facts["name"], known)


async def inferred(
    request: Request,
    protocol: str,
    name: str,
    version: str | None,
    read: Callable[[Signature], Question],
    write: Callable[[Answer], T],
    quick: bool = False,
) -> tuple[Answer, T]:
    """Answer a request's rows in the name of its caller. See :meth:`nbdeploy.serving.dataplane.DataPlane.infer`."""
    plane, caller = service_of(request).plane, request.state.caller.name
    plain = request.headers.get("content-type", _JSON).startswith(_JSON)
    quick = quick or (plain and request.state.held <= QUICK)
    return await plane.infer(protocol, name, version, read, write, caller, quick, request.scope.get(REFUSAL))


def failed(what: str) -> str:
    """Log the exception being handled under a reference, and return what its caller is told."""
    asked = current.get()
    reference = asked.id if asked is not None else uuid.uuid4().hex
    _log.exception("%s failed, reference %s", what, reference)
    return f"the endpoint failed; its log has more under reference {reference}"


def json_answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(encode(document), status, headers, "application/json")


def fault(error: NbdeployError | HTTPException) -> Response:
    """Return the response that tells of an error."""
    if isinstance(error, HTTPException):
        return json_answer(Fault(redact(error.detail)), error.status_code, dict(error.headers or {}))
    headers = None
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": 'Bearer realm="nbdeploy"'}
    if isinstance(error, Busy):
        headers = {"Retry-After": str(max(1, math.ceil(error.seconds)))}
    return json_answer(Fault(redact(str(error)), type(error).__name__), status_of(error), headers)


async def unrouted(request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    found = cast(HTTPException, error)
    if found.status_code == 404:
        found = HTTPException(404, f"there is no route {request.method} {request.url.path}")
    if found.status_code == 405:
        allowed = (found.headers or {}).get("Allow", "")
        found = HTTPException(405, f"{request.url.path} does not take {request.method}, but {allowed}", found.headers)
    return fault(found)


async def body_of(request: Request) -> bytes:
    """Read a request's body.

    Raises
    ------
    TooLarge
        As soon as it is over the endpoint's limit; no more of it is kept.
    Busy
        If the bodies of all requests under way would be too large together.
    """
    service = service_of(request)
    limit = service.options.body_limit
    _hold(request, _check_head(request, limit))
    pieces, size = list[bytes](), 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if size > request.state.held:
            _hold(request, size - request.state.held)
    return b"".join(pieces)  # which is the piece itself, if there is one: large bodies are not copied


def _hold(request: Request, size: int) -> None:
    service_of(request).guard.room.take(size)
    request.state.held += size


async def save_body(request: Request, path: Path) -> str:
    """Write a request's body to a file and return its SHA-256.

    Raises
    ------
    TooLarge
        As soon as it is over the endpoint's limit for files.
    OSError
        If the disk is full, or the folder cannot be written.
    """
    limit = service_of(request).options.blob_limit
    _check_head(request, limit)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            digest.update(chunk)
            await run_in_threadpool(file.write, chunk)
    return digest.hexdigest()


def _check_head(request: Request, limit: int) -> int:
    """Return how long the body says that it is; 0 if it does not say."""
    encoding = request.headers.get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise HTTPException(415, f"a body with Content-Encoding {encoding!r} is not understood; send it plainly")
    length = request.headers.get("content-length", "")
    said = int(length) if length.isdecimal() else 0
    if said > limit:
        raise _too_large(limit)
    return said


def _too_large(limit: int) -> TooLarge:
    size = f"{limit / 2**20:g} MiB" if limit >= 2**20 else f"{limit} bytes"
    return TooLarge(f"the request's body is over the limit of {size}; send less at a time", limit=limit)
