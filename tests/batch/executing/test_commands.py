"""Runs that are a command."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psutil
import pytest

from nbdeploy import batch
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.starting import prepare_command
from nbdeploy.batch.queue.queue import enter
from nbdeploy.settings import Settings
from tests.batch.waiting import ended

STEP = json.dumps({"event": "progress", "message": "predicting", "done": 3, "total": 9, "unit": "rows", "share": 0.3})


def begun(settings: Settings, script: str, timeout: float | None = None) -> batch.Run:
    """A run of a shell script, started as schedules start theirs."""
    command = ["/bin/sh", "-c", script]
    prepared = prepare_command(
        command, "predict a b", settings, cwd=Path.cwd(), output="out.csv", timeout=timeout, schedule="weekly"
    )
    with Ledger(settings.db) as ledger:
        ledger.add(prepared.seal(ledger.url))
        enter(ledger, settings.home)
        return prepared.run


def test_a_command_runs_where_it_was_asked_for_and_its_words_are_kept(settings: Settings) -> None:
    """Progress, what it says, and what it answers each go to their place; lists name the command."""
    run = begun(settings, f"echo '{STEP}' >&2; echo reading >&2; pwd > here; echo '{{\"rows\": 3}}'")
    found = ended(settings, run)
    assert (found.status, found.schedule, found.subject) == ("succeeded", "weekly", "predict a b")
    assert found.progress is not None
    assert (found.progress.done, found.progress.total, found.progress.unit) == (3, 9, "rows")
    assert Path("here").read_text().strip() == str(Path.cwd())
    assert json.loads((found.folder / "result.json").read_text()) == {"rows": 3}
    assert batch.logs(settings, run.id) == "reading\n"
    assert (found.document()["notebook"], found.document()["command"]) == (None, "predict a b")
    assert "predict a b" in str(batch.runs(settings))


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ('echo \'{"error": "no snapshot a", "type": "NotFound"}\'; exit 1', "NotFound: no snapshot a"),
        ("echo 1 of 3 files failed >&2; exit 1", "CommandFailed: 1 of 3 files failed (exit status 1)"),
        ("kill -9 $$", "CommandFailed: ended with signal 9"),
    ],
)
def test_a_command_that_fails_says_why(settings: Settings, script: str, what: str) -> None:
    """Its own error, else its last words, else how it ended."""
    found = ended(settings, begun(settings, script))
    assert found.status == "failed"
    assert found.error is not None
    assert found.error.what == what


def test_a_command_that_takes_too_long_is_ended(settings: Settings) -> None:
    """And says so."""
    found = ended(settings, begun(settings, "sleep 60", timeout=0.5))
    assert found.error is not None
    assert "longer than its timeout of 0.5 s" in found.error.message


def test_a_command_is_stopped_with_what_it_started(settings: Settings) -> None:
    """And its run says so."""
    run = begun(settings, "sleep 600 & echo $! > pid; wait")
    until = time.monotonic() + 60
    while not (Path("pid").exists() and Path("pid").read_text().strip()) and time.monotonic() < until:
        time.sleep(0.05)
    assert batch.stop(settings, run.id).status == "stopped"
    number = int(Path("pid").read_text())
    assert not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE
