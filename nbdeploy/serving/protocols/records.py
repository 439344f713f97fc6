"""The plain protocol: rows in, rows out, as JSON records, CSV, Arrow IPC or Parquet."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from nbdeploy.serving.dataplane import Question
from nbdeploy.serving.exchange import body_of, inferred, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.protocols.answers import prediction
from nbdeploy.serving.protocols.formats import format_accepted, format_sent
from nbdeploy.types import Signature
from nbdeploy.wire import routes

__all__ = ["ROUTES"]


async def predict(request: Request) -> Response:
    sent = format_sent(request.headers.get("content-type"))
    accepted = format_accepted(request.headers.get("accept"))
    methods = request.query_params.getlist("method")
    body = await body_of(request)

    def read(signature: Signature) -> Question:
        return Question(sent.read(body, signature), methods)

    name = request.path_params["m"]
    answer, written = await inferred(request, "records", name, None, read, lambda answer: accepted.write(answer.frame))
    return prediction(answer, written, accepted.media_type)


async def sample(request: Request) -> Response:
    """The rows that the snapshot was rehearsed with."""
    accepted = format_accepted(request.headers.get("accept"))
    predictor: Any = service_of(request).deployments.get(request.path_params["m"]).model
    body = await asyncio.to_thread(lambda: accepted.write(predictor.sample))
    return Response(body, media_type=accepted.media_type)


ROUTES = (
    route(routes.PREDICT, predict, "POST", Scope.PREDICT),
    route(routes.SAMPLE, sample, "GET", Scope.READ),
)
