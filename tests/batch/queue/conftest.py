"""A home whose runs are in a database of either kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbdeploy.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, runs_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a home that is empty, two runs at once."""
    monkeypatch.setenv("NBDEPLOY_DB", runs_url)
    monkeypatch.setenv("NBDEPLOY_RUNS_AT_ONCE", "2")
    return Settings.load(tmp_path)
