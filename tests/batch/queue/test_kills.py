"""Dispatchers as real processes, killed again and again while they work."""

from __future__ import annotations

import random
import time
from pathlib import Path

import psutil
import pytest

from nbdeploy import batch
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.queue.queue import enter
from nbdeploy.settings import Settings
from tests.batch.queue.making import dispatchers, queued
from tests.batch.waiting import ended, until

SCRIPT = 'echo "+$(basename $NBDEPLOY_RUN)" >> ran; sleep 0.2; echo "-$(basename $NBDEPLOY_RUN)" >> ran'


def kill(settings: Settings) -> None:
    """Kill the dispatcher, if there is one."""
    for each in dispatchers(settings):
        each.kill()


def survives(ledger: Ledger, settings: Settings, runs: int, kills: int, between: float) -> None:
    """Kill dispatchers while others look at the runs now and then; every run must have been executed once."""
    expected = [queued(ledger, settings, SCRIPT).id for _ in range(runs)]
    chance = random.Random(kills)
    enter(ledger, settings.home)
    for _ in range(kills):
        time.sleep(chance.random() * between)
        kill(settings)
        time.sleep(chance.random() * between / 4)
        batch.runs(settings)
    until(lambda: all(run.final for run in batch.runs(settings, limit=1000)), 600)
    events = Path("ran").read_text().split()
    assert sorted(each for each in events if each[0] == "+") == [f"+{run}" for run in sorted(expected)]
    assert {run.status for run in ledger.all(1000)} == {"succeeded"}
    going = [sum(1 if each[0] == "+" else -1 for each in events[:count]) for count in range(len(events) + 1)]
    assert max(going) <= settings.runs_at_once


def test_killed_dispatchers_lose_nothing_and_start_nothing_twice(ledger: Ledger, settings: Settings) -> None:
    """What ran goes on, what was queued is started by the next one, and never more at once than may be."""
    survives(ledger, settings, runs=5, kills=3, between=0.9)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_killed_dispatchers(ledger: Ledger, settings: Settings) -> None:
    """The same, for minutes."""
    survives(ledger, settings, runs=120, kills=60, between=1.5)


def test_a_run_that_was_killed_while_nobody_looked_is_reported_at_the_next_look(
    ledger: Ledger, settings: Settings
) -> None:
    """With what it left behind ended; the one behind it starts."""
    run = queued(ledger, settings, "setsid sleep 600 & sleep 600")
    enter(ledger, settings.home)
    until(lambda: len(below(ledger, run.id)) > 2)
    left = below(ledger, run.id)
    kill(settings)
    psutil.Process(ledger.worker(run.id).pid).kill()
    follower = queued(ledger, settings)
    assert [each.status for each in batch.runs(settings)] == ["queued", "lost"]
    assert ended(settings, follower).status == "succeeded"
    assert psutil.wait_procs(left, 30)[1] == []


def below(ledger: Ledger, run_id: str) -> list[psutil.Process]:
    """The processes that a run has started."""
    try:
        return psutil.Process(ledger.worker(run_id).pid or -1).children(recursive=True)
    except (psutil.Error, ValueError):
        return []
