"""What every prediction's response carries."""

from __future__ import annotations

from starlette.responses import Response

from nbdeploy.serving.dataplane import Answer
from nbdeploy.wire import routes

__all__ = ["prediction"]


def prediction(answer: Answer, body: bytes, media_type: str) -> Response:
    """Return a response that says which snapshot answered."""
    headers = {
        routes.HEADER_VERSION: str(answer.version),
        routes.HEADER_DIGEST: answer.digest,
        routes.HEADER_PREDICTION: answer.id,
    }
    if answer.unknown:
        headers[routes.HEADER_UNKNOWN] = str(answer.unknown)
    return Response(body, headers=headers, media_type=media_type)
