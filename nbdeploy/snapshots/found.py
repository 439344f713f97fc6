"""What is said where the same content is stored already: its record is a fact, and says nothing of this time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbdeploy.hints import typed
from nbdeploy.snapshots.metrics import ordered
from nbdeploy.snapshots.pages.disclosure import Privacy
from nbdeploy.snapshots.pages.wording import score
from nbdeploy.store import Version

__all__ = ["not_recorded"]


def not_recorded(version: Version, asked: Mapping[str, Any]) -> list[str]:
    """Say which of the things given now are not in a record that was written before.

    Parameters
    ----------
    version : Version
        What is stored.
    asked : mapping
        The record that would be written now.

    Returns
    -------
    list of str
        One notice, or none.
    """
    record = version.record
    said = [*_rows(record, asked), *_note(record, asked), *_metrics(record, asked)]
    if asked.get("signed_by") and asked["signed_by"] != record.get("signed_by"):
        said.append("the signature given now is not in it")
    if not said:
        return []
    return [
        f"{version} was stored before, and a record never changes: {'; '.join(said)}. To have it otherwise, remove it "
        f"({typed(f'rm {version} --yes')}) and snapshot again"
    ]


def _rows(record: Mapping[str, Any], asked: Mapping[str, Any]) -> Sequence[str]:
    before, wanted = (Privacy.read(one.get("privacy", {})).own_rows or 0 for one in (record, asked))
    kept = f", not {wanted}" if wanted else ""
    return [f"it keeps {before} of your rows{kept}"] if before > wanted else []


def _note(record: Mapping[str, Any], asked: Mapping[str, Any]) -> Sequence[str]:
    note, before = asked.get("note") or "", record.get("note") or ""
    if not note or note == before:
        return []
    return [f"its note is {before!r}, not {note!r}" if before else f"it has no note, so {note!r} is not kept"]


def _metrics(record: Mapping[str, Any], asked: Mapping[str, Any]) -> Sequence[str]:
    now, before = asked.get("metrics") or {}, record.get("metrics") or {}
    if not now or now == before:
        return []
    measured = ", ".join(score(*pair) for pair in ordered(now)[:3])
    return [f"it has {'other' if before else 'no'} metrics, so those measured now are not kept ({measured})"]
