"""Parameter values: which Python objects can travel into a notebook, and how they are shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, time
from pathlib import PurePath
from typing import Any

from nbdeploy.errors import InvalidData

__all__ = ["Text", "portable", "showable"]


class Text(str):
    """A value typed at a prompt or into a form, whose type is still to be found.

    A plain ``str`` is a text already and stays one.
    """

    __slots__ = ()


def portable(name: str, value: Any) -> Any:
    """A value as papermill carries it: None, bool, int, float, str, and lists and dicts of these.

    Tuples and arrays become lists; dates, times and paths become their text, as papermill writes them.

    Raises
    ------
    InvalidData
        If the value is of another kind.
    """
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, str):
        return _text(name, str.__str__(value))
    if isinstance(value, date | time | PurePath) or type(value).__name__ == "datetime64":
        return str(value)
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        plain = value.tolist()
        if type(plain) is not type(value):  # a long double stays what it is
            return portable(name, plain)
    if isinstance(value, list | tuple):
        return [portable(f"{name}[{position}]", item) for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(name, key): portable(f"{name}[{key!r}]", item) for key, item in value.items()}
    raise _refused(name, value)


def _text(name: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidData(f"parameter {name!r} holds {value!r}, which is not valid Unicode text", name=name) from error
    return value


def _key(name: str, key: object) -> str:
    if not isinstance(key, str):
        raise InvalidData(
            f"parameter {name!r} is a dict with the key {key!r}: papermill carries only text keys", name=name, key=key
        )
    return _text(name, str.__str__(key))


def _refused(name: str, value: object) -> InvalidData:
    kind = type(value).__name__
    return InvalidData(
        f"parameter {name!r} is a {kind}, which cannot be written into a notebook: "
        "use None, bool, int, float, str, or lists and dicts of these (or write a file and pass its path)",
        name=name,
        type=kind,
    )


def showable(value: Any) -> Any:
    """A portable value as strict JSON has it: numbers that are not finite become their names.

    Examples
    --------
    >>> showable({"limit": float("inf"), "n": 1})
    {'limit': 'inf', 'n': 1}
    """
    if isinstance(value, dict):
        return {key: showable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [showable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
