"""What a bundle says to MLflow: ``MLmodel`` and ``python_env.yaml``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from nbdeploy.manifest import Content
from nbdeploy.types import Column, MethodOutput, Signature
from nbdeploy.version import __version__

__all__ = ["mlmodel", "python_env"]

_OURS = {"loader_module": "nbdeploy.mlflow"}
_SKLEARN_METHODS = ("predict", "predict_proba", "predict_log_proba")

_TYPES = {
    "bool": "boolean",
    "float32": "float",
    "float64": "double",
    "int16": "integer",
    "int32": "integer",
    "int64": "long",
    "int8": "integer",
    "string": "string",
    "uint16": "integer",
    "uint32": "long",
    "uint8": "integer",
}
"""MLflow's names of types. It has none for the others, and would change their values on the way."""


def mlmodel(flavors: Mapping[str, Any], content: Content, identity: str) -> bytes:
    """``MLmodel``: the table from which MLflow loads the bundle as a model of its own.

    Parameters
    ----------
    flavors : mapping
        MLflow's own flavors that can load the model, if there are any.
    content : Content
        What the snapshot takes and answers.
    identity : str
        32 hexadecimal digits.
    """
    signature = content.signature
    table = dict(flavors) if _answers_alike(flavors, signature) else {}
    function = {**table.get("python_function", _OURS)}
    ours = function["loader_module"] == _OURS["loader_module"]
    if not ours:
        function["predict_fn"] = signature.default_method
    table["python_function"] = {
        **function,
        "env": {"virtualenv": "python_env.yaml"},
        "python_version": content.environment.python,
    }
    document = {"flavors": table, "model_uuid": identity, "signature": _signature(signature, ours)}
    return bytes(yaml.safe_dump(document), "utf-8")


def python_env(content: Content) -> bytes:
    """``python_env.yaml``: from which MLflow rebuilds the environment."""
    dependencies = ["-r requirements.txt", f"nbdeploy=={__version__}"]
    document = {"python": content.environment.python, "dependencies": dependencies}
    return bytes(yaml.safe_dump(document), "utf-8")


def _answers_alike(flavors: Mapping[str, Any], signature: Signature) -> bool:
    """Whether MLflow, which has pandas frames of plain types, asks the model as it is asked here.

    Where the model was given something else, our loader rebuilds it.
    """
    plain = all(c.type in _TYPES and c.label is None and c.required and not c.level for c in signature.columns)
    alike = signature.container in {"pandas", "numpy"} and signature.dims == 2 and plain
    return alike and ("python_function" not in flavors or signature.default_method in _SKLEARN_METHODS)


def _signature(signature: Signature, ours: bool) -> dict[str, str]:
    """MLflow's schema: columns or a tensor in, columns or a tensor out, and parameters where our loader takes them."""
    output = signature.outputs[signature.default_method]
    parts = {"inputs": _inputs(signature), "outputs": _columns_out(output) if ours else _tensor_out(output)}
    if ours:
        parts["params"] = [{"name": "method", "type": "string", "default": signature.default_method, "shape": None}]
    return {name: json.dumps(part) for name, part in parts.items() if part is not None}


def _inputs(signature: Signature) -> list[dict[str, Any]] | None:
    columns = signature.columns
    if signature.container == "numpy":
        shape = [-1] if signature.dims == 1 else [-1, len(columns)]
        return _tensor(columns[0].type, shape) if len({column.type for column in columns}) == 1 else None
    if signature.dims == 1:
        return [_spec(columns[0])]
    if any(column.label is not None for column in columns):
        return None  # MLflow's columns have names; these have numbers
    # MLflow carries the index of a frame along, and does not check it.
    return [{**_spec(column), "name": column.name} for column in columns if not column.level]


def _spec(column: Column) -> dict[str, Any]:
    """Type of a column, and whether it must be sent. MLflow refuses integers and booleans among which values miss."""
    kind = _TYPES.get(column.type, "any")
    if column.type == "datetime" and column.timezone is None:
        kind = "datetime"
    elif column.nullable and kind not in {"double", "float", "string"}:
        kind = "any"
    return {"type": kind, "required": column.required}


def _columns_out(output: MethodOutput) -> list[dict[str, Any]]:
    named = zip(output.columns, output.types, strict=True)
    return [{"name": name, "type": _TYPES.get(kind, "any"), "required": True} for name, kind in named]


def _tensor_out(output: MethodOutput) -> list[dict[str, Any]] | None:
    shape = [-1] if output.dims == 1 else [-1, len(output.columns)]
    return _tensor(output.types[0], shape) if len(set(output.types)) == 1 else None


def _tensor(kind: str, shape: list[int]) -> list[dict[str, Any]] | None:
    dtype = {"string": "object"}.get(kind, kind)
    return [{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}}] if kind in _TYPES else None
