"""Figures and names in words, the same on every card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["brief", "digits", "proof_in_short", "score", "size", "some"]

_LONG = 200


def digits(value: float) -> str:
    """Write a number in four digits.

    Examples
    --------
    >>> digits(0.123456)
    '0.1235'
    """
    return f"{value:.4g}"


def score(name: str, value: float, interval: Sequence[float] | None = None) -> str:
    """Write a metric, with the interval it lies in.

    Examples
    --------
    >>> score("auc", 0.87123, (0.85, 0.89))
    'auc 0.8712 (0.85–0.89)'
    """
    between = f" ({interval[0]:.3g}–{interval[1]:.3g})" if interval else ""
    return f"{name} {digits(value)}{between}"


def proof_in_short(proof: Mapping[str, Any]) -> str:
    """Rows and largest difference of a rehearsal."""
    fresh = ", in a new environment" if proof.get("environment") == "new" else ""
    return f"{proof.get('rows', 0)} rows, max diff {proof.get('max_difference', float('nan')):.2g}{fresh}"


def some(names: Sequence[str]) -> str:
    """Write the first names of many.

    Examples
    --------
    >>> some(["a", "b"])
    'a, b'
    """
    return ", ".join(names[:8]) + (f" … ({len(names)})" if len(names) > 8 else "")


def size(count: float) -> str:
    """Write a number of bytes.

    Examples
    --------
    >>> size(1234)
    '1.23 kB'
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def brief(value: Any) -> str:
    """Write any fact of a record on one line.

    Examples
    --------
    >>> brief({"rows": 3, "ok": True})
    'rows 3, ok yes'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return digits(value)
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {brief(item)}" for name, item in value.items())
    elif isinstance(value, (list, tuple)):
        text = ", ".join(map(brief, value))
    else:
        text = str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]} …"
