"""Types written in a parameters cell, and what a value or a text means under them."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Optional, Union, get_args, get_origin

import msgspec

__all__ = ["convert", "from_text", "guess", "read_annotation", "type_of_default"]

_NAMES: Mapping[str, Any] = {
    "Dict": dict,
    "List": list,
    "Mapping": dict,
    "None": NoneType,
    "Sequence": list,
    "Tuple": list,
    "bool": bool,
    "dict": dict,
    "float": float,
    "int": int,
    "list": list,
    "str": str,
    "tuple": list,
}
_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def read_annotation(node: ast.expr) -> Any:
    """The type that an annotation names, read without evaluating it; ``Any`` where it is not a simple one.

    Examples
    --------
    >>> read_annotation(ast.parse("list[int]", mode="eval").body)
    list[int]
    """
    match node:
        case ast.Constant(value=None):
            return NoneType
        case ast.Constant(value=str(text)):
            return _read_text(text)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _NAMES.get(name, Any)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(read_annotation(left), read_annotation(right))
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _read_generic(name, inner.elts if isinstance(inner, ast.Tuple) else [inner])
    return Any


def _read_text(text: str) -> Any:
    try:
        return read_annotation(ast.parse(text, mode="eval").body)
    except SyntaxError:
        return Any


def _read_generic(name: str, inner: list[ast.expr]) -> Any:
    if name == "Literal":
        values = tuple(item.value for item in inner if isinstance(item, ast.Constant))
        return Literal[values] if len(values) == len(inner) else Any
    types = [read_annotation(item) for item in inner]
    if name in {"Optional", "Union"}:
        return _either(*types, *([NoneType] if name == "Optional" else []))
    if name in {"Annotated", "Final"}:
        return types[0]
    if name in {"list", "List", "Sequence"} and len(types) == 1:
        return list[types[0]]  # type: ignore[valid-type]
    if name in {"dict", "Dict", "Mapping"} and len(types) == 2:
        return dict[types[0], types[1]]  # type: ignore[valid-type]
    return _NAMES.get(name, Any)


def _either(*types: Any) -> Any:
    return Any if Any in types else Union[types]  # noqa: UP007 - the members are known only now


def type_of_default(default: object) -> Any:
    """What a text may mean for a parameter without annotation: its default hints at it.

    A whole-number default also takes other numbers (``alpha = 1``), and every default but a
    text also takes ``None``.
    """
    match default:
        case bool():
            return Optional[bool]  # noqa: UP045
        case int():
            return Union[int, float, None]  # noqa: UP007
        case float():
            return Optional[float]  # noqa: UP045
        case str():
            return str
        case list() | tuple():
            return Optional[list]  # noqa: UP045
        case dict():
            return Optional[dict]  # noqa: UP045
    return Any


def convert(value: Any, type_: Any) -> Any:
    """Return `value` if it is of the type (a whole number also counts as a float).

    Raises
    ------
    ValueError
        If it is not.
    """
    try:
        return msgspec.convert(value, type_)
    except TypeError:  # a union that msgspec cannot tell apart is not checked
        return value


def from_text(text: str, type_: Any) -> Any:
    """Read a text as a value of a type.

    Raises
    ------
    ValueError
        If the text is not of the type.

    Examples
    --------
    >>> from_text("3", int), from_text("3", str), from_text("[1, 2]", list[float])
    (3, '3', [1.0, 2.0])
    """
    options = get_args(type_) if get_origin(type_) in {Union, UnionType} else (type_,)
    for option in sorted(options, key=_rank):
        try:
            return _READERS.get(get_origin(option) or option, _any)(text, option)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not of the type")


def guess(text: str) -> Any:
    """What papermill's own command line makes of a text: True, False, None, a number, else the text.

    Examples
    --------
    >>> guess("3"), guess("0.5"), guess("None"), guess("2026-09")
    (3, 0.5, None, '2026-09')
    """
    constants: Mapping[str, Any] = {"True": True, "False": False, "None": None}
    if text in constants:
        return constants[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def _any(text: str, _: Any) -> Any:
    return guess(text)


def _none(text: str, _: Any) -> None:
    if text not in {"None", "null"}:
        raise ValueError(text)


def _bool(text: str, _: Any) -> bool:
    if text.strip().lower() not in _TRUTH:
        raise ValueError(text)
    return _TRUTH[text.strip().lower()]


def _choice(text: str, type_: Any) -> Any:
    for choice in get_args(type_):
        if str(choice) == text:
            return choice
    raise ValueError(text)


def _container(text: str, type_: Any) -> Any:
    """JSON, or what Python itself would print."""
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = ast.literal_eval(text.strip())
        except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(text) from error
    return convert(list(value) if isinstance(value, tuple) else value, type_)


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    NoneType: _none,
    int: lambda text, _: int(text),
    float: lambda text, _: float(text),
    bool: _bool,
    Literal: _choice,
    list: _container,
    dict: _container,
    str: lambda text, _: text,
}


def _rank(option: Any) -> int:
    """The narrower types of a union are tried first."""
    kind = get_origin(option) or option
    return list(_READERS).index(kind) if kind in _READERS else len(_READERS)
