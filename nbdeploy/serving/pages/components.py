"""The schemas of a model's OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbdeploy.codecs.oip.datatypes import DATATYPES
from nbdeploy.serving.pages.schemas import answers_schema, columns_schema, record_schema
from nbdeploy.types import Signature

__all__ = ["components"]

Document = dict[str, Any]

_TEXT: Document = {"type": "string"}
_DATATYPE: Document = {"enum": list(DATATYPES)}
_TENSOR: Document = {
    "name": _TEXT,
    "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    "datatype": _DATATYPE,
    "data": {"type": "array", "items": {"type": ["array", "number", "string", "boolean", "null"]}},
    "parameters": {"type": "object"},
}
_LABEL = ["string", "integer", "number", "boolean", "null"]
_TRUTH: Document = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "truth": {"description": "A number, text, or true and false, as the model answers."},
        "row": {"type": ["integer", "null"]},
    },
    "required": ["id", "truth"],
    "additionalProperties": False,
}


def components(signature: Signature) -> Document:
    """Return the schemas that a model's requests and answers are made of, by name."""
    methods = {"enum": list(signature.outputs)}
    chosen = {
        "type": "object",
        "properties": {"method": {"anyOf": [methods, {"type": "array", "items": methods}]}},
        "additionalProperties": False,
    }
    row = {"$ref": "#/components/schemas/Row"}
    answer = answers_schema(signature.outputs)
    values: Document = {"type": "array", "items": {"type": ["array", "object", "string", "number", "boolean", "null"]}}
    return {
        "Row": record_schema(signature),
        "Rows": {"anyOf": [{"type": "array", "items": row}, row]},
        "Answers": {"type": "array", "items": answer},
        "Predictions": _object({"predictions": values}),
        "Error": _object({"error": _TEXT, "kind": _TEXT}, ["error"]),
        "Truths": {"type": "array", "items": _TRUTH},
        "Ready": {"type": "object", "properties": {"name": {"type": "string"}, "ready": {"type": "boolean"}}},
        "Invocation": _invocation(row, columns_schema(signature), chosen, values),
        "Instances": _instances(row, columns_schema(signature), chosen, values),
        **_tensors(signature, chosen),
    }


def _invocation(row: Document, columns: Document, chosen: Document, values: Document) -> Document:
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": ["array", "null"], "items": {"type": [*_LABEL, "array"], "items": {"type": _LABEL}}},
            "data": {"type": "array", "items": {"type": "array"}},
            "index": {"type": ["array", "null"], "items": {}},
        },
        "required": ["data"],
        "additionalProperties": False,
    }
    forms: Document = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": row},
        "instances": values,
        "inputs": {"anyOf": [values, columns]},
    }
    return _one_of(forms, {"params": chosen | {"type": ["object", "null"]}})


def _instances(row: Document, columns: Document, chosen: Document, values: Document) -> Document:
    rows: Document = {"anyOf": [{"type": "array", "items": row}, values]}
    return _one_of({"instances": rows, "inputs": {"anyOf": [values, columns]}}, {"parameters": chosen})


def _one_of(forms: Document, more: Document) -> Document:
    """An object that has one of several properties, and may have more besides."""
    return {
        "oneOf": [
            {
                "type": "object",
                "properties": {name: schema, **more},
                "required": [name],
                "additionalProperties": False,
            }
            for name, schema in forms.items()
        ]
    }


def _tensors(signature: Signature, chosen: Document) -> Document:
    """What the Open Inference Protocol has."""
    outputs = [column for output in signature.outputs.values() for column in output.columns]
    wanted = _object({"name": {"enum": outputs}, "parameters": {"type": "object"}}, ["name"])
    tensor, sizes = {"$ref": "#/components/schemas/Tensor"}, {"type": "array", "items": {"type": "integer"}}
    told = _listed(_object({"name": _TEXT, "datatype": _DATATYPE, "shape": sizes}))
    asked = {
        "id": {"type": ["string", "null"]},
        "parameters": chosen | {"additionalProperties": True},
        "inputs": _listed(tensor) | {"minItems": 1},
        "outputs": _listed(wanted),
    }
    answered = {"model_name": _TEXT, "model_version": _TEXT, "id": _TEXT, "outputs": _listed(tensor)}
    described = {"name": _TEXT, "versions": _listed(_TEXT), "platform": _TEXT, "inputs": told, "outputs": told}
    return {
        "Tensor": _object(_TENSOR, ["name", "shape", "datatype"]),
        "InferenceRequest": _object(asked, ["inputs"]),
        "InferenceResponse": _object(answered),
        "ModelMetadata": _object(described),
    }


def _object(properties: Document, required: Sequence[str] | None = None) -> Document:
    """An object with these properties, all of them required if it is not said which are."""
    return {"type": "object", "properties": properties, "required": list(properties if required is None else required)}


def _listed(items: Document) -> Document:
    return {"type": "array", "items": items}
