"""What every prediction's response carries, and how its request names methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from nbdeploy.errors import InvalidData
from nbdeploy.serving.dataplane import Answer
from nbdeploy.wire import routes

__all__ = ["methods_of", "prediction"]


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


def methods_of(wanted: Sequence[str], parameters: Mapping[str, Any], place: str) -> list[str]:
    """Return the methods that a request names in its query and in its parameters, each once.

    Parameters
    ----------
    wanted : sequence of str
        Those of the query.
    parameters : mapping
        The parameters, of which there is one: ``method``, a name or a list of names.
    place : str
        What the parameters are called, for the message.

    Raises
    ------
    InvalidData
        If there is another parameter, or it is no name.

    Examples
    --------
    >>> methods_of([], {"method": "predict_proba"}, "params")
    ['predict_proba']
    """
    strange = next((name for name in parameters if name != "method"), None)
    if strange is not None:
        raise InvalidData(f"{place} has {strange!r}; there is: method, which names what answers", parameter=strange)
    given = parameters.get("method", [])
    names = given if isinstance(given, list) else [given]
    if not all(isinstance(name, str) for name in names):
        raise InvalidData(f"{place} has method={given!r:.60}; expected a method's name, or a list of names")
    return list(dict.fromkeys([*wanted, *names]))
