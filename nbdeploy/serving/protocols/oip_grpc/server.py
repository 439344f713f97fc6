"""The gRPC service: health, metadata, inference and the repository, over the same data plane as HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from nbdeploy.errors import Forbidden, NbdeployError, NotFound
from nbdeploy.serving.exchange import REFUSALS, failed, known_to
from nbdeploy.serving.guard.audit import DONE, STRANGER
from nbdeploy.serving.guard.caller import ANONYMOUS, Caller
from nbdeploy.serving.guard.tls import Renewal
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.protocols import repository
from nbdeploy.serving.protocols.inference import model_metadata, server_metadata
from nbdeploy.serving.protocols.oip_grpc.inference import GrpcInference, parameters
from nbdeploy.serving.protocols.oip_grpc.messages import MESSAGES, METHODS, SERVICE
from nbdeploy.serving.service import Service
from nbdeploy.serving.watching.asked import note
from nbdeploy.serving.watching.secrets import redact
from nbdeploy.serving.watching.watched import Watch
from nbdeploy.wire import routes
from nbdeploy.wire.statuses import status_of

__all__ = ["start"]

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.FAILED_PRECONDITION,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""What HTTP's statuses are here."""

_STRANGERS = 4
"""Messages that are read at once of those who need no token."""


async def start(service: Service, watch: Watch) -> Any:
    """Start to serve gRPC in the running event loop.

    The port is shared with other processes that ask for the same: each takes some of the connections.

    Parameters
    ----------
    service : Service
        The endpoint; its options name host and port.
    watch : Watch
        What is done for every request.

    Returns
    -------
    grpc.aio.Server
        To be stopped by its ``stop(grace)``.
    """
    options = service.options
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", options.body_limit),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 1),
        ],
        # The guard counts what HTTP and gRPC hold together.
        maximum_concurrent_rpcs=options.concurrency,
    )
    servicer = _Servicer(service)
    handlers = {name: _handler(servicer, name, watch) for name in METHODS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    host = options.host.strip("[]")
    address = f"[{host}]:{options.grpc_port}" if ":" in host else f"{host}:{options.grpc_port}"
    if options.certfile:
        server.add_secure_port(address, _credentials(options.certfile, options.keyfile))
    else:
        server.add_insecure_port(address)
    await server.start()
    return server


def _credentials(certfile: str, keyfile: str) -> Any:
    """The same certificate as of HTTP, looked at for each connection; a file of both has the key as well."""
    renewal = Renewal(certfile, keyfile)
    chain, key = Path(certfile).read_bytes(), Path(keyfile or certfile).read_bytes()

    def renewed() -> Any:
        found = renewal.pair()
        return None if found is None else grpc.ssl_server_certificate_configuration([(found[1], found[0])])

    first = grpc.ssl_server_certificate_configuration([(key, chain)])
    return grpc.dynamic_ssl_server_credentials(first, renewed)


def _handler(servicer: _Servicer, name: str, watch: Watch) -> Any:
    kind, scope = servicer.handlers[name]
    request, response = MESSAGES[f"{name}Request"], MESSAGES[f"{name}Response"]

    async def answered(messages: AsyncIterator[bytes], context: Any) -> bytes:
        async def read() -> Any:
            return request.FromString(await anext(messages, b""))

        async with servicer.admitted(name, read, context, scope) as (caller, asked):
            answer = await kind(asked, context, caller)
        done: bytes = answer if isinstance(answer, bytes) else response(**answer).SerializeToString()
        return done

    async def guarded(messages: AsyncIterator[bytes], context: Any) -> bytes:
        headers = [(key.encode(), value.encode()) for key, value in _texts(context).items()]
        passing = watch.begin(headers, "gRPC")
        status, code, told = 500, grpc.StatusCode.INTERNAL, ""
        try:
            done = await answered(aiter(messages), context)
            status = 200
            return done
        except NbdeployError as error:
            status = status_of(error)
            code, told = _CODES.get(status, grpc.StatusCode.UNKNOWN), redact(str(error))
            servicer.count(error)
        except DecodeError:
            status, code, told = 400, grpc.StatusCode.INVALID_ARGUMENT, f"the bytes are no {name}Request"
        except Exception:
            told = failed(f"{SERVICE}/{name}")
        finally:
            watch.end(passing, "gRPC", f"{SERVICE}/{name}", status, context.peer())
        await context.abort(code, told)
        raise AssertionError("abort raises")

    # One message, and yet a stream: so that it is not read before its sender is admitted.
    return grpc.stream_unary_rpc_method_handler(guarded)


def _texts(context: Any) -> dict[str, str]:
    return {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}


class _Servicer:
    """The methods. Each takes a message, a context and who asks, and returns the fields of its answer, or its bytes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._strangers = asyncio.Semaphore(_STRANGERS)
        self.handlers: dict[str, tuple[Callable[[Any, Any, Caller], Awaitable[Any]], Scope | None]] = {
            "ServerLive": (self.live, None),
            "ServerReady": (self.ready, None),
            "ModelReady": (self.model_ready, None),
            "ServerMetadata": (self.metadata, None),
            "ModelMetadata": (self.model_metadata, Scope.READ),
            "ModelInfer": (self.infer, Scope.PREDICT),
            "RepositoryIndex": (self.index, Scope.READ),
            "RepositoryModelLoad": (self.load, Scope.DEPLOY),
            "RepositoryModelUnload": (self.unload, Scope.DEPLOY),
        }

    @contextlib.asynccontextmanager
    async def admitted(
        self, name: str, read: Callable[[], Awaitable[Any]], context: Any, scope: Scope | None
    ) -> AsyncIterator[tuple[Caller, Any]]:
        """Give who asks, whose token allows it, and what is asked; what changes something is written down."""
        if scope is None:
            async with self._strangers:
                asked = await read()
            yield ANONYMOUS, asked
            return
        headers = _texts(context)
        # No page of a browser speaks gRPC, so nobody was led here under a foreign name.
        headers["host"] = self._service.options.host
        guard, model = self._service.guard, None
        who, outcome = STRANGER, DONE
        try:
            guard.gate.admit(headers, scope)
            asked = await read()
            model = getattr(asked, "model_name", "") or getattr(asked, "name", "") or None
            caller = guard.enter(headers, scope, model, heeded=name == "RepositoryIndex")
            who, held = caller.name, 0
            note(caller=who)
            try:
                guard.room.take(asked.ByteSize())
                held = asked.ByteSize()
                yield caller, asked
            except NotFound as error:
                if not caller.restricted:
                    raise
                raise known_to(error, caller) from None
            finally:
                guard.room.leave(held)
        except Exception as error:
            outcome = str(error)
            if isinstance(error, Forbidden):
                who = str(error.facts.get("token") or who)
            raise
        finally:
            if scope is Scope.DEPLOY:
                record = functools.partial(
                    self._service.audit.record, who, f"gRPC {name}", model or "", context.peer(), outcome
                )
                await asyncio.to_thread(record)

    def count(self, error: NbdeployError) -> None:
        """Count what was not let in."""
        if isinstance(error, REFUSALS):
            self._service.metrics.refused(type(error).__name__)

    async def live(self, *_: Any) -> Mapping[str, Any]:
        return {"live": True}

    async def ready(self, *_: Any) -> Mapping[str, Any]:
        return {"ready": self._service.deployments.ready}

    async def model_ready(self, asked: Any, *_: Any) -> Mapping[str, Any]:
        name, number = asked.name, asked.version or None
        try:
            return {"ready": self._service.deployments.get(name, number).predictor is not None}
        except NotFound:
            raise NotFound("deployment", name if number is None else f"{name}/{number}") from None

    async def metadata(self, *_: Any) -> Mapping[str, Any]:
        return server_metadata()

    async def model_metadata(self, asked: Any, *_: Any) -> Mapping[str, Any]:
        found = model_metadata(self._service.deployments.get(asked.name, asked.version or None))
        told = {name: found[name] for name in ("name", "versions", "platform")}
        for side in ("inputs", "outputs"):
            told[side] = [{"name": t.name, "datatype": t.datatype, "shape": t.shape} for t in found[side]]
        return told

    async def infer(self, asked: Any, context: Any, caller: Caller) -> bytes:
        inference = GrpcInference(asked)
        name, version = asked.model_name, asked.model_version or None
        plane = self._service.plane
        answer, body = await plane.infer("grpc", name, version, inference.question, inference.write, caller.name)
        context.set_trailing_metadata(
            (
                (routes.HEADER_VERSION, str(answer.version)),
                (routes.HEADER_DIGEST, answer.digest),
                (routes.HEADER_PREDICTION, answer.id),
            )
        )
        return body

    async def index(self, asked: Any, _: Any, caller: Caller) -> Mapping[str, Any]:
        service, ready = self._service, asked.ready
        entries = await service.change(lambda: repository.index_of(service, caller, ready=ready))
        return {"models": [{n: getattr(e, n) for n in ("name", "version", "state", "reason")} for e in entries]}

    async def load(self, asked: Any, _: Any, caller: Caller) -> Mapping[str, Any]:
        await repository.load(self._service, asked.model_name, caller.name, parameters(asked.parameters))
        return {}

    async def unload(self, asked: Any, _: Any, caller: Caller) -> Mapping[str, Any]:
        await repository.unload(self._service, asked.model_name, caller.name)
        return {}
