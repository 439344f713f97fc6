"""A model's OpenAPI 3.1 document, made of its signature, with synthetic rows as examples.

See https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from nbdeploy.codecs import oip
from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.codecs.strict_json import records
from nbdeploy.serving.pages.components import components
from nbdeploy.types import Signature
from nbdeploy.version import __version__
from nbdeploy.wire import routes

__all__ = ["Answering", "openapi"]

Document = dict[str, Any]


@dataclass(frozen=True)
class Answering:
    """A deployment, and the version that answers for it."""

    deployment: str
    version: int
    digest: str
    signature: Signature


_ABOUT = """A row is an object, or a line. What is missing is null, and so is NaN. JSON has no number for an infinity: \
it is the text "Infinity" or "-Infinity". Times are ISO 8601, bytes base64, decimals text. \
Errors name the row that does not fit: “row 0” is the first of a request in JSON, Arrow or Parquet, and “line 2” the \
first under the names of a CSV file, as an editor counts."""
_REFUSALS = {
    "400": "The request does not fit the model, or the model refuses its rows; the error says why.",
    "401": "There is no token, or none that is known.",
    "403": "The token does not allow this.",
    "404": "There is no such deployment or version.",
    "406": "No such form of an answer.",
    "408": "It took too long.",
    "413": "The request is too large.",
    "415": "No such form of a request.",
    "422": "The request is understood, and cannot be met.",
    "429": "Too many requests; Retry-After says when to try again.",
    "503": "The model does not answer at this time.",
}
_OPEN: list[Any] = [{}]
_FILES = {
    "application/vnd.apache.arrow.stream": "An Arrow IPC stream (or file).",
    "application/vnd.apache.parquet": "A Parquet file.",
}
_JSON, _CSV = "application/json", "text/csv"


def openapi(serving: Answering, rows: pl.DataFrame, *, root: str = "", anonymous: bool = False) -> Document:
    """Return the document of one deployment.

    Parameters
    ----------
    serving : Answering
        The deployment, and what it serves.
    rows : polars.DataFrame
        Rows as examples, as on the wire.
    root : str
        The path below which a proxy shows the endpoint.
    anonymous : bool
        Whether predicting and reading need no token.
    """
    token: list[Any] = [{"bearer": []}]
    signature = serving.signature
    return {
        "openapi": "3.1.0",
        "info": {"title": serving.deployment, "version": str(serving.version), "description": _ABOUT},
        "servers": [{"url": root or "/"}],
        "security": [*token, {}] if anonymous else token,
        "paths": _paths(serving.deployment, signature, rows),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": components(signature),
            "responses": {code: _refusal(told) for code, told in _REFUSALS.items()},
            "headers": {
                routes.HEADER_VERSION: _header("The version that answered."),
                routes.HEADER_DIGEST: _header("Its digest."),
                routes.HEADER_PREDICTION: _header("The id of this prediction."),
            },
        },
        "x-nbdeploy": {
            "endpoint": __version__,
            "digest": serving.digest,
            "default_method": signature.default_method,
            "methods": {name: output.columns for name, output in signature.outputs.items()},
            "private": [column.name for column in signature.columns if column.private],
        },
    }


def _paths(name: str, signature: Signature, rows: pl.DataFrame) -> Document:
    def at(route: str) -> str:
        return routes.path(route, m=name)

    return {
        at(routes.PREDICT): {"post": _predict(signature, rows)},
        at(routes.INFER): {"post": _infer(rows)},
        at(routes.MODEL_INVOCATIONS): {"post": _invocations(signature, rows)},
        at(routes.V1_PREDICT): {"post": _v1(signature, rows)},
        at(routes.FEEDBACK): {"post": _feedback()},
        at(routes.MODEL): {"get": _told("What the model takes and answers, as tensors.", "ModelMetadata")},
        at(routes.MODEL_READY): {
            "get": _told("Whether it answers.", "Ready", _OPEN, {"503": {"description": "It does not."}})
        },
        at(routes.V1_MODEL): {
            "get": _told("Whether it answers (V1).", "Ready", _OPEN, {"503": {"description": "It does not."}})
        },
    }


def _predict(signature: Signature, rows: pl.DataFrame) -> Document:
    example = csv_plain(rows).write_csv() if not any(dtype.is_nested() for dtype in rows.dtypes) else None
    files: Document = {media: {"schema": {}} for media in _FILES}
    return _operation(
        "Predict rows",
        "Rows in, rows out: JSON, CSV, Arrow or Parquet, each way as Content-Type and Accept say.",
        {
            _JSON: {"schema": {"$ref": "#/components/schemas/Rows"}, "example": records(rows)},
            _CSV: {"schema": {"type": "string"}} | ({} if example is None else {"example": example}),
            **files,
        },
        {_JSON: {"schema": {"$ref": "#/components/schemas/Answers"}}, _CSV: {"schema": {"type": "string"}}, **files},
        [_method(signature)],
    )


def _infer(rows: pl.DataFrame) -> Document:
    tensors = [{"name": t.name, "shape": t.shape, "datatype": t.datatype, "data": t.data} for t in oip.tensors(rows)]
    return _operation(
        "Infer tensors",
        "Open Inference Protocol v2. One tensor for each column, or, of columns of one type, one matrix. The binary "
        "tensor extension is understood.",
        {_JSON: {"schema": {"$ref": "#/components/schemas/InferenceRequest"}, "example": {"inputs": tensors}}},
        {_JSON: {"schema": {"$ref": "#/components/schemas/InferenceResponse"}}},
    )


def _invocations(signature: Signature, rows: pl.DataFrame) -> Document:
    values = [list(row.values()) for row in records(rows)]
    example = {"dataframe_split": {"columns": rows.columns, "data": values}}
    return _operation(
        "Invoke as MLflow does",
        "MLflow's scoring protocol: exactly one of its four forms, or CSV. The parameter method chooses what answers.",
        {
            _JSON: {"schema": {"$ref": "#/components/schemas/Invocation"}, "example": example},
            _CSV: {"schema": {"type": "string"}},
        },
        {_JSON: {"schema": {"$ref": "#/components/schemas/Predictions"}}},
        [_method(signature)],
    )


def _v1(signature: Signature, rows: pl.DataFrame) -> Document:
    return _operation(
        "Predict instances (V1)",
        "The V1 protocol of TensorFlow Serving and KServe.",
        {_JSON: {"schema": {"$ref": "#/components/schemas/Instances"}, "example": {"instances": records(rows)}}},
        {_JSON: {"schema": {"$ref": "#/components/schemas/Predictions"}}},
        [_method(signature)],
    )


def _feedback() -> Document:
    codes = [code for code in _REFUSALS if code != "406"]
    return {
        "summary": "Tell what came true",
        "description": "The truth of predictions, by their ids, whenever it is known; `row` is a row of that request.",
        "requestBody": {
            "required": True,
            "content": {
                _JSON: {"schema": {"$ref": "#/components/schemas/Truths"}},
                _CSV: {"schema": {"type": "string"}},
            },
        },
        "responses": {
            "200": {
                "description": "How many belong to predictions.",
                "content": {_JSON: {"schema": {"type": "object"}}},
            },
            **{code: {"$ref": f"#/components/responses/{code}"} for code in codes},
        },
    }


def _operation(
    title: str, about: str, request: Document, answer: Document, parameters: list[Document] | None = None
) -> Document:
    headers = (routes.HEADER_VERSION, routes.HEADER_DIGEST, routes.HEADER_PREDICTION)
    return {
        "summary": title,
        "description": about,
        "parameters": parameters or [],
        "requestBody": {"required": True, "content": request},
        "responses": {
            "200": {
                "description": "The answers, a row each.",
                "headers": {header: {"$ref": f"#/components/headers/{header}"} for header in headers},
                "content": answer,
            },
            **{code: {"$ref": f"#/components/responses/{code}"} for code in _REFUSALS},
        },
    }


def _told(title: str, schema: str, security: list[Any] | None = None, more: Document | None = None) -> Document:
    content = {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    codes = ("404",) if security is not None else ("401", "403", "404", "503")
    found: Document = {
        "summary": title,
        "responses": {
            "200": {"description": title, "content": content},
            **{code: {"$ref": f"#/components/responses/{code}"} for code in codes},
            **{code: {**told, "content": content} for code, told in (more or {}).items()},
        },
    }
    return found if security is None else {**found, "security": security}


def _method(signature: Signature) -> Document:
    return {
        "name": "method",
        "in": "query",
        "description": f"What answers; {signature.default_method} if nothing is said.",
        "schema": {"type": "array", "items": {"enum": list(signature.outputs)}},
    }


def _refusal(told: str) -> Document:
    return {"description": told, "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}


def _header(told: str) -> Document:
    return {"description": told, "schema": {"type": "string"}}
