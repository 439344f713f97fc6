"""Types written in a parameters cell, read without evaluating them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from types import NoneType
from typing import Annotated, Any, Literal, Union

from nbdeploy.batch.parameters.enumerations import Enumeration
from nbdeploy.batch.parameters.values import Member

__all__ = ["read_annotation"]

_NAMES: Mapping[str, Any] = {
    "AbstractSet": set,
    "Collection": list,
    "Dict": dict,
    "FrozenSet": frozenset,
    "Iterable": list,
    "List": list,
    "Mapping": dict,
    "None": NoneType,
    "Path": Path,
    "PathLike": Path,
    "PurePath": PurePath,
    "Sequence": list,
    "Set": set,
    "Tuple": tuple,
    "bool": bool,
    "date": date,
    "datetime": datetime,
    "dict": dict,
    "float": float,
    "frozenset": frozenset,
    "int": int,
    "list": list,
    "set": set,
    "str": str,
    "time": time,
    "timedelta": timedelta,
    "tuple": tuple,
}
_ITEMS = {list, set, frozenset}
"""Containers with one type for all their items."""


def read_annotation(node: ast.expr, known: Mapping[str, Enumeration] | None = None) -> Any:
    """The type that an annotation names; ``Any`` where it is not a simple one.

    Parameters
    ----------
    node : ast.expr
        The annotation.
    known : mapping, optional
        The enumerations that the notebook defines.

    Examples
    --------
    >>> read_annotation(ast.parse("list[int]", mode="eval").body)
    list[int]
    """
    return _Reader(known or {}).read(node)


class _Reader:
    def __init__(self, known: Mapping[str, Enumeration]) -> None:
        self.known = known

    def read(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=None):
                return NoneType
            case ast.Constant(value=str(text)):
                return self._text(text)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return Annotated[Member, self.known[name]] if name in self.known else _NAMES.get(name, Any)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return _either(self.read(left), self.read(right))
            case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
                return self._generic(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
        return Any

    def _text(self, text: str) -> Any:
        try:
            return self.read(ast.parse(text, mode="eval").body)
        except SyntaxError:
            return Any

    def _generic(self, name: str, inner: list[ast.expr]) -> Any:
        if name == "Literal":
            return _choices(inner)
        if name == "Optional":
            return _either(self.read(inner[0]), NoneType)
        if name == "Union":
            return _either(*map(self.read, inner))
        if name in {"Annotated", "Final"}:
            return self.read(inner[0])
        kind = _NAMES.get(name, Any)
        types = [... if isinstance(item, ast.Constant) and item.value is ... else self.read(item) for item in inner]
        if kind is tuple:
            return tuple[tuple(types)]  # type: ignore[misc]
        if kind in _ITEMS and len(types) == 1:
            return kind[types[0]]
        if kind is dict and len(types) == 2:
            return dict[types[0], types[1]]  # type: ignore[valid-type]
        return kind


def _choices(inner: list[ast.expr]) -> Any:
    try:
        values = tuple(ast.literal_eval(item) for item in inner)
    except ValueError:
        return Any
    return Literal[values]


def _either(*types: Any) -> Any:
    return Any if Any in types else Union[types]  # noqa: UP007 - the members are known only now
