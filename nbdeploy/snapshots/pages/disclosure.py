"""What is said of the user's rows that leave the notebook: beside the model, and inside of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nbdeploy.snapshots.options import NONE, SYNTHETIC
from nbdeploy.snapshots.pages.wording import together

__all__ = ["Privacy", "facts_of", "inside", "kept_line", "warnings_of", "with_traces"]


class _Held(msgspec.Struct, frozen=True):
    """A place in a model with rows or values of the data, and the private columns among them."""

    where: str
    rows: int = 0
    private: list[str] = []

    def told(self) -> str:
        facts = [f"{self.rows} rows"] if self.rows else []
        facts += [f"of the private {together(self.private)}"] if self.private and not self.rows else []
        facts += [f"the private {together(self.private)} among their columns"] if self.private and self.rows else []
        return f"{self.where} ({', '.join(facts)})" if facts else self.where


class Privacy(msgspec.Struct, frozen=True):
    """What a version record says of the user's rows; records come from anywhere."""

    sample: str = ""
    rows: int = 0
    own_rows: int | None = None
    private: list[str] = []
    inside: list[_Held] = []

    @property
    def held_rows(self) -> int:
        """How many rows the model holds at most."""
        return max((one.rows for one in self.inside), default=0)

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Privacy:
        """Read it; nothing is known where it is not understood."""
        try:
            return msgspec.convert(found, cls)
        except msgspec.ValidationError:
            return cls()


def kept_line(privacy: Mapping[str, Any]) -> str:
    """How many of the user's rows a bundle contains, in a few words; nothing where the record does not say.

    Examples
    --------
    >>> kept_line({"sample": "rows", "rows": 200, "own_rows": 200})
    '200 of your rows are in it'
    >>> kept_line({"sample": "synthetic", "rows": 200, "own_rows": 0})
    'none of your rows is in it (200 synthetic ones are)'
    >>> kept_line({"sample": "none", "rows": 0, "own_rows": 0, "inside": [{"where": "SVC.X_", "rows": 7}]})
    'none of your rows is kept beside the model, but the model itself holds 7 of them'
    """
    found = Privacy.read(privacy)
    if found.own_rows is None:
        return ""
    held = f"the model itself holds {found.held_rows}" if found.held_rows else ""
    if found.own_rows:
        masked = f", without {', '.join(found.private)}" if found.private else ""
        also = f"; {held}" if held else ""
        return f"{found.own_rows} of your rows {'is' if found.own_rows == 1 else 'are'} in it{masked}{also}"
    synthetic = f" ({found.rows} synthetic ones are)" if found.rows else ""
    if held:
        return f"none of your rows is kept beside the model{synthetic}, but {held} of them"
    return f"none of your rows is in it{synthetic}"


def facts_of(privacy: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a page says to whoever reads it: the rows kept, the columns masked, and what the model holds."""
    found = Privacy.read(privacy)
    if found.own_rows is None:
        return []
    of_whom = "synthetic" if found.rows and not found.own_rows else "of its author's data"
    facts = [("rows kept", f"{found.rows} {of_whom}" if found.rows else "none")]
    facts += [("masked", ", ".join(found.private))] if found.private else []
    return [*facts, ("inside", inside(privacy) or "no rows were found inside the model")]


def inside(privacy: Mapping[str, Any]) -> str:
    """What of the data the model itself holds, in a few words; empty if nothing is known.

    Examples
    --------
    >>> inside({"inside": [{"where": "SVC.support_vectors_", "rows": 7}]})
    'the model itself holds rows it was fitted on: SVC.support_vectors_ (7 rows)'
    >>> inside({"inside": [{"where": "OneHotEncoder.categories_", "private": ["name"]}]})
    'the model itself holds values of columns: OneHotEncoder.categories_ (of the private name)'
    """
    return _told(Privacy.read(privacy).inside)


def _told(held: Sequence[_Held]) -> str:
    rows, values = ([one.told() for one in held if bool(one.rows) is with_rows] for with_rows in (True, False))
    told = [f"rows it was fitted on: {', '.join(rows)}"] if rows else []
    told += [f"values of columns: {', '.join(values)}"] if values else []
    return f"the model itself holds {'; and '.join(told)}" if told else ""


def warnings_of(privacy: Mapping[str, Any]) -> list[str]:
    """What to warn of where the user kept rows or columns out of the bundle, and the model has them all the same."""
    found = Privacy.read(privacy)
    every = found.sample in {NONE, SYNTHETIC}
    told = _told([one for one in found.inside if every or one.private])
    return [f"{told}; they leave the notebook with it"] if told else []


def with_traces(privacy: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add to what is known of a model the files in which private values were found.

    Only source says something new of a column that the model is known to hold.
    """
    known = {column for one in privacy["inside"] for column in one["private"]}
    found = []
    for trace in traces:
        new = [column for column in trace["private"] if column not in known or trace["where"].endswith(".py")]
        found += [{**trace, "private": new}] if new else []
    return {**privacy, "inside": [*privacy["inside"], *found]}
