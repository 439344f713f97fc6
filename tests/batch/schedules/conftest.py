"""Schedules that nobody runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.batch.schedules.making import Make, maker


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A maker of schedules."""
    return maker(tmp_path)
