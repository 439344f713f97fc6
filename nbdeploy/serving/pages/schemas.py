"""Columns and answers as JSON Schema (draft 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from typing import Any

import numpy as np

from nbdeploy.types import Column, MethodOutput, Signature

__all__ = ["answers_schema", "columns_schema", "record_schema", "value_schema"]

Schema = dict[str, Any]

_MOST = 200
"""Longer lists of categories are not repeated here."""

TYPE = "x-nbdeploy-type"
"""The logical type of a column, which JSON's own types do not tell."""

_DATE = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_ZONE = r"(Z|[+-]\d{2}:?\d{2})"
INFINITIES = {"enum": ["Infinity", "-Infinity"]}
_LARGEST = {"float16": 65504.0, "float32": float(np.finfo(np.float32).max)}


def record_schema(signature: Signature) -> Schema:
    """Return the schema of a row as an object.

    Examples
    --------
    >>> record_schema(Signature("pandas", [Column("age", "int8", "int8")]))["properties"]
    {'age': {'type': 'integer', 'minimum': -128, 'maximum': 127, 'x-nbdeploy-type': 'int8'}}
    """
    schema: Schema = {
        "type": "object",
        "properties": {column.name: value_schema(column) for column in signature.columns},
        "required": [column.name for column in signature.columns if column.required],
    }
    return schema | ({"additionalProperties": False} if signature.unknown == "reject" else {})


def columns_schema(signature: Signature) -> Schema:
    """Return the schema of rows as an object of columns, each a list."""
    schema = record_schema(signature)
    lists = {name: {"type": "array", "items": value} for name, value in schema["properties"].items()}
    return schema | {"properties": lists}


def answers_schema(outputs: dict[str, MethodOutput]) -> Schema:
    """Return the schema of an answer as an object: the columns of the methods that were asked for."""
    columns = {
        name: output.details.get(name) or Column(name, kind, kind)
        for output in outputs.values()
        for name, kind in zip(output.columns, output.types, strict=True)
    }
    return {"type": "object", "properties": {name: _answer(column) for name, column in columns.items()}}


def value_schema(column: Column) -> Schema:
    """Return the schema of a column's values. Of a private column it says no value."""
    schema = _kind(column)
    if column.nullable:
        schema = _or_null(schema)
    told = _told(column)
    return schema | {TYPE: column.type} | ({"description": told} if told else {})


def _answer(column: Column) -> Schema:
    """What is missing is null, and what JSON has no number for is text."""
    schema = _number_or_infinity(column) if (column.items or column.type).startswith("float") else _kind(column)
    return {"anyOf": [schema, {"type": "null"}]}


def _number_or_infinity(column: Column) -> Schema:
    schema: Schema = {"anyOf": [{"type": "number"}, INFINITIES, {"type": "null"}]}
    for _ in column.shape or ():
        schema = {"type": "array", "items": schema}
    return schema


def _kind(column: Column) -> Schema:
    if column.type == "list":
        return _lists(column)
    if column.type == "sparse":
        width = (column.shape or [0])[0]
        return {
            "type": "array",
            "description": f"{width} values, or a list of {{index, value}} of those that are not 0",
        }
    if column.categories is not None:
        return _categories(column)
    return _scalar(column.type, column)


def _scalar(kind: str, column: Column) -> Schema:
    if kind in _LARGEST:
        return {"type": "number", "minimum": -_LARGEST[kind], "maximum": _LARGEST[kind]}
    if kind.startswith(("int", "uint")):
        limits = np.iinfo(kind)
        return {"type": "integer", "minimum": int(limits.min), "maximum": int(limits.max)}
    plain: dict[str, Schema] = {
        "binary": {"type": "string", "contentEncoding": "base64"},
        "bool": {"type": "boolean"},
        "date": {"type": "string", "format": "date"},
        "datetime": {"type": "string", "pattern": rf"^{_DATE}([T ]{_CLOCK})?{_ZONE if column.timezone else ''}$"},
        "decimal": {"type": "string", "pattern": r"^[+-]?\d+(\.\d+)?$"},
        "duration": {"type": "string", "format": "duration"},
        "float64": {"type": "number"},
        "string": {"type": "string"},
        "time": {"type": "string", "pattern": rf"^{_CLOCK}$"},
    }
    return plain[kind]


def _lists(column: Column) -> Schema:
    schema = _scalar(str(column.items), column)
    schema = _or_null(schema) if column.gaps else schema
    for size in reversed(column.shape or ()):
        schema = {"type": "array", "items": schema} | ({} if size is None else {"minItems": size, "maxItems": size})
    return schema


def _categories(column: Column) -> Schema:
    values = column.categories or []
    first = values[0] if values else ""
    kind = next(name for cls, name in _JSON if isinstance(first, cls))
    return {"type": kind} if column.private or len(values) > _MOST else {"enum": values}


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    return schema | {"type": [schema["type"], "null"]}


def _told(column: Column) -> str:
    if column.private:
        return "Private: its values are shown nowhere."
    parts = [f"From {column.low} to {column.high} in training."] if column.low is not None else []
    parts += [f"In the time zone {column.timezone}."] if column.timezone else []
    parts += [f"{column.precision} digits, {column.scale} after the point."] if column.type == "decimal" else []
    if not column.required:
        parts.append("May be left out." if column.default is None else f"{column.default!r} if it is left out.")
    return " ".join(parts)


_JSON = ((bool, "boolean"), (int, "integer"), (float, "number"), (object, "string"))
