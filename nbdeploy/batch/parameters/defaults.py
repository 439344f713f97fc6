"""Defaults in a parameters cell: their value where it is written out, and the type that they hint at."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from typing import Annotated, Any, Optional

from nbdeploy.batch.parameters.enumerations import Enumeration
from nbdeploy.batch.parameters.values import Member

__all__ = ["UNKNOWN", "read_default", "type_of_default", "type_of_expression"]

UNKNOWN = object()
"""A default that is an expression: only the notebook itself knows its value."""

_MAKERS: Mapping[str, Callable[..., Any]] = {
    "Path": Path,
    "PurePath": PurePath,
    "date": date,
    "date.fromisoformat": date.fromisoformat,
    "datetime": datetime,
    "datetime.fromisoformat": datetime.fromisoformat,
    "dict": dict,
    "float": float,
    "frozenset": frozenset,
    "list": list,
    "set": set,
    "time": time,
    "time.fromisoformat": time.fromisoformat,
    "timedelta": timedelta,
    "tuple": tuple,
}
_RESULTS: Mapping[str, type] = {
    "Path": Path,
    "Path.cwd": Path,
    "Path.home": Path,
    "date": date,
    "date.today": date,
    "datetime": datetime,
    "datetime.now": datetime,
    "datetime.strptime": datetime,
    "datetime.today": datetime,
    "datetime.utcnow": datetime,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "set": set,
    "str": str,
    "timedelta": timedelta,
    "tuple": tuple,
}


def read_default(node: ast.expr | None, known: Mapping[str, Enumeration]) -> Any:
    """The value of a default, or :data:`UNKNOWN`; nothing is executed.

    Besides what `ast.literal_eval` reads: dates, times, spans, paths and sets made of written-out values, and members
    of the enumerations that are known.

    Examples
    --------
    >>> read_default(ast.parse("[date(2026, 9, 1), None]", mode="eval").body, {})
    [datetime.date(2026, 9, 1), None]
    """
    try:
        return UNKNOWN if node is None else _value(node, known)
    except (ValueError, TypeError, OverflowError, KeyError, MemoryError, RecursionError):
        return UNKNOWN


def _value(node: ast.expr, known: Mapping[str, Enumeration]) -> Any:
    match node:
        case ast.List(elts=items):
            return [_value(item, known) for item in items]
        case ast.Tuple(elts=items):
            return tuple(_value(item, known) for item in items)
        case ast.Set(elts=items):
            return {_value(item, known) for item in items}
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key, known): _value(item, known) for key, item in zip(keys, values, strict=True) if key}
        case ast.Call(func=function, args=items, keywords=named):
            given = {word.arg: _value(word.value, known) for word in named if word.arg}
            return _MAKERS[_called(function)](*[_value(item, known) for item in items], **given)
        case ast.Attribute(value=ast.Name(id=name), attr=member) if name in known:
            return known[name].find(member)
    return ast.literal_eval(node)


def _called(function: ast.expr) -> str:
    """The function's name as its module's users write it: ``datetime.datetime.now`` is ``datetime.now``."""
    dotted = ast.unparse(function)
    for module in ("datetime.", "dt.", "pathlib."):
        if dotted.removeprefix(module) in {*_RESULTS, *_MAKERS} and dotted.startswith(module):
            return dotted.removeprefix(module)
    return dotted


def type_of_expression(node: ast.expr | None) -> Any:
    """The type of a default that is not written out, ``Any`` where it cannot be told."""
    match node:
        case ast.Call(func=function):
            kind = _RESULTS.get(_called(function), Any)
            return kind if kind in {Any, str} else _or_none(kind)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Div()):
            return type_of_expression(left)
        case ast.JoinedStr():
            return str
    return Any


def type_of_default(default: object, known: Mapping[str, Enumeration] | None = None) -> Any:
    """What a text may mean for a parameter without annotation: its default hints at it.

    A whole-number default also takes other numbers (``alpha = 1``), and every default but a text also takes ``None``.
    """
    if default is None or isinstance(default, str):
        return Any if default is None else str
    if isinstance(default, Member):
        return _or_none(Annotated[Member, (known or {})[default.enumeration]])
    if isinstance(default, int) and not isinstance(default, bool):
        return int | float | None
    for kind in (bool, float, datetime, date, time, timedelta, PurePath, list, tuple, set, frozenset, dict):
        if isinstance(default, kind):
            return _or_none(Path if kind is PurePath else kind)
    return Any


def _or_none(kind: Any) -> Any:
    return Optional[kind]  # noqa: UP045 - not every type of typing's knows the operator
