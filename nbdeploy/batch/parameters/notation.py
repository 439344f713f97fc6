"""Parameter values as JSON that loses nothing, for a run's request, its record and schedules."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

from nbdeploy.batch.parameters.values import Member, Secret, Text, Variable
from nbdeploy.errors import InvalidData

__all__ = ["decode", "encode"]

TYPE = "$type"
"""The key that marks what JSON has no word for; a dict with such a key is marked itself."""
_PATHS = {"path": Path, "posix path": PurePosixPath, "windows path": PureWindowsPath}


def encode(value: Any) -> Any:
    """A portable value as strict JSON.

    Examples
    --------
    >>> encode({"day": date(2026, 9, 1), "n": 1})
    {'day': {'$type': 'date', 'value': '2026-09-01'}, 'n': 1}
    """
    match value:
        case Text():
            return _marked("text", str(value))
        case float() if not math.isfinite(value):
            return _marked("float", str(value))
        case list():
            return [encode(item) for item in value]
        case tuple():
            return _marked("tuple", [encode(item) for item in value])
        case set() | frozenset():
            return _marked(type(value).__name__, sorted(map(encode, value), key=json.dumps))
        case dict() if TYPE in value or not all(type(key) is str for key in value):
            return _marked("dict", [[encode(key), encode(item)] for key, item in value.items()])
        case dict():
            return {key: encode(item) for key, item in value.items()}
        case datetime():
            return _moment(value)
        case date() | time():
            return _marked(type(value).__name__, value.isoformat(), fold=getattr(value, "fold", 0))
        case timedelta():
            return _marked("timedelta", [value.days, value.seconds, value.microseconds])
        case PurePath():
            kind = next(name for name, path in _PATHS.items() if isinstance(value, path))
            return _marked(kind, str(value))
        case Member(enumeration=enumeration, name=name):
            return _marked("member", [enumeration, name])
        case Secret(source=source):
            return _marked("secret", source)
        case Variable(name=name):
            return _marked("variable", name)
    return value


def _marked(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {TYPE: kind, "value": value, **{key: fact for key, fact in more.items() if fact}}


def _moment(value: datetime) -> dict[str, Any]:
    """Python's own reader forgets zones that differ from UTC by less than a second."""
    offset, zone = value.utcoffset(), getattr(value.tzinfo, "key", "")
    apart = [] if zone or offset is None else [offset.days, offset.seconds, offset.microseconds]
    return _marked("datetime", value.replace(tzinfo=None).isoformat(), fold=value.fold, zone=zone, offset=apart)


def decode(value: Any) -> Any:
    """The value that `encode` has written.

    Raises
    ------
    InvalidData
        If it is marked as something unknown.
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TYPE not in value:
        return {key: decode(item) for key, item in value.items()}
    try:
        return _READERS[value[TYPE]](value)
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidData(f"{value!r} is not a parameter's value that this version knows") from error


def _read_float(facts: Mapping[str, Any]) -> float:
    number = float(facts["value"])
    return math.nan if math.isnan(number) else number  # always the same one, so that equal records are equal


def _read_moment(facts: Mapping[str, Any]) -> datetime:
    value = datetime.fromisoformat(facts["value"]).replace(fold=facts.get("fold", 0))
    if "zone" in facts:
        return value.replace(tzinfo=ZoneInfo(facts["zone"]))
    return value.replace(tzinfo=timezone(timedelta(*facts["offset"]))) if "offset" in facts else value


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "text": lambda facts: Text(facts["value"]),
    "float": _read_float,
    "tuple": lambda facts: tuple(decode(facts["value"])),
    "set": lambda facts: set(decode(facts["value"])),
    "frozenset": lambda facts: frozenset(decode(facts["value"])),
    "dict": lambda facts: {decode(key): decode(item) for key, item in facts["value"]},
    "datetime": _read_moment,
    "date": lambda facts: date.fromisoformat(facts["value"]),
    "time": lambda facts: time.fromisoformat(facts["value"]).replace(fold=facts.get("fold", 0)),
    "timedelta": lambda facts: timedelta(*facts["value"]),
    **dict.fromkeys(_PATHS, lambda facts: _PATHS[facts[TYPE]](facts["value"])),
    "member": lambda facts: Member(*facts["value"]),
    "secret": lambda facts: Secret(facts["value"]),
    "variable": lambda facts: Variable(facts["value"]),
}
