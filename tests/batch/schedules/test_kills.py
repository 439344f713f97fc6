"""Schedulers as real processes, killed again and again while they work."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.lease import holder
from nbdeploy.batch.schedules.scheduler import LEASE
from tests.batch.schedules.hurried import ZERO, moment
from tests.batch.schedules.making import Make

T = TypeVar("T")
PROGRAM = Path(__file__).with_name("hurried.py")


class Pair:
    """Two schedulers of one database, of which one leads."""

    def __init__(self, ledger: Ledger, speed: float, file: Path) -> None:
        self.ledger, self.speed, self.file = ledger, speed, file
        self.begun = time.time()
        self._log = file.with_name("schedulers.log").open("ab")
        self._processes = [self._new(), self._new()]

    def _new(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-P", str(PROGRAM), self.ledger.url, str(self.begun), str(self.speed), str(self.file)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self._log)

    def leader(self) -> subprocess.Popen[bytes] | None:
        """The process that holds the lease."""
        held = holder(self.ledger.database, LEASE)
        found = [each for each in self._processes if held is not None and each.pid == held.worker.pid]
        return found[0] if found and found[0].poll() is None else None

    def kill(self) -> float:
        """Kill the leader, and tell how many seconds later the other one leads."""
        leader = wait(self.leader, 60)
        for each in self._processes:
            if each is not leader and each.stdout is not None:
                assert each.stdout.readline() == b"ready\n"
        leader.send_signal(signal.SIGKILL)
        leader.communicate()
        killed = time.monotonic()
        self._processes = [each for each in self._processes if each is not leader]
        wait(self.leader, 60)
        took = time.monotonic() - killed
        self._processes.append(self._new())
        return took

    def close(self) -> None:
        for each in self._processes:
            each.kill()
            each.communicate()
        self._log.close()


@contextmanager
def pair(ledger: Ledger, speed: float, file: Path) -> Iterator[Pair]:
    made = Pair(ledger, speed, file)
    try:
        yield made
    finally:
        made.close()


def wait(look: Callable[[], T | None], seconds: float) -> T:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing in {seconds} s")


def survives(ledger: Ledger, make: Make, file: Path, kills: int, speed: float, between: float) -> list[float]:
    """Kill leaders; then every time up to the last must have been run once. Returns the seconds of each change."""
    plain = make(cron="* * * * *", missed="all", bound=10**6, overlap="allow", created=ZERO, decided=ZERO)
    schedule = replace(plain, job=type(plain.job)("churn", "in/", "{{ ts }}", plain.job.at))
    book, chance = Book(ledger.database), random.Random(kills)
    book.add(schedule)
    changes = []
    with pair(ledger, speed, file) as schedulers:
        for _ in range(kills):
            time.sleep(chance.random() * between)
            changes.append(schedulers.kill())
        wait(lambda: moment(schedulers.begun, schedulers.speed) >= ZERO + timedelta(minutes=kills), 120)
        last = moment(schedulers.begun, schedulers.speed)
        expected = Counter(due.isoformat() for due in schedule.preview(ZERO, 10**4) if due <= last)
        book_is_through = lambda: set(expected) <= set(lines(file))  # noqa: E731
        wait(book_is_through, 120)
    ran = Counter(line for line in lines(file) if line <= max(expected))
    assert ran == expected
    assert len(expected) >= kills
    assert {run.status for run in ledger.all(10**4)} <= {"succeeded", "running", "queued"}
    return changes


def lines(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def test_killed_leaders_lose_nothing_double_nothing_and_are_followed(
    ledger: Ledger, make: Make, tmp_path: Path
) -> None:
    """Each time is run once, by runs that are processes of their own, and another leader works within 15 s."""
    changes = survives(ledger, make, tmp_path / "ran", kills=3, speed=30, between=3)
    assert max(changes) < 15


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_killed_leaders(ledger: Ledger, make: Make, tmp_path: Path) -> None:
    """The same, for minutes."""
    changes = survives(ledger, make, tmp_path / "ran", kills=40, speed=20, between=6)
    assert max(changes) < 15
