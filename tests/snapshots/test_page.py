"""The model card and the notebook's card tell what is known, and are silent about what is not."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.cards import Page
from nbdeploy.errors import Corrupted
from nbdeploy.snapshots.pages.page import model_card, page
from tests.snapshots.making import manifest, profile

ROWS = pd.DataFrame(
    {
        "age": np.arange(40),
        "plan": ["gold", "silver"] * 20,
        "name": [f"customer {i}" for i in range(40)],
        "since": pd.date_range("2024-01-01", periods=40),
    }
)
RECORD: dict[str, Any] = {
    "metrics": {"accuracy": 0.91, "auc": 0.8712},
    "intervals": {"auc": [0.85, 0.89]},
    "test": {"rows": 1000, "classes": {"no": {"support": 700, "precision": 0.9, "recall": 0.8, "f1": 0.85}}},
    "rehearsal": {"rows": 200, "max_difference": 0.0, "isolation": "network-namespace", "row_stable": True},
    "lineage": {"notebook": "churn.ipynb", "git_commit": "abc"},
    "privacy": {"rows of yours": 200},
    "notices": ["fitted by a cell that the notebook no longer has"],
    "twin": {"compiler": "rows", "speed": [{"rows": 32, "native": 0.04, "twin": 0.000_05}]},
    "created": "2026-01-02T03:04:05+00:00",
    "author": "ann",
    "bytes": 1234,
}


def titles(found: Page) -> list[str]:
    return [section.title for section in found.sections]


def test_everything_known_has_its_section() -> None:
    """Metrics with intervals, certificate, lineage, size, privacy, code, and rows that are nobody's."""
    found = page(manifest(ROWS, RECORD), profile(ROWS), title="churn:1", ref="churn:1", aliases=["champion"])
    assert titles(found) == [
        *("Noticed", "Metrics", "Inputs", "Answers", "Certificate", "Compiled twin", "Lineage", "Code"),
        *("Privacy", "Environment", "Example rows", "Use"),
    ]
    html = found.html()
    for told in (
        "0.8712",
        "0.85 – 0.89",
        "1.23 kB",
        "proven equal",
        "@champion",
        "churn.ipynb",
        "50 µs",
        "800 times faster",
        "executes no code",
        "700",
    ):
        assert told in html, told
    assert html.count("<svg") == 3 + 1
    assert "<script" not in html
    assert "var(--jp-ui-font-color1,inherit)" in html


@pytest.mark.parametrize(
    "forged",
    [{"test": {"classes": {"no": {"support": "<b>"}}}}, {"intervals": {"auc": ["<b>", 1]}}, {"metrics": {"auc": None}}],
)
def test_forged_figures_are_refused_before_they_are_shown(forged: dict[str, Any]) -> None:
    """Where the record is read."""
    with pytest.raises(Corrupted, match=r"record\.json is not understood"):
        manifest(ROWS, {**RECORD, **forged})


def test_a_forged_twin_is_shown_as_it_is() -> None:
    """Whatever its speed is said to be."""
    record = {**RECORD, "twin": {"compiler": "<b>", "speed": [{"rows": "<b>"}, 3]}}
    assert "<b>" not in page(manifest(ROWS, record), None, title="churn:1", ref="churn:1").html().replace(
        "<b style", ""
    )


def test_a_twin_is_told_in_words() -> None:
    """How it was proven and how fast it is, or why there is none: no field of the record as it is called there."""
    proven = {
        "compiler": "treelite",
        "exact": True,
        "below": 900,
        "native_steps": [],
        "max_difference": 0.0,
        "left": 3,
        "methods": {"predict": "exact"},
        "tried": {"sample": 200, "borders": 40},
        "seconds": 0.31,
        "speed": [{"rows": 1, "native": 0.0045, "twin": 1.8e-5}, {"rows": 1024, "native": 0.0045, "twin": 0.009}],
    }
    shown = page(manifest(ROWS, {**RECORD, "twin": proven}), None, title="churn:1", ref="churn:1").html()
    for told in (
        "18 µs for one record instead of 4.5 ms: 250 times faster",
        *("every bit the same", "200 rows of the sample, 40 rows beside borders", "2 times slower", "1,024", "310 ms"),
    ):
        assert told in shown, told
    assert not any(name in shown for name in ("max difference", "below", "native steps"))
    none = {**RECORD, "twin": {"compiler": None, "reason": "a SVC is not known"}}
    assert "none: a SVC is not known" in page(manifest(ROWS, none), None, title="churn:1", ref="churn:1").html()


def test_what_is_not_known_is_absent() -> None:
    """No metrics, proof, profile or lineage: no sections of them, and no claims."""
    found = page(manifest(ROWS), None, title="churn:1", ref="churn:1")
    assert titles(found) == ["Inputs", "Answers", "Code", "Environment", "Use"]
    assert "proven" not in found.html()
    assert "nan" not in found.markdown()


def test_the_model_card_shows_no_row_of_the_user() -> None:
    """Example rows are synthetic; names that one row has are nowhere."""
    card = model_card(manifest(ROWS, RECORD), profile(ROWS)).decode()
    assert "## Example rows" in card
    assert "customer" not in card
    assert card.startswith("# churn\n")
    assert re.search(r'nd\.load\("churn@sha256:[0-9a-f]{12}"\)', card)


def test_code_that_would_run_is_said_with_its_files() -> None:
    """A badge, and what it is."""
    files = {"code/nbdeploy_0.py": {"sha256": "0" * 64, "size": 1}, "model/model.pkl": {"sha256": "0" * 64, "size": 1}}
    found = page(manifest(ROWS, runs_code=True, files=files), None, title="churn:1", ref="churn:1")
    assert "runs code" in [badge.text for badge in found.badges]
    assert "code/nbdeploy_0.py" in found.html()
    assert "model/model.pkl" in found.html()


def test_a_wide_table_is_cut_short() -> None:
    """Five hundred columns do not make five hundred lines."""
    wide = pd.DataFrame(np.ones((10, 500)), columns=[f"c{i}" for i in range(500)])
    html = page(manifest(wide), profile(wide), title="churn:1", ref="churn:1").html()
    assert "and 440 more columns" in html
    assert len(html) < 150_000


def test_an_exported_bundle_has_a_card_with_its_proof(stock: Any, tmp_path: Any) -> None:
    """Written after the rehearsal, listed with its digest; the notebook's card says the same."""
    folder = api.export("species", tmp_path / "out").path
    card = (folder / "README.md").read_text()
    shown = nd.show("species")
    assert "## Certificate" in card
    assert "- rehearsed: Python 3" in card
    assert "executes code that came with it" in card
    assert "▁" in card
    assert json.loads((folder / "record.json").read_text())["bytes"] == sum(
        path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "record.json"
    )
    html = shown._repr_html_()
    assert "runs code" in html
    assert "<svg" in html
    low, high = shown.intervals["accuracy"]
    assert low <= shown.metrics["accuracy"] <= high
    assert f"accuracy {shown.metrics['accuracy']:.4g}" in str(shown)
    assert shown.document()["test"]["rows"] == 344
    assert len(str(shown).splitlines()) < 20


@pytest.mark.parametrize("damage", [b"{", b'{"version": 99}'])
def test_a_damaged_profile_leaves_a_card_without_it(stock: Any, damage: bytes) -> None:
    """Nothing of a forged profile is shown, and nothing else is lost."""
    import dataclasses

    shown = dataclasses.replace(nd.show("forest"), read=lambda digest: damage)
    with pytest.raises(nd.NbdeployError):
        _ = shown.profile
    assert "<svg" not in shown._repr_html_()
    assert "Certificate" in shown._repr_html_()
