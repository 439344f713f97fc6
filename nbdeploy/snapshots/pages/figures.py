"""Profiles as small figures in a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nbdeploy.cards import Bars
from nbdeploy.profiles import ColumnProfile, Profile
from nbdeploy.snapshots.pages.wording import digits, span

__all__ = ["column_rows"]

_DOTS = "\u00a0…\u00a0"

_BARS = 12
_NAMED = 3


def column_rows(
    named: Sequence[tuple[str, str]], profile: Profile | None
) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """Return a header and a row for each column: name, type and, with a profile, what its values are like.

    Parameters
    ----------
    named : sequence of (str, str)
        Names and types.
    profile : Profile, optional
        It need not have all of them.
    """
    if profile is None:
        return ("column", "type"), list(named)
    rows = [(name, kind, *_look(name, kind, profile.columns.get(name))) for name, kind in named]
    return ("column", "type", "missing", "distribution", "values"), rows


def _look(name: str, kind: str, found: ColumnProfile | None) -> tuple[Any, Any, str]:
    if found is None:
        return "", "", ""
    missing = "–" if not found.missing else "< 0.1 %" if found.missing_rate < 0.001 else f"{found.missing_rate:.1%}"
    return missing, _bars(name, found), _range(found, whole="int" in kind)


def _bars(name: str, found: ColumnProfile) -> Bars | str:
    if found.values is not None and found.values.counts:
        named = _in_order(found)[:_BARS]
        return Bars([share for _, share in named], [text for text, _ in named], f"frequencies of {name}")
    if found.numbers is None or found.kind in {"category", "list"}:
        return ""
    edges, shares = found.numbers.histogram(_BARS)
    labels = [f"{_number(a, found)} to {_number(b, found)}" for a, b in itertools.pairwise(edges)]
    return Bars(shares, labels, f"histogram of {name}")


def _in_order(found: ColumnProfile) -> list[tuple[str, float]]:
    """Named values and their shares: numbers by size, texts by frequency."""
    shares = list(found.values.shares().items()) if found.values is not None else []
    if found.kind == "category":
        return shares
    return [(_number(float(text), found), share) for text, share in sorted(shares, key=lambda item: float(item[0]))]


def _range(found: ColumnProfile, whole: bool) -> str:
    if found.kind == "category":
        shares = list(found.values.shares().items()) if found.values is not None else []
        said = ", ".join(f"{text or '(empty)'} {share:.0%}" for text, share in shares[:_NAMED])
        rest = 1.0 - sum(share for _, share in shares[:_NAMED])
        others = f", others {rest:.0%}" if rest > 0.005 and said else ""
        return f"{said}{others}" or "rare values only"
    if found.numbers is None:
        return ""
    found_at = (found.numbers.quantile(rank) for rank in (0.0, 0.5, 1.0))
    low, middle, high = (_number(round(value) if whole else value, found) for value in found_at)
    # Not to be broken over lines: a column of a table may be narrow.
    return low if low == high else _DOTS.join((low, middle, high))


def _number(value: float, found: ColumnProfile) -> str:
    """Write a number, a moment or a span of time."""
    if found.kind == "datetime":
        return _moment(value)
    return span(value) if found.kind == "duration" else digits(value)


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return digits(seconds)
