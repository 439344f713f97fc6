"""Runs that belong together, followed by a run that takes a place on the machine itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nbdeploy.batch import Run
from nbdeploy.batch.following import Followed
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker, here
from nbdeploy.batch.queue.line import line
from nbdeploy.settings import Settings

BEGUN = datetime(2026, 11, 21, tzinfo=UTC)


def ready(ledger: Ledger) -> list[str]:
    with ledger.database.reading() as session:
        return [turn.id for turn in line(session, here()) if turn.ready]


def test_the_turn_of_who_waits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a machine takes one run, a run that waits for others lets them have its turn, one at a time."""
    place = settings.home / "runs"
    outer = Run("outer", Path("a.ipynb"), Path("o"), place / "outer", "queued", created=BEGUN, runs_at_once=1)
    parts = [
        replace(outer, id=f"p{number}", pipeline=f"x/{number}", created=BEGUN + timedelta(seconds=number + 1))
        for number in range(3)
    ]
    with Ledger(settings.db) as ledger:
        for run in (outer, *parts):
            ledger.add(run)
        assert ledger.start("outer", Worker.of())
        followed = Followed(ledger, settings, "x/", "pipeline")
        followed.runs()
        assert ready(ledger) == []  # whoever follows them is no run, and takes no turn
        monkeypatch.setenv("NBDEPLOY_RUN", str(place / "outer"))
        for number in range(3):
            followed.runs()
            followed.runs()
            assert ready(ledger) == [f"p{number}"]
            assert ledger.start(f"p{number}", Worker.of())
            followed.runs()
            assert ready(ledger) == []
            ledger.finish(f"p{number}", "succeeded")
