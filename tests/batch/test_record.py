"""How runs are shown while they go on and after."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nbdeploy.batch import Failure, Run, RunList
from nbdeploy.types import Progress

BEGUN = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
WAITING = Run("20261121-153000-a1b2", Path("/w/a.ipynb"), Path("/r/a.ipynb"), Path("/r"), "queued", created=BEGUN)
RUNNING = replace(WAITING, status="running", started=BEGUN, progress=Progress(2, 7, "cells", "fit()"))
FAILED = replace(
    RUNNING,
    status="failed",
    finished=BEGUN + timedelta(seconds=3.25),
    error=Failure("ValueError", "no <rows>\nat all", 3, 7, source="if x:\n    fit()"),
)


def test_queued_and_running() -> None:
    """A run that has not ended says how far it is."""
    assert WAITING.line == "run 20261121-153000-a1b2 queued"
    assert RUNNING.line == "run 20261121-153000-a1b2 running: cell 3 of 7 (fit())"
    assert "cell 3 of 7 (fit())" in str(RUNNING)
    assert RUNNING.seconds is None
    assert RUNNING.document()["progress"] == {"done": 2, "total": 7}


def test_times_of_a_running_one() -> None:
    """How long it has run and, if that is known, how long it still will."""
    told = Progress(2, 7, "cells", "fit()", {"seconds": 41.2, "left": 100.0, "memory": 2**20, "attempt": 1})
    run = replace(RUNNING, progress=told)
    assert run.line.endswith("running: cell 3 of 7 (fit()), 42 s, about 1 min 40 s left")
    assert run.document()["progress"] == {"done": 2, "total": 7, **(told.facts or {})}


def test_failed() -> None:
    """A failed run shows its cell with indentation kept, escaped in HTML, and where to read on."""
    html = FAILED.card().html()
    assert "&lt;rows&gt;" in html
    assert "\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}fit()" in html
    assert "next: nbdeploy logs 20261121-153000-a1b2" in str(FAILED)
    assert FAILED.line.endswith(
        "failed in cell 3 of 7: ValueError: no <rows>; next: nbdeploy logs 20261121-153000-a1b2"
    )


def test_error_without_a_cell() -> None:
    """A run may fail before or after its cells."""
    run = replace(FAILED, error=Failure("OSError", "disk full"))
    assert run.line.startswith("run 20261121-153000-a1b2 failed: OSError: disk full")
    assert run.explanation().startswith("run 20261121-153000-a1b2 of a.ipynb failed\nOSError: disk full\n")
    assert replace(run, status="stopped", error=None).explanation().endswith("was stopped")


def test_list() -> None:
    """The list counts what is running, has a row for each, and is a JSON array."""
    found = RunList([RUNNING, FAILED])
    assert found.line == "2 runs, 1 running"
    assert len(found) == 2
    assert "cell 3 of 7: ValueError: no <rows>" in str(found)
    assert "3.2 s" in str(found)
    assert [run["status"] for run in json.loads(json.dumps(found.document()))] == ["running", "failed"]
