"""Schedules while a Jupyter server runs."""

from __future__ import annotations

import logging
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nbdeploy import api
from nbdeploy.api.schedules import schedule_alongside
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules.book import Book
from nbdeploy.errors import InvalidData
from nbdeploy.lab.scheduling import begin
from nbdeploy.settings import Settings
from tests.batch.conftest import write_notebook
from tests.batch.queue.making import queued
from tests.batch.waiting import ended
from tests.lab.server import JupyterProcess


def test_a_server_sees_to_schedules_if_nothing_else_does(tmp_path: Path) -> None:
    """It begins when there is one, says whose it is, and what is started outlives it."""
    with JupyterProcess("jupyter_server", tmp_path / "jupyter") as server:
        settings = Settings.load(server.root, {"NBDEPLOY_HOME": str(tmp_path / "jupyter" / "home")})
        notebook = write_notebook(server.root / "a.ipynb", "1")
        added = api.schedule_add("a", notebook, cron="0 6 * * 1", settings=settings)
        with Ledger(settings.db) as ledger:
            Book(ledger.database).trigger(added.schedule, datetime.now(UTC))
            until = time.monotonic() + 90
            while not [run for run in ledger.all(1) if run.final] and time.monotonic() < until:
                time.sleep(0.2)
            [run] = ledger.all(9)
        assert (run.status, run.schedule) == ("succeeded", "a")
        advice = "run while the Jupyter server runs; to run them always: nbdeploy scheduler install"
        assert api.schedule_list(settings=settings).advice == advice
    assert api.schedule_list(settings=settings).advice == "no scheduler is running: nbdeploy scheduler install"


def test_runs_that_are_queued_go_on(home: Path) -> None:
    """Also where nothing is scheduled."""
    settings = Settings.load()
    stopped = threading.Event()
    with Ledger(settings.db) as ledger:
        run = queued(ledger, settings)
        threading.Thread(target=schedule_alongside, args=(stopped, "this test"), kwargs={"settings": settings}).start()
        assert ended(settings, run).status == "succeeded"
        stopped.set()


def test_it_can_be_switched_off(home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the setting ``scheduler``; another value is told in the server's log, and is no silent yes."""
    stopped = threading.Event()
    Path("nbdeploy.toml").write_text('scheduler = "off"\n')
    schedule_alongside(stopped, "this test")
    assert not home.exists()
    monkeypatch.setenv("NBDEPLOY_SCHEDULER", "no")
    with pytest.raises(InvalidData, match=r"scheduler is 'no' .*; there are: auto, off"):
        schedule_alongside(stopped, "this test")
    begin(Path.cwd(), logging.getLogger("jupyter")).join(10)
    assert "nbdeploy does not see to schedules here: scheduler is 'no'" in caplog.text


def test_without_a_database_it_waits_and_makes_none(home: Path) -> None:
    """A server of somebody who schedules nothing leaves no trace."""
    stopped = threading.Event()
    threading.Timer(0.3, stopped.set).start()
    schedule_alongside(stopped, "this test")
    assert not home.exists()
