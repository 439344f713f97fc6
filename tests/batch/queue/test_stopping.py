"""Stopping runs: green or red as asked, with everything that they started."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbdeploy import batch
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.queue.queue import enter
from nbdeploy.errors import RunFailed, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress
from tests.batch.queue.making import queued
from tests.batch.waiting import ended, until

STOPPED = batch.Failure("Stopped", "it was stopped, to count as failed")
DAEMON = """
import os, sys, time
if os.fork(): sys.exit()
os.setsid()
if os.fork(): sys.exit()
open('daemon', 'w').write(str(os.getpid()))
time.sleep(600)
"""


one_database = pytest.mark.parametrize("runs_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@one_database
def test_a_run_that_is_stopped_as_succeeded_keeps_its_outputs_and_no_daemon(
    settings: Settings, notebook: Any, tmp_path: Path
) -> None:
    """A process that left its family and its session ends, too; what was published so far counts."""
    declare = "import nbdeploy as nd\nfrom pathlib import Path\nPath('n.txt').write_text('1')\nnd.output('n.txt')"
    start = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {DAEMON!r}], check=True)"
    path = notebook(tmp_path / "a.ipynb", declare, start, "import time\ntime.sleep(600)")
    run = batch.submit(batch.Order.of(path), settings=settings)
    daemon = until(lambda: (tmp_path / "daemon").exists() and (tmp_path / "daemon").read_text())
    until(lambda: (step := batch.find(settings, run.id).progress) and step.done == 2)
    found = batch.stop(settings, run.id, "succeeded")
    assert (found.status, found.error, list(found.outputs)) == ("succeeded", None, ["n"])
    assert not alive(int(daemon))
    assert ended(settings, run) == found


def test_a_queued_run_is_stopped_before_it_starts(ledger: Ledger, settings: Settings) -> None:
    """And never starts."""
    run = queued(ledger, settings, "echo ran >> ran")
    assert batch.stop(settings, run.id, "failed").error == batch.Failure(
        "Stopped", "it was stopped, to count as failed"
    )
    enter(ledger, settings.home)
    behind = queued(ledger, settings)
    enter(ledger, settings.home)
    assert ended(settings, behind).status == "succeeded"
    assert not Path("ran").exists()
    assert not (run.folder / "launch.json").exists()


def test_an_interrupt_while_it_waits_its_turn_stops_a_run(
    ledger: Ledger, settings: Settings, notebook: Any, tmp_path: Path
) -> None:
    """A run in the foreground says what it waits for."""
    for _ in range(2):
        queued(ledger, settings, "sleep 600")
    enter(ledger, settings.home)
    until(lambda: len(batch.runs(settings, status="running")) == 2)
    said: list[Progress] = []

    def interrupt(step: Progress) -> None:
        said.append(step)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(batch.Order.of(notebook(tmp_path / "a.ipynb", "1")), settings=settings, progress=interrupt)
    assert said == [Progress(0, None, "cells", "waits for its turn: 2 runs at once on this machine")]
    assert [run.status for run in batch.runs(settings)] == ["stopped", "running", "running"]
    for run in batch.runs(settings, status="running"):
        batch.stop(settings, run.id)


def test_a_run_on_another_machine_is_stopped_by_its_dispatcher(ledger: Ledger, settings: Settings) -> None:
    """Whoever asks waits for it."""
    run = queued(ledger, settings, "sleep 600")
    enter(ledger, settings.home)
    until(lambda: ledger.status(run.id) == "running")
    assert ledger.stop(run.id, "failed")  # what is done about a run whose processes are out of reach
    found = ended(settings, run)
    assert (found.status, found.error) == ("failed", STOPPED)


@one_database
def test_a_run_that_a_run_waits_for_has_its_turn(
    ledger: Ledger, settings: Settings, notebook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no other may go on."""
    going = [queued(ledger, settings, "sleep 600") for _ in range(2)]
    enter(ledger, settings.home)
    until(lambda: len(batch.runs(settings, status="running")) == 2)
    monkeypatch.setenv("NBDEPLOY_RUN", str(going[0].folder))
    assert batch.run(batch.Order.of(notebook(Path("a.ipynb"), "1")), settings=settings).status == "succeeded"
    monkeypatch.delenv("NBDEPLOY_RUN")
    for run in going:
        batch.stop(settings, run.id)


@one_database
def test_a_follower_in_the_foreground_fails_with_what_it_waited_for(
    ledger: Ledger, settings: Settings, notebook: Any
) -> None:
    """The error names it; it was never started."""
    first = queued(ledger, settings, "sleep 1; exit 3")
    threading.Thread(target=enter, args=(ledger, settings.home)).start()
    with pytest.raises(RunFailed, match=f"run {first.id}, which had to succeed before, failed"):
        batch.run(batch.Order.of(notebook(Path("a.ipynb"), "1"), after=[first.id[-4:]]), settings=settings)
    assert batch.runs(settings)[0].started is None


@one_database
def test_what_a_run_may_end_as(settings: Settings) -> None:
    """Another word is refused with those that there are."""
    with pytest.raises(WrongUsage, match="there are: stopped, failed, succeeded"):
        batch.stop(settings, "any", "lost")
