"""Open Inference Protocol v2: metadata and inference in JSON."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs import oip
from nbdeploy.codecs.strict_json import decode, encode
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.dataplane import Answer, Question
from nbdeploy.serving.exchange import body_of, json_answer, route, service_of
from nbdeploy.serving.protocols.answers import prediction
from nbdeploy.serving.tokens import Scope
from nbdeploy.types import Signature
from nbdeploy.wire import routes

__all__ = ["ROUTES"]


async def metadata(request: Request) -> Response:
    served = service_of(request).deployments.get(request.path_params["m"], request.path_params.get("v"))
    signature = served.model.signature
    document = {
        "name": served.state.name,
        "versions": [str(serving.version) for serving in served.state.serving],
        "platform": f"nbdeploy_{served.model.bundle.content.flavor}",
        "inputs": oip.inputs_of(signature),
        "outputs": oip.outputs_of(signature, signature.default_method),
        "parameters": {
            "digest": served.now.digest,
            "method": signature.default_method,
            "methods": {name: output.columns for name, output in signature.outputs.items()},
        },
    }
    return json_answer(document)


async def infer(request: Request) -> Response:
    if "inference-header-content-length" in request.headers:
        raise HTTPException(415, "the binary tensor extension is not understood here; send the data as JSON")
    body = await body_of(request)
    asked = _Inference(body)
    name, version = request.path_params["m"], request.path_params.get("v")
    answer, written = await service_of(request).plane.infer("oip", name, version, asked.read, asked.write)
    return prediction(answer, written, "application/json")


class _Inference:
    """One request, between its reading and the writing of its answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._asked = oip.InferenceRequest([])

    def read(self, signature: Signature) -> Question:
        self._asked = decode(self._body, oip.InferenceRequest)
        return Question(oip.rows(self._asked.inputs, signature), self._methods(signature))

    def write(self, answer: Answer) -> bytes:
        wanted = [output.name for output in self._asked.outputs]
        document: dict[str, Any] = {
            "model_name": answer.deployment,
            "model_version": str(answer.version),
            "id": answer.id if self._asked.id is None else self._asked.id,
            "outputs": oip.tensors(answer.frame.select(wanted) if wanted else answer.frame),
        }
        return encode(document)

    def _methods(self, signature: Signature) -> list[str]:
        """Those that the parameters name, or those that have the outputs asked for."""
        named = self._asked.parameters.get("method", [])
        methods = named if isinstance(named, list) else [named]
        owners = {column: method for method, output in signature.outputs.items() for column in output.columns}
        for output in self._asked.outputs:
            owner = owners.get(output.name)
            if owner is None:
                raise InvalidData(str(NotFound("output", output.name, owners)), output=output.name)
            methods = [*methods, owner]
        return list(dict.fromkeys(str(method) for method in methods))


ROUTES = (
    route(routes.MODEL, metadata, "GET", Scope.READ),
    route(routes.VERSION, metadata, "GET", Scope.READ),
    route(routes.INFER, infer, "POST", Scope.PREDICT),
    route(routes.VERSION_INFER, infer, "POST", Scope.PREDICT),
)
