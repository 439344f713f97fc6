"""What a text or a value means under a type."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from nbdeploy.batch.parameters.enumerations import Enumeration
from nbdeploy.batch.parameters.values import Member

__all__ = ["choices", "convert", "expected", "from_text", "guess", "options"]

_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
_SPAN_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "min": "minutes", "s": "seconds"}
_SPAN_UNITS |= {"ms": "milliseconds", "us": "microseconds"}
_SPAN_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|min|ms|us|m|s)\s*")
_SPAN_CLOCK = re.compile(
    r"(?:(?P<days>-?\d+) days?, )?(?P<hours>\d+):(?P<minutes>\d\d)(?::(?P<seconds>\d\d(?:\.\d+)?))?"
)
_CONTAINERS = (list, tuple, set, frozenset, dict)


def options(type_: Any) -> tuple[Any, ...]:
    """The types of a union, or the one that it is, the narrower first."""
    found = get_args(type_) if get_origin(type_) in {Union, UnionType} else (type_,)
    return tuple(sorted(found, key=_rank))


def kind_of(type_: Any) -> Any:
    """The class that a type is about: ``list`` for ``list[int]``, `Member` for an enumeration."""
    origin = get_origin(type_)
    return get_args(type_)[0] if origin is Annotated else origin or type_


def choices(type_: Any) -> list[str] | None:
    """The texts to choose from, None if there are others."""
    found: list[str] = []
    for option in options(type_):
        match kind_of(option):
            case kind if kind is Literal:
                found += map(str, get_args(option))
            case kind if kind is Member:
                found += _enumeration(option).names
            case kind if kind is NoneType:
                found.append("None")
            case _:
                return None
    return [*(text for text in found if text != "None"), *(["None"] if "None" in found else [])]


def expected(type_: Any) -> str:
    """How values of a type are written, where that is not plain; else empty."""
    of_choice = [option for option in options(type_) if kind_of(option) in {Literal, Member}]
    unknown = [_enumeration(option).name for option in of_choice if kind_of(option) is Member and not choices(option)]
    if unknown:
        return (
            f"the class {unknown[0]} is not defined in the notebook up to this cell, so that its members are not known "
            "without executing it; define it there, or write the annotation as Literal[...]"
        )
    if of_choice:
        return f"there are: {', '.join(choices(_union(of_choice)) or [])}"
    shown = [_EXAMPLES[kind] for kind in map(kind_of, options(type_)) if kind in _EXAMPLES]
    return f"write it as {', or '.join(shown)}" if shown else ""


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
    for option in options(type_):
        try:
            kind = kind_of(option)
            return _container(text, type_) if kind in _CONTAINERS else _READERS.get(kind, _any)(text, option)
        except (ValueError, TypeError, OverflowError):
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


def convert(value: Any, type_: Any) -> Any:
    """Return a value as one of a type: as it is, or as what JSON and YAML have no word for.

    A whole number is also a float, a list also a tuple or a set, and a text also a date, a time, a span, a path or a
    member of an enumeration. A date or a path is also a text.

    Raises
    ------
    ValueError
        If it is not of the type.

    Examples
    --------
    >>> convert([1, "2026-09-01"], tuple[float, date])
    (1.0, datetime.date(2026, 9, 1))
    """
    for attempt in (_exact, _near):
        for option in options(type_):
            try:
                return attempt(value, option)
            except (ValueError, TypeError, OverflowError):  # a set takes no lists
                continue
    raise ValueError(f"{value!r} is not of the type")


def _exact(value: Any, option: Any) -> Any:
    """The value, if it is of this very class; what is in it may be near."""
    kind = kind_of(option)
    if option is Any:
        return value
    if kind is Literal:
        return next(_same(value, get_args(option)))
    if kind is Member and isinstance(value, Member):
        return _enumeration(option).find(repr(value))
    if type(value) is not kind and not (kind in {Path, PurePath} and isinstance(value, kind)):
        raise ValueError(value)
    return _inside(value, option, kind) if kind in _CONTAINERS else value


def _same(value: Any, allowed: tuple[Any, ...]) -> Iterator[Any]:
    yield from (choice for choice in allowed if type(choice) is type(value) and choice == value)
    raise ValueError(value)


def _near(value: Any, option: Any) -> Any:
    """The value as one of a class that is near."""
    kind = kind_of(option)
    match value:
        case bool():
            pass
        case int() if kind is float:
            return float(value)
        case "nan" | "inf" | "-inf" if kind is float:
            return float(value)
        case str() if kind in _FROM_TEXT:
            return _READERS[kind](value, option)
        case int() | float() if kind is Member:
            return _enumeration(option).find(str(value))
        case date() | time() | PurePath() if kind is str:
            return str(value)
        case datetime():
            pass
        case date() if kind is datetime:
            return datetime(value.year, value.month, value.day)
        case list() | tuple() if kind in {list, tuple, set, frozenset}:
            return _inside(value, option, kind)
        case set() | frozenset() if kind in {set, frozenset}:
            return _inside(value, option, kind)
    raise ValueError(value)


def _inside(value: Any, option: Any, kind: Any) -> Any:
    """A container of a kind, with what is in it converted."""
    types = get_args(option)
    if kind is dict:
        key_type, item_type = types or (Any, Any)
        return {_key(key, key_type): convert(item, item_type) for key, item in value.items()}
    if kind is not tuple:
        return kind(convert(item, types[0] if types else Any) for item in value)
    if not types or types[-1] is ...:
        return tuple(convert(item, types[0] if types else Any) for item in value)
    if len(value) != len(types):
        raise ValueError(f"{len(value)} items instead of {len(types)}")
    return tuple(convert(item, item_type) for item, item_type in zip(value, types, strict=True))


def _key(key: Any, type_: Any) -> Any:
    """A key of a dict: JSON has only texts there."""
    return from_text(key, type_) if isinstance(key, str) and type_ is not Any else convert(key, type_)


def _enumeration(option: Any) -> Enumeration:
    found: Enumeration = get_args(option)[1]
    return found


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
    for choice in sorted(get_args(type_), key=lambda choice: not isinstance(choice, str)):
        if str(choice) == text or (isinstance(choice, bool) and _TRUTH.get(text.lower()) is choice):
            return choice
    raise ValueError(text)


def _container(text: str, type_: Any) -> Any:
    """JSON, or what Python itself would print."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text.strip())
        except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(text) from error
    return convert(value, _union(option for option in options(type_) if kind_of(option) in _CONTAINERS))


def _union(types: Iterable[Any]) -> Any:
    return Union[tuple(types)]  # noqa: UP007 - the members are known only now


def _span(text: str, _: Any) -> timedelta:
    """``90s``, ``1h30m``, ``1:30:00``, ``2 days, 1:30:00`` or ISO 8601's ``PT1H30M``."""
    text = text.strip()
    if "P" in text.upper()[:2]:
        return msgspec.convert(text.upper(), timedelta)
    clock = _SPAN_CLOCK.fullmatch(text)
    if clock:
        return timedelta(**{unit: float(number) for unit, number in clock.groupdict(default="0").items()})
    sign, parts = (-1, text[1:]) if text.startswith("-") else (1, text)
    found = _SPAN_PART.findall(parts)
    if not found or _SPAN_PART.sub("", parts):
        raise ValueError(text)
    return sign * sum((timedelta(**{_SPAN_UNITS[unit]: float(number)}) for number, unit in found), timedelta())


_READERS: Mapping[Any, Callable[[str, Any], Any]] = {
    NoneType: _none,
    int: lambda text, _: int(text),
    float: lambda text, _: float(text),
    bool: _bool,
    date: lambda text, _: date.fromisoformat(text.strip()),
    datetime: lambda text, _: datetime.fromisoformat(text.strip()),
    time: lambda text, _: time.fromisoformat(text.strip()),
    timedelta: _span,
    Member: lambda text, option: _enumeration(option).find(text),
    Literal: _choice,
    **dict.fromkeys(_CONTAINERS, _container),
    Path: lambda text, _: Path(text),
    PurePath: lambda text, _: PurePath(text),
    str: lambda text, _: text,
}
_FROM_TEXT = {date, datetime, time, timedelta, Member, Path, PurePath}
"""What texts may stand for where JSON or YAML hold a value."""
_EXAMPLES = {
    date: "2026-09-30",
    datetime: "2026-09-30T06:00",
    time: "06:00",
    timedelta: "90s, 1h30m or 1:30:00",
    list: "[1, 2]",
    tuple: "[1, 2]",
    set: "[1, 2]",
    dict: '{"a": 1}',
}


def _rank(option: Any) -> int:
    """The narrower types of a union are tried first."""
    kind = kind_of(option)
    return list(_READERS).index(kind) if kind in _READERS else len(_READERS)
