"""Parameter values: which Python objects can travel into a notebook, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from pathlib import Path, PurePath
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from nbdeploy.errors import InvalidData, WrongUsage

__all__ = ["Member", "Secret", "Text", "Variable", "portable", "showable", "written"]

_MOST_BITS = 14_000
"""Python writes no whole number of more than 4,300 digits."""


class Text(str):
    """A value typed at a prompt or into a form, whose type is still to be found.

    A plain ``str`` is a text already and stays one.
    """

    __slots__ = ()


@dataclass(frozen=True)
class Member:
    """A member of an enumeration that the notebook defines.

    Attributes
    ----------
    enumeration, name : str
        The class's name and the member's.
    """

    enumeration: str
    name: str

    def __repr__(self) -> str:
        return f"{self.enumeration}.{self.name}"


@dataclass(frozen=True)
class Variable:
    """The text of an environment variable, read when the run is asked for.

    Attributes
    ----------
    name : str
        The variable.
    """

    name: str


@dataclass(frozen=True)
class Secret:
    """A text that only the run's process and its kernel ever see.

    Attributes
    ----------
    source : str
        Where it is: ``env:VARIABLE`` or ``file:PATH``.

    Raises
    ------
    WrongUsage
        If that is something else.

    Examples
    --------
    >>> Secret("env:DB_PASSWORD")
    [secret]
    """

    source: str

    def __post_init__(self) -> None:
        kind, _, place = self.source.partition(":")
        if kind not in {"env", "file"} or not place:
            shown = f"{kind}:…" if place else "what was given"  # it may be the secret itself
            raise WrongUsage(f"{shown} is no source of a secret: write env:VARIABLE or file:PATH")
        if kind == "file":
            object.__setattr__(self, "source", f"file:{Path(place).expanduser().absolute()}")

    def __repr__(self) -> str:
        return SECRET


SECRET = "[secret]"  # noqa: S105 - what stands in the place of one


def portable(name: str, value: Any) -> Any:
    """A value as it is carried to a notebook, with its type.

    These are: None, bool, int, float, str, date, datetime, time, timedelta, paths, and lists, tuples, sets and dicts of
    these. Values of NumPy and pandas become the plain ones that they stand for, and members of an enumeration that are
    texts or numbers their value.

    Raises
    ------
    InvalidData
        If the value is of another kind.
    """
    if value is None or isinstance(value, bool | Text | Member | Secret | Variable):
        return value
    for kind, carry in _CARRIERS.items():
        if isinstance(value, kind):
            return carry(name, value)
    if type(value).__module__ == "numpy":
        return _from_numpy(name, value)
    raise _refused(name, value)


def _whole(name: str, value: int) -> int:
    if value.bit_length() > _MOST_BITS:
        raise InvalidData(f"parameter {name!r} is a whole number of {value.bit_length()} bits: no cell can hold it")
    return int(value)


def _text(name: str, value: str) -> str:
    value = str.__str__(value.value if isinstance(value, Enum) else value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidData(f"parameter {name!r} holds {value!r}, which is not valid Unicode text", name=name) from error
    return value


def _moment(name: str, value: datetime) -> datetime:
    if value != value or getattr(value, "nanosecond", False):
        raise InvalidData(f"parameter {name!r} is {value}, which no datetime can hold: give it as text", name=name)
    plain = datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond, fold=value.fold
    )
    return plain.replace(tzinfo=_zone(value))


def _zone(value: datetime) -> timezone | ZoneInfo | None:
    """A zone by its name, or a fixed distance from UTC."""
    if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key:
        return value.tzinfo
    offset = value.utcoffset()
    return None if offset is None else timezone(offset)


def _span(name: str, value: timedelta) -> timedelta:
    if value != value or getattr(value, "nanoseconds", False):
        raise InvalidData(f"parameter {name!r} is {value}, which no timedelta can hold: give it as text", name=name)
    return timedelta(value.days, value.seconds, value.microseconds)


def _time(name: str, value: time) -> time:
    if value.tzinfo is not None:
        raise InvalidData(f"parameter {name!r} is {value}, a time of day in a zone: give a datetime", name=name)
    return value


def _path(_: str, value: PurePath) -> PurePath:
    return Path(value) if isinstance(value, Path) else value


def _mapping(name: str, value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {portable(f"{name}'s key", key): portable(f"{name}[{key!r}]", item) for key, item in value.items()}


def _items(name: str, value: Any) -> list[Any]:
    return [portable(f"{name}[{position}]", item) for position, item in enumerate(value)]


_CARRIERS: Mapping[type, Callable[[str, Any], Any]] = {
    int: _whole,
    float: lambda _, value: float(value),
    str: _text,
    datetime: _moment,
    date: lambda _, value: date(value.year, value.month, value.day),
    time: _time,
    timedelta: _span,
    PurePath: _path,
    list: _items,
    tuple: lambda name, value: tuple(_items(name, value)),
    set: lambda name, value: set(_items(name, value)),
    frozenset: lambda name, value: frozenset(_items(name, value)),
    Mapping: _mapping,
}


def _from_numpy(name: str, value: Any) -> Any:
    if value.dtype.kind in "mM":
        return _from_numpy_time(name, value)
    plain = value.tolist()
    if type(plain) is type(value):  # a long double stays what it is
        raise _refused(name, value)
    return portable(name, plain)


def _from_numpy_time(name: str, value: Any) -> Any:
    """NumPy counts in many units; Python in microseconds, or for a date in days."""
    import numpy as np

    unit = np.datetime_data(value.dtype)[0]
    coarse = value.astype(f"{value.dtype.kind}8[{'D' if unit in {'Y', 'M', 'W', 'D'} else 'us'}]")
    if np.isnat(value).any() or (coarse != value).any():
        raise InvalidData(f"parameter {name!r} is {value}, which no datetime can hold: give it as text", name=name)
    return portable(name, coarse.tolist())


def _refused(name: str, value: object) -> InvalidData:
    kind = type(value).__name__
    if isinstance(value, Enum):
        hint = "of an enumeration that the notebook defines, up to its parameters cell, by annotation or default"
        return InvalidData(f"parameter {name!r} is {value}: a member can be given only for a parameter {hint}")
    return InvalidData(
        f"parameter {name!r} is a {kind}, which cannot be written into a notebook: use None, bool, int, float, str, "
        "dates, times, paths, or lists, tuples, sets and dicts of these (or write a file and pass its path)",
        name=name,
        type=kind,
    )


def showable(value: Any) -> Any:
    """A portable value as strict JSON has it, for reading: texts for what JSON has no word for.

    The texts can be given again for a parameter of the type.

    Examples
    --------
    >>> showable({"limit": float("inf"), "day": date(2026, 9, 1), "pair": (1, 2)})
    {'limit': 'inf', 'day': '2026-09-01', 'pair': [1, 2]}
    """
    match value:
        case Mapping():
            return {_key(key): showable(item) for key, item in value.items()}
        case list() | tuple():
            return [showable(item) for item in value]
        case set() | frozenset():
            return sorted(map(showable, value), key=repr)
        case float():
            return value if math.isfinite(value) else str(value)
        case Member(name=name):
            return name
        case timedelta():
            return msgspec.to_builtins(value)
        case date() | time():
            return value.isoformat()
        case PurePath() | Secret():
            return str(value)
        case Variable(name=name):
            return f"${name}"
    return value


def _key(key: Any) -> str:
    shown = showable(key)
    return shown if isinstance(shown, str) else repr(shown)


def written(value: Any) -> str:
    """A portable value in words, for a line that people read.

    Examples
    --------
    >>> written("a"), written(date(2026, 9, 1)), written((1, None))
    ("'a'", '2026-09-01', '(1, None)')
    """
    return str(value) if isinstance(value, date | time | timedelta | PurePath | Secret) else repr(value)
