"""What is said of the user's rows that leave the notebook: beside the model, and inside of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from nbdeploy.hints import typed
from nbdeploy.snapshots.options import NONE, SYNTHETIC
from nbdeploy.store import Version

__all__ = ["facts_of", "inside", "kept_before", "kept_line", "warnings_of"]


class _Privacy(msgspec.Struct, frozen=True):
    """What a version record says; records come from anywhere."""

    sample: str = ""
    rows: int = 0
    own_rows: int | None = None
    private: list[str] = []
    model_rows: list[str] = []
    model_values: list[str] = []

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> _Privacy:
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
    """
    found = _Privacy.read(privacy)
    if found.own_rows is None:
        return ""
    if found.own_rows:
        masked = f", without {', '.join(found.private)}" if found.private else ""
        return f"{found.own_rows} of your rows {'is' if found.own_rows == 1 else 'are'} in it{masked}"
    return f"none of your rows is in it{f' ({found.rows} synthetic ones are)' if found.rows else ''}"


def facts_of(privacy: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a page says to whoever reads it: the rows kept, the columns masked, and what the model holds."""
    found = _Privacy.read(privacy)
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
    >>> inside({"model_rows": ["SVC.support_vectors_ (7 rows)"], "model_values": []})
    'the model itself holds rows it was fitted on: SVC.support_vectors_ (7 rows)'
    """
    found = _Privacy.read(privacy)
    rows, values = found.model_rows, found.model_values
    told = [f"rows it was fitted on: {', '.join(rows)}"] if rows else []
    told += [f"values of columns: {', '.join(values)}"] if values else []
    return f"the model itself holds {'; and '.join(told)}" if told else ""


def kept_before(version: Version, asked: Mapping[str, Any]) -> list[str]:
    """What to warn of where the same content was stored before, with more of the user's rows than she wants now."""
    before = _Privacy.read(version.record.get("privacy", {})).own_rows or 0
    if before <= asked["own_rows"]:
        return []
    return [
        f"{version} was stored before with {before} of your rows, and stays as it is; to have it without them, "
        f"remove it ({typed(f'rm {version} --yes')}) and snapshot again"
    ]


def warnings_of(privacy: Mapping[str, Any]) -> list[str]:
    """What to warn of where the user kept rows or columns out of the bundle, and the model has them all the same."""
    meant = privacy["sample"] in {NONE, SYNTHETIC} or privacy["private"]
    told = inside(privacy)
    return [f"{told}; they leave the notebook with it"] if meant and told else []
