"""Schedules in databases of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbdeploy.batch.ledger import Ledger
from tests.batch.schedules.making import Make, maker


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A maker of schedules."""
    return maker(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def runs_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of runs, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/runs.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def ledger(runs_url: str) -> Iterator[Ledger]:
    """An empty database of runs, open."""
    with Ledger(runs_url) as opened:
        yield opened
