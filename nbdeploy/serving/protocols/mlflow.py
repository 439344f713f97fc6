"""MLflow's scoring protocol: ``/invocations`` with four forms of JSON, CSV, Arrow and Parquet.

The parameter ``method`` in ``params`` chooses what answers. See https://mlflow.org/docs/latest/ml/deployment
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from nbdeploy.codecs.json_rows import of_columns, of_instances, of_records, of_rows, predictions
from nbdeploy.codecs.strict_json import decode, encode
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.serving.dataplane import Answer, Question
from nbdeploy.serving.exchange import body_of, inferred, route, service_of
from nbdeploy.serving.guard.tokens import Scope
from nbdeploy.serving.protocols.answers import methods_of, prediction
from nbdeploy.serving.protocols.formats import format_sent
from nbdeploy.serving.service import Service
from nbdeploy.types import Signature
from nbdeploy.version import __version__
from nbdeploy.wire import routes

__all__ = ["ROUTES"]

_JSON = "application/json"
_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")


Label = str | int | float | bool | None


class Split(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A frame as pandas' ``to_dict(orient="split")`` writes it; the model's columns in their order, if not named."""

    data: list[list[Any]]
    columns: list[Label | list[Label]] | None = None
    index: list[Any] | None = None


class Invocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON of a request, of which exactly one form is given."""

    dataframe_split: Split | None = None
    dataframe_records: list[dict[str, Any]] | None = None
    instances: list[Any] | None = None
    inputs: list[Any] | dict[str, Any] | None = None
    params: dict[str, Any] | None = None

    def rows(self, signature: Signature) -> Any:
        """Return the rows in whichever form they came.

        Raises
        ------
        InvalidData
            If there is not exactly one.
        """
        given = [name for name in _FORMS if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise InvalidData(f"the JSON has {found}; give exactly one of {', '.join(_FORMS)}")
        if self.dataframe_split is not None:
            names = self.dataframe_split.columns
            labels: list[Any] = [tuple(n) if isinstance(n, list) else n for n in names or signature.names]
            if len({*labels}) < len(labels):
                raise InvalidData(f"dataframe_split names a column twice: {', '.join(map(str, labels))}")
            return of_rows(self.dataframe_split.data, labels, signature)
        if self.dataframe_records is not None:
            return of_records(self.dataframe_records, signature)
        if isinstance(self.inputs, dict):
            return of_columns(self.inputs, signature)
        return of_instances(self.inputs or self.instances or [], signature)


async def invocations(request: Request) -> Response:
    """Of the deployment in the path, of the one that is named as the default, or of the only one."""
    name = request.path_params.get("m")
    sent = format_sent(request.headers.get("content-type"))
    asked = _Invocation(await body_of(request), sent, request.query_params.getlist("method"))
    if name is None:
        name = _meant(service_of(request))
        request.state.caller.check_model(name)
    answer, body = await inferred(request, "mlflow", name, None, asked.read, asked.write)
    return prediction(answer, body, _JSON)


class _Invocation:
    """One request. Its JSON is read when it is first looked into."""

    def __init__(self, body: bytes, sent: Any, methods: list[str]) -> None:
        self._body = body
        self._sent = sent
        self._wanted = methods

    @cached_property
    def _asked(self) -> Invocation:
        return decode(self._body, Invocation, literals=True)

    @property
    def _methods(self) -> list[str]:
        params = self._asked.params if self._sent.media_type == _JSON else None
        return methods_of(self._wanted, params or {}, "params")

    def read(self, signature: Signature) -> Question:
        if self._sent.media_type == _JSON:
            return Question(self._asked.rows(signature), self._methods)
        return Question(self._sent.read(self._body, signature), self._methods)

    def write(self, answer: Answer) -> bytes:
        return encode({"predictions": predictions(answer.frame, answer.signature, self._methods)})


async def version(_: Request) -> Response:
    return PlainTextResponse(__version__)


def _meant(service: Service) -> str:
    """The deployment that a request means that names none.

    Raises
    ------
    NotFound
        If there is no default, and not exactly one deployment.
    """
    if service.options.default:
        return service.options.default
    names = [state.name for state in service.deployments.all()]
    if len(names) == 1:
        return names[0]
    hint = f"name one: {routes.path(routes.MODEL_INVOCATIONS, m='NAME')}, or start the endpoint with --default NAME"
    raise NotFound("default deployment", "/invocations", names, hint=hint)


ROUTES = (
    route(routes.INVOCATIONS, invocations, "POST", Scope.PREDICT, heeds=True),
    route(routes.MODEL_INVOCATIONS, invocations, "POST", Scope.PREDICT),
    route(routes.MLFLOW_VERSION, version),
)
