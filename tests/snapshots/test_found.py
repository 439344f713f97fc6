"""The same content is the same version, whose record says what it said; what was given now and is not in it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.snapshots.found import not_recorded
from nbdeploy.snapshots.upkeep import AliasMove
from nbdeploy.store import Version

RECORD = {"note": "march", "metrics": {"auc": 0.9}, "privacy": {"own_rows": 200}}
STORED = Version("churn", 3, "sha256:" + "0" * 64, RECORD)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"note": "april"}, "its note is 'march', not 'april'"),
        ({"metrics": {"auc": 0.5}}, "it has other metrics, so those measured now are not kept (auc 0.5)"),
        ({"privacy": {"own_rows": 0}}, "it keeps 200 of your rows"),
        ({"privacy": {"own_rows": 10}}, "it keeps 200 of your rows, not 10"),
        ({"signed_by": "ann"}, "the signature given now is not in it"),
    ],
)
def test_what_is_not_kept_is_told_with_what_to_do(asked: dict[str, Any], said: str) -> None:
    (told,) = not_recorded(STORED, {**RECORD, **asked})
    assert told.startswith(f"churn:3 was stored before, and a record never changes: {said}")
    assert "nbdeploy rm churn:3 --yes" in told


@pytest.mark.parametrize("asked", [RECORD, {"privacy": {"own_rows": 200}}, {**RECORD, "privacy": {"own_rows": 900}}])
def test_nothing_is_told_where_nothing_is_lost(asked: dict[str, Any]) -> None:
    assert not_recorded(STORED, asked) == []


def test_a_note_to_a_record_without_one_is_told() -> None:
    (told,) = not_recorded(Version("churn", 3, STORED.digest, {}), {"note": "april"})
    assert "it has no note, so 'april' is not kept" in told


@pytest.mark.parametrize(
    ("before", "said"), [(None, "moved to it"), (2, "moved to it from churn:2"), (3, "means it already")]
)
def test_an_alias_is_told_in_a_few_words(before: int | None, said: str) -> None:
    assert AliasMove("churn", "champion", before, 3).briefly == f"alias champion {said}"


def test_the_line_tells_of_the_alias_and_the_notice_of_the_note(stock: Path) -> None:
    """Running a cell again with another note and an alias."""
    predictor = nd.load("lr")
    rows = predictor.bind(predictor.sample).to_pandas()
    again = nd.snapshot(predictor.model, "lr", rows, note="better", alias="champion")
    assert again.line.startswith("lr:1 has this content already")
    assert "; alias champion moved to it; next: nbdeploy push lr" in again.line
    assert any("it has no note, so 'better' is not kept" in notice for notice in again.notices)
    assert nd.show("lr@champion").ref == "lr:1"
