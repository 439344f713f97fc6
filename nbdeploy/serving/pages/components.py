"""The schemas of a model's OpenAPI document."""

from __future__ import annotations

from typing import Any

from nbdeploy.codecs.oip.datatypes import DATATYPES
from nbdeploy.serving.pages.schemas import answers_schema, columns_schema, record_schema
from nbdeploy.types import Signature

__all__ = ["components"]

Document = dict[str, Any]

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
        "Predictions": {"type": "object", "properties": {"predictions": values}, "required": ["predictions"]},
        "Error": {
            "type": "object",
            "properties": {"error": {"type": "string"}, "kind": {"type": "string"}},
            "required": ["error"],
        },
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
    value = {"type": ["array", "number", "string", "boolean", "null"]}
    text, shape = {"type": "string"}, {"type": "array", "items": {"type": "integer", "minimum": 0}}
    tensor: Document = {
        "type": "object",
        "properties": {
            "name": text,
            "shape": shape,
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array", "items": value},
            "parameters": {"type": "object"},
        },
        "required": ["name", "shape", "datatype"],
    }
    outputs = [column for output in signature.outputs.values() for column in output.columns]
    wanted = {
        "type": "object",
        "properties": {"name": {"enum": outputs}, "parameters": {"type": "object"}},
        "required": ["name"],
    }
    told = {
        "type": "object",
        "properties": {
            "name": text,
            "datatype": {"enum": list(DATATYPES)},
            "shape": shape | {"items": {"type": "integer"}},
        },
        "required": ["name", "datatype", "shape"],
    }
    return {
        "Tensor": tensor,
        "InferenceRequest": {
            "type": "object",
            "properties": {
                "id": {"type": ["string", "null"]},
                "parameters": chosen | {"additionalProperties": True},
                "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}, "minItems": 1},
                "outputs": {"type": "array", "items": wanted},
            },
            "required": ["inputs"],
        },
        "InferenceResponse": {
            "type": "object",
            "properties": {
                "model_name": text,
                "model_version": text,
                "id": text,
                "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/Tensor"}},
            },
            "required": ["model_name", "model_version", "id", "outputs"],
        },
        "ModelMetadata": {
            "type": "object",
            "properties": {
                "name": text,
                "versions": {"type": "array", "items": text},
                "platform": text,
                "inputs": {"type": "array", "items": told},
                "outputs": {"type": "array", "items": told},
            },
            "required": ["name", "versions", "platform", "inputs", "outputs"],
        },
    }
