"""What predictions are like, beside what they were like for the data that the snapshot was made with."""

from __future__ import annotations

import itertools
from typing import Any

from nbdeploy.cards import Bars, Table
from nbdeploy.profiles import ColumnProfile, Profile

__all__ = ["figures"]

_BARS = 12


def figures(found: Profile, trained: Profile | None) -> Table | None:
    """Draw each column of predictions, on the same scale as in training.

    Parameters
    ----------
    found : Profile
        Of the predictions.
    trained : Profile or None
        Of the snapshot's predictions when it was made.
    """
    before = trained.columns if trained is not None else {}
    rows = [_row(name, column, before.get(name)) for name, column in found.columns.items()]
    drawn = [row for row in rows if row is not None]
    header = ("column", "these", "in training", "values") if before else ("column", "these", "values")
    return Table(header, [row if before else (row[0], row[1], row[3]) for row in drawn]) if drawn else None


def _row(name: str, found: ColumnProfile, before: ColumnProfile | None) -> tuple[Any, Any, Any, str] | None:
    before = before if before is not None and before.kind == found.kind else None
    if found.kind == "category":
        return _categories(name, found, before)
    if found.kind != "number" or found.numbers is None:
        return None
    edges, shares = (before if before is not None and before.numbers is not None else found).numbers.histogram(_BARS)  # type: ignore[union-attr]
    labels = [f"{a:.4g} to {b:.4g}" for a, b in itertools.pairwise(edges)]
    now = found.numbers.shares(edges[1:-1])
    low, middle, high = (found.numbers.quantile(rank) for rank in (0.0, 0.5, 1.0))
    then = Bars(shares, labels, f"histogram of {name} in training") if before is not None and before.numbers else ""
    return name, Bars(now, labels, f"histogram of {name}"), then, f"{low:.4g} … {middle:.4g} … {high:.4g}"


def _categories(name: str, found: ColumnProfile, before: ColumnProfile | None) -> tuple[Any, Any, Any, str] | None:
    now = found.values.shares() if found.values is not None else {}
    then = before.values.shares() if before is not None and before.values is not None else {}
    labels = list(dict.fromkeys([*then, *now]))[:_BARS]
    if not labels:
        return None
    said = ", ".join(f"{label or '(empty)'} {now.get(label, 0.0):.0%}" for label in labels[:4])
    drawn = (
        Bars([then.get(label, 0.0) for label in labels], labels, f"frequencies of {name} in training") if then else ""
    )
    return name, Bars([now.get(label, 0.0) for label in labels], labels, f"frequencies of {name}"), drawn, said
