"""Where a snapshot comes from, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nbdeploy.snapshots.pages.wording import brief, minute

__all__ = ["origin"]


def origin(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of every fact, in the order to read them. What is not known is left out, or said to be unknown.

    Parameters
    ----------
    record : mapping
        A version record.
    """
    found = record.get("lineage", {})
    told = [
        ("created", minute(str(record["created"])) if record.get("created") else ""),
        ("author", brief(record.get("author", ""))),
        ("note", brief(record.get("note", ""))),
        *((name, _file(found, name)) for name in ("notebook", "script") if found.get(name)),
        *((name, tell(found[key])) for key, (name, tell) in _FACTS.items() if key in found),
        ("commit", _commit(found)),
    ]
    return [(name, text) for name, text in told if text]


def _file(found: Mapping[str, Any], kind: str) -> str:
    digest = str(found.get(f"{kind}_sha256") or "")
    return f"{found[kind]}{f' (sha256 {digest[:12]}…)' if digest else ''}"


def _cells(cells: Any) -> str:
    """Cells by their numbers."""
    if not isinstance(cells, list):
        return brief(cells)
    return ", ".join(f"In [{cell.get('count')}]" for cell in cells if isinstance(cell, dict))


def _data(data: Any) -> str:
    """Data by its size."""
    if not isinstance(data, dict):
        return brief(data)
    return f"{brief(data.get('rows'))} rows, sha256 {str(data.get('sha256'))[:12]}…"


def _stale(stale: Any) -> str:
    if isinstance(stale, bool):
        return "would give another model" if stale else "would give this model"
    return f"whether it would give this model is {stale}"


_FACTS: Mapping[str, tuple[str, Callable[[Any], str]]] = {
    "cells": ("made by cells", _cells),
    "unknown_names": ("made elsewhere", brief),
    "unsaved": ("saved as they ran", lambda unsaved: "no" if unsaved else "yes"),
    "stale": ("Restart and Run All", _stale),
    "data": ("data", _data),
}


def _commit(found: Mapping[str, Any]) -> str:
    """A commit, and what of the folder is not in it."""
    if not found.get("git_commit"):
        return ""
    counts = [(found.get(f"git_{kind}_files"), kind) for kind in ("changed", "untracked")]
    parts = [f"{number} files {kind}" for number, kind in counts if number]
    parts += [f"the notebook is {found['git_notebook']}"] if found.get("git_notebook") else []
    return f"{str(found['git_commit'])[:12]}{f' ({brief(parts)})' if parts else ''}"
