"""Values that are written into captured source as they are."""

from __future__ import annotations

import ast
from typing import Any

__all__ = ["is_literal", "literal"]

_LONGEST = 2000


def is_literal(value: Any) -> bool:
    """Whether a value is short, and its text means exactly the same value."""
    if not isinstance(value, (str, bytes, int, float, complex, bool, type(None), type(...), list, tuple, dict, set)):
        return False
    text = repr(value)
    if len(text) > _LONGEST:
        return False
    try:
        read = ast.literal_eval(text)
        return bool(_same(read, value))
    except Exception:
        return False


def _same(read: Any, value: Any) -> bool:
    """Equal, and of the same types all the way down: a subclass's text is its base's."""
    if type(read) is not type(value) or read != value:
        return False
    if isinstance(value, dict):
        return all(map(_same, read, value)) and all(map(_same, read.values(), value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_same, read, value))
    return not isinstance(value, set) or all(type(item) in {str, bytes, int, float, bool, tuple} for item in value)


def literal(value: Any) -> str:
    """A literal's text; sets are written in one order, whatever the process.

    Examples
    --------
    >>> literal({"b", "a"}), literal((1,)), literal({})
    ("{'a', 'b'}", '(1,)', '{}')
    """
    if isinstance(value, set) and value:
        return "{" + ", ".join(sorted(map(literal, value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(literal, value)) + "]"
    if type(value) is tuple:
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    return repr(value)
