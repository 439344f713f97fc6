"""Figures and names in words, the same on every card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbdeploy.cards import count

__all__ = [
    "brief",
    "count",
    "digits",
    "faster",
    "first_few",
    "first_names",
    "minute",
    "proof_in_short",
    "score",
    "size",
    "span",
    "speeds",
    "together",
    "twin_in_short",
]

_LONG = 200
_UNITS = ((172_800, "days", 86_400), (7200, "h", 3600), (120, "min", 60), (1, "s", 1), (1e-3, "ms", 1e-3))
"""From how many seconds on a unit is used, and how long it is."""


def digits(value: float) -> str:
    """Write a number in four digits.

    Examples
    --------
    >>> digits(0.123456)
    '0.1235'
    """
    return f"{value:.4g}"


def span(seconds: float) -> str:
    """Write a time in the unit that suits it.

    Examples
    --------
    >>> span(1.8e-5), span(0.0045), span(2.5), span(29530.0)
    ('18 µs', '4.5 ms', '2.5 s', '8.2 h')
    """
    size = abs(seconds)
    unit, length = next(((unit, length) for above, unit, length in _UNITS if size >= above), ("µs", 1e-6))
    value = seconds / length
    return f"{value:,.0f} {unit}" if abs(value) >= 100 else f"{value:.2g} {unit}"


def faster(native: float, twin: float) -> str:
    """Write how many times faster, or slower, a twin is.

    Examples
    --------
    >>> faster(0.0045, 0.000018), faster(1.0, 2.0)
    ('250 times faster', '2 times slower')
    """
    if min(native, twin) <= 0:
        return ""
    more, word = (native / twin, "faster") if twin <= native else (twin / native, "slower")
    return f"{more:,.0f} times {word}" if more >= 10 else f"{more:.2g} times {word}"


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


def twin_in_short(twin: Mapping[str, Any]) -> str:
    """Say which compiled twin answers what, how it was proven and how fast it is; or why there is none.

    Examples
    --------
    >>> rounds = {"compiler": "rows", "exact": False, "max_difference": 2e-16, "tried": {"sample": 200}}
    >>> twin_in_short(rounds)
    'rows answers every batch, equal to 2e-16 on 200 rows'
    >>> twin_in_short({**rounds, "speed": [{"rows": 1, "native": 0.0045, "twin": 1.8e-5}]}).partition("; ")[2]
    '18 µs for one record instead of 4.5 ms: 250 times faster'
    >>> twin_in_short({"compiler": None, "reason": "a SVC is not known"})
    'none: a SVC is not known'
    """
    if not twin.get("compiler"):
        return f"none: {twin['reason']}" if twin.get("reason") else "none"
    border = twin.get("below") or 0
    every = not twin.get("exact") or border >= 2**31
    answers = "every batch" if every else f"batches up to {border} rows"
    equal = "equal to the bit" if twin.get("exact") else f"equal to {twin.get('max_difference', 0.0):.1g}"
    native = f"; {', '.join(twin['native_steps'])} called natively" if twin.get("native_steps") else ""
    rows = sum(twin.get("tried", {}).values())
    return f"{twin['compiler']} answers {answers}, {equal} on {rows} rows{native}{_fast(twin)}"


def _fast(twin: Mapping[str, Any]) -> str:
    first = next((row for row in speeds(twin) if row["rows"] == 1), None)
    if first is None:
        return ""
    native, compiled = first["native"], first["twin"]
    return f"; {span(compiled)} for one record instead of {span(native)}: {faster(native, compiled)}"


def speeds(twin: Mapping[str, Any]) -> list[Mapping[str, float]]:
    """Return what a twin's record says of its speed, as far as it can be understood."""
    told = twin.get("speed")
    named = ("rows", "native", "twin")
    return [
        row
        for row in (told if isinstance(told, list) else [])
        if isinstance(row, dict) and all(isinstance(row.get(name), int | float) for name in named)
    ]


def first_names(names: Sequence[str]) -> str:
    """Write the first names of many.

    Examples
    --------
    >>> first_names(["a", "b"])
    'a, b'
    """
    return ", ".join(names[:8]) + (f" … ({len(names)})" if len(names) > 8 else "")


def first_few(things: Sequence[str], shown: int) -> str:
    """Write the first of many things, and how many more there are.

    Examples
    --------
    >>> first_few(["a", "b"], 2), first_few(["a", "b", "c"], 2)
    ('a, b', 'a, b and 1 more')
    """
    more = f" and {len(things) - shown} more" if len(things) > shown else ""
    return f"{', '.join(things[:shown])}{more}"


def together(things: Sequence[str]) -> str:
    """Write all of some things.

    Examples
    --------
    >>> together(["a"]), together(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, (", ".join(things[:-1]), *things[-1:])))


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


def minute(at: str) -> str:
    """Write a moment (UTC, ISO 8601) to the minute.

    Examples
    --------
    >>> minute("2026-11-21T13:48:59+00:00")
    '2026-11-21 13:48 UTC'
    """
    return f"{at[:16].replace('T', ' ')} UTC"


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
