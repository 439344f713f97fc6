"""Programs of PyTorch: an exported graph as JSON, and a module that computes it without running any code.

The graph is a list of functional ATen operations (https://docs.pytorch.org/docs/stable/torch.compiler_ir.html)
and of arithmetic on numbers of rows. Only operations that cannot change their inputs, open files or reach outside
of tensors are looked up; PyTorch itself checks shapes and indices when they are computed.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import msgspec
import torch
from torch.export.graph_signature import InputKind, OutputKind

from nbdeploy.errors import NotCapturable

__all__ = ["Program", "describe"]

_ARITHMETIC = {
    function.__name__: function
    for function in (
        *(operator.add, operator.sub, operator.mul, operator.floordiv, operator.truediv, operator.mod, operator.neg),
        *(operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge, operator.getitem),
    )
}
_WITHHELD = ("_", "cudnn", "data", "fbgemm", "from_file", "miopen", "mkldnn", "mps", "quantize", "set", "sparse")
"""Beginnings of the names of operations that are internal, read files, or take more than tensors."""
_INTERNAL = {
    "_adaptive_avg_pool2d",
    "_log_softmax",
    "_native_batch_norm_legit_no_training",
    "_softmax",
    "_to_copy",
    "_unsafe_view",
}
_NO_ANSWER = ("_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range", "sym_constrain_range_for_size")
_VALUES = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
_STATE = {InputKind.BUFFER, InputKind.CONSTANT_TENSOR, InputKind.PARAMETER}


class _Step(msgspec.Struct, frozen=True):
    """One operation, and what it is given."""

    name: str
    operation: str
    arguments: list[Any]
    keywords: dict[str, Any]


class _Graph(msgspec.Struct, frozen=True):
    """A program as it is stored."""

    input: str
    dtype: str
    steps: list[_Step]
    output: dict[str, Any] | list[Any]


class Program(torch.nn.Module):
    """A module that computes a described graph.

    Parameters
    ----------
    document : dict
        What :func:`describe` returned, or the like of it from a file.
    weights : dict of str to tensor
        Its weights.

    Raises
    ------
    ValueError
        If an operation is unknown or withheld, or uses what was not computed before it.
    """

    def __init__(self, document: dict[str, Any], weights: dict[str, Any]) -> None:
        super().__init__()
        graph = msgspec.convert(document, _Graph)
        for name, weight in weights.items():
            self.register_buffer(name, weight)
        known = {graph.input, *weights}
        self._input = graph.input
        self.rows_dtype = _value("dtype", graph.dtype)
        self._steps = []
        for step in graph.steps:
            function = _operation(step.operation)
            _require_known([step.arguments, step.keywords], known)
            _require_fitting(function, step)
            known.add(step.name)
            self._steps.append((step.name, function, step.arguments, step.keywords))
        if not _require_known(graph.output, known):
            raise ValueError("it answers nothing that it computed")
        self._output = graph.output

    def forward(self, rows: Any) -> Any:
        """Compute the answer for rows."""
        values = {**dict(self.named_buffers()), self._input: rows}
        for name, function, arguments, keywords in self._steps:
            values[name] = function(
                *(_decoded(item, values) for item in arguments),
                **{key: _decoded(item, values) for key, item in keywords.items()},
            )
        return _decoded(self._output, values)


def describe(exported: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write an exported program as JSON and its weights.

    Raises
    ------
    NotCapturable
        If it changes its own state, takes several inputs, or does what the format does not hold.
    """
    signature = exported.graph_signature
    inputs = [spec for spec in signature.input_specs if spec.kind is InputKind.USER_INPUT]
    if len(inputs) != 1 or any(spec.kind not in {*_STATE, InputKind.USER_INPUT} for spec in signature.input_specs):
        raise NotCapturable("the exported program takes more than one table")
    if any(spec.kind is not OutputKind.USER_OUTPUT for spec in signature.output_specs):
        raise NotCapturable("the exported program changes its own state when it is asked")
    state = {**exported.state_dict, **exported.constants}
    weights = {
        spec.arg.name: state[spec.target].detach().cpu().contiguous().clone()
        for spec in signature.input_specs
        if spec.kind in _STATE
    }
    steps: list[dict[str, Any]] = []
    output: Any = None
    rows = inputs[0].arg.name
    dtype = next(node.meta["val"].dtype for node in exported.graph.nodes if node.name == rows)
    for node in exported.graph.nodes:
        if node.op == "output":
            output = _shaped(exported, [_encoded(item) for item in node.args[0]])
        elif node.op == "call_function" and _name(node.target).split(".")[1] not in _NO_ANSWER:
            _operation_or_refuse(node.target)
            steps.append(
                {
                    "name": node.name,
                    "operation": _name(node.target),
                    "arguments": [_encoded(item) for item in node.args],
                    "keywords": {key: _encoded(item) for key, item in node.kwargs.items()},
                }
            )
    return {"input": rows, "dtype": str(dtype), "steps": steps, "output": output}, weights


def _shaped(exported: Any, answers: list[Any]) -> Any:
    """The answers as the module returned them: one, several, or by name."""
    from torch.utils import _pytree

    shape = exported.call_spec.out_spec
    if shape.is_leaf():
        return answers[0]
    if shape.type is dict and all(child.is_leaf() for child in shape.children()):
        return {"named": dict(zip(shape.context, answers, strict=True))}
    if shape.type in {tuple, list} and all(child.is_leaf() for child in shape.children()):
        return {"tuple": answers} if shape.type is tuple else answers
    raise NotCapturable(f"the module answers with {_pytree.treespec_dumps(shape)}, which is no table")


def _name(target: Any) -> str:
    if isinstance(target, torch._ops.OpOverload):
        return str(target)
    if target in _ARITHMETIC.values():
        return f"operator.{target.__name__}"
    raise NotCapturable(f"the exported program calls {target}, which is no operation on tensors")


def _operation_or_refuse(target: Any) -> None:
    try:
        _operation(_name(target))
    except ValueError as error:
        raise NotCapturable(f"the exported program cannot be stored: {error}") from error


def _operation(name: str) -> Any:
    """Look an operation up.

    Raises
    ------
    ValueError
        If there is none, or it could do more than compute.
    """
    space, _, rest = name.partition(".")
    if space == "operator" and rest in _ARITHMETIC:
        return _ARITHMETIC[rest]
    packet, _, overload = rest.partition(".")
    plain = packet in _INTERNAL or not packet.startswith(_WITHHELD)
    if space == "aten" and plain and packet.isidentifier() and overload.isidentifier():
        found = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if isinstance(found, torch._ops.OpOverload) and not found._schema.is_mutable:
            return found
    raise ValueError(f"{name} is not an operation that only computes")


def _encoded(item: Any) -> Any:
    if isinstance(item, torch.fx.Node):
        return {"of": item.name}
    if isinstance(item, (list, tuple)):
        return [_encoded(value) for value in item]
    if isinstance(item, torch.device):
        return {"device": item.type}
    for kind, cls in _VALUES.items():
        if isinstance(item, cls):
            return {kind: str(item)}
    if isinstance(item, float) and not math.isfinite(item):
        return {"float": str(item)}
    if item is None or isinstance(item, (bool, int, float, str)):
        return item
    raise NotCapturable(f"the exported program holds a {type(item).__name__}")


def _decoded(item: Any, values: dict[str, Any]) -> Any:
    if isinstance(item, list):
        return [_decoded(value, values) for value in item]
    if not isinstance(item, dict):
        return item
    ((kind, value),) = item.items()
    if kind == "of":
        return values[value]
    if kind == "named":
        return {name: _decoded(part, values) for name, part in value.items()}
    if kind == "tuple":
        return tuple(_decoded(part, values) for part in value)
    if kind == "device":
        return torch.device("cpu")
    return float(value) if kind == "float" else _value(kind, value)


def _value(kind: str, text: str) -> Any:
    found = getattr(torch, str(text).removeprefix("torch."), None)
    if not isinstance(found, _VALUES[kind]):
        raise ValueError(f"{text!r} is no {kind}")
    return found


def _require_known(item: Any, known: set[str]) -> bool:
    """See that what an item refers to was computed before; return whether it refers to anything."""
    if isinstance(item, dict) and list(item) == ["of"]:
        if item["of"] not in known:
            raise ValueError(f"{item['of']!r} is used before it is computed")
        return True
    inside = item if isinstance(item, list) else item.values() if isinstance(item, dict) else ()
    return sum(_require_known(value, known) for value in inside) > 0


def _require_fitting(function: Any, step: _Step) -> None:
    """See that an operation takes so many arguments, of these names; their types PyTorch checks when it computes."""
    if not isinstance(function, torch._ops.OpOverload):
        return
    taken = function._schema.arguments
    positional = [argument.name for argument in taken if not argument.kwarg_only]
    given = {*positional[: len(step.arguments)], *step.keywords}
    needed = {argument.name for argument in taken if not argument.has_default_value()}
    if len(step.arguments) > len(positional) or not needed <= given <= {argument.name for argument in taken}:
        raise ValueError(f"{step.operation} takes other arguments than it is given")
