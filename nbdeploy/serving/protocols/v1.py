"""The V1 protocol of TensorFlow Serving and KServe: ``instances`` in, ``predictions`` out.

The parameter ``method`` in ``parameters`` chooses what answers.
See https://www.tensorflow.org/tfx/serving/api_rest#predict_api
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.codecs.json_rows import of_columns, of_instances, predictions
from nbdeploy.codecs.strict_json import decode, encode
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.dataplane import Answer, Question
from nbdeploy.serving.exchange import body_of, inferred, json_answer, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.protocols.answers import methods_of, prediction
from nbdeploy.types import Signature
from nbdeploy.wire import routes

__all__ = ["ROUTES"]


class Instances(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of a request: rows, or columns."""

    instances: list[Any] | None = None
    inputs: list[Any] | dict[str, Any] | None = None
    parameters: dict[str, Any] = {}


async def models(request: Request) -> Response:
    names = [state.name for state in service_of(request).deployments.all()]
    return json_answer({"models": [name for name in names if request.state.caller.sees(name)]})


async def model(request: Request) -> Response:
    """Open to all, so it names nothing that was not asked for."""
    name = request.path_params["m"]
    if ":" in name:  # no name has one; what follows it is a verb
        raise HTTPException(405, f"{request.url.path} does not take GET, but POST", {"Allow": "POST"})
    try:
        is_ready = service_of(request).deployments.get(name).predictor is not None
    except NotFound:
        raise NotFound("deployment", name) from None
    return json_answer({"name": name, "ready": is_ready}, 200 if is_ready else 503)


async def predict(request: Request) -> Response:
    asked = _Prediction(await body_of(request), request.query_params.getlist("method"))
    answer, body = await inferred(request, "v1", request.path_params["m"], None, asked.read, asked.write)
    return prediction(answer, body, "application/json")


class _Prediction:
    """One request. Its JSON is read when it is first looked into."""

    def __init__(self, body: bytes, methods: list[str]) -> None:
        self._body = body
        self._wanted = methods

    @cached_property
    def _asked(self) -> Instances:
        return decode(self._body, Instances, literals=True)

    @property
    def _methods(self) -> list[str]:
        return methods_of(self._wanted, self._asked.parameters, "parameters")

    def read(self, signature: Signature) -> Question:
        asked = self._asked
        if (asked.instances is None) == (asked.inputs is None):
            raise InvalidData('the JSON has to have either "instances" (rows) or "inputs" (columns)')
        if isinstance(asked.inputs, dict):
            return Question(of_columns(asked.inputs, signature), self._methods)
        instances = asked.inputs if asked.instances is None else asked.instances
        return Question(of_instances(instances or [], signature), self._methods)

    def write(self, answer: Answer) -> bytes:
        return encode({"predictions": predictions(answer.frame, answer.signature, self._methods)})


ROUTES = (
    route(routes.V1_MODELS, models, "GET", Scope.READ, heeds=True),
    route(routes.V1_PREDICT, predict, "POST", Scope.PREDICT),
    route(routes.V1_MODEL, model),
)
