"""Schedules in the database: nothing lost, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.record import Run
from nbdeploy.batch.schedules.book import SPAWNING, Book
from nbdeploy.batch.schedules.schedule import Due
from nbdeploy.errors import Conflict, NotFound
from tests.batch.schedules.making import START, Make

GONE = Worker("elsewhere", 1, 0.0)


def run_of(number: int = 1) -> Run:
    return Run(f"run{number}", None, Path("out"), Path("folder"), "queued", created=START, schedule="weekly")


@pytest.fixture
def book(ledger: Ledger) -> Book:
    return Book(ledger.database)


def first_due(book: Book) -> Due:
    [due] = book.waiting(START + timedelta(minutes=1))
    return due


@pytest.fixture
def due(book: Book, make: Make) -> Due:
    """A time that waits to become a run."""
    schedule = make()
    book.add(schedule)
    book.decide(schedule, START + timedelta(minutes=1))
    return first_due(book)


def test_a_schedule_is_kept_as_it_was_given(book: Book, make: Make) -> None:
    """Times, jitter, job and all; its name is its own until it is removed or replaced."""
    given = make(begins=START, ends=START + timedelta(days=1), jitter=timedelta(seconds=1.5), overlap="queue")
    book.add(given)
    assert book.get("weekly") == given
    other = make(cron="0 6 * * 1")
    with pytest.raises(Conflict, match="a schedule 'weekly' already; --replace"):
        book.add(other)
    book.add(other, instead=True)
    assert book.all() == [other]
    assert book.remove("weekly") == other
    with pytest.raises(NotFound, match="no schedule 'weekly'; nbdeploy schedule list"):
        book.remove("weekly")


def test_a_time_becomes_one_run(book: Book, due: Due) -> None:
    """Whoever is second is refused, and the run waits for its process with it."""
    assert book.claim(due, run_of(1), Worker.of(), alone=True)
    assert not book.claim(due, run_of(2), Worker.of(), alone=False)
    assert book.waiting(START + timedelta(days=1)) == []
    assert book.open_runs(due.schedule) == ["run1"]
    assert book.due(due.schedule, due.due).state == "started"


def test_a_time_is_decided_once(book: Book, make: Make, due: Due) -> None:
    """Two schedulers that look at the same moment, or one whose clock was set back."""
    for seconds in (60, 59, 0):
        book.decide(make(id=due.schedule), START + timedelta(seconds=seconds))
    assert len(book.waiting(START + timedelta(days=1))) == 1


def test_while_a_run_is_open_no_other_begins_unless_allowed(book: Book, make: Make, due: Due) -> None:
    """The second time stays as it is."""
    assert book.claim(due, run_of(1), Worker.of(), alone=True)
    book.decide(make(id=due.schedule), START + timedelta(minutes=2))
    [second] = book.waiting(START + timedelta(minutes=2))
    assert not book.claim(second, run_of(2), Worker.of(), alone=True)
    assert book.claim(second, run_of(2), Worker.of(), alone=False)


def test_a_run_that_was_never_begun_waits_again(ledger: Ledger, book: Book, due: Due) -> None:
    """Its scheduler was killed before it could start the process, or just after: that process may not begin."""
    worker = replace(Worker.of(), started=1.0)  # of this machine, and gone
    assert book.claim(due, run_of(), worker, alone=True)
    assert book.recover(START) == ["folder"]
    assert first_due(book) == due
    assert not ledger.start("run1", Worker.of())
    assert ledger.all(9) == []
    assert book.recover(START) == []


def test_a_run_that_was_thought_lost_before_it_began_waits_again(ledger: Ledger, book: Book, due: Due) -> None:
    """Somebody listed the runs in between."""
    assert book.claim(due, run_of(), replace(Worker.of(), started=1.0), alone=True)
    assert [run.status for run in ledger.all(9)] == ["lost"]
    assert book.recover(START) == ["folder"]
    assert first_due(book) == due


def test_of_another_machine_a_run_is_given_up_after_a_minute(book: Book, due: Due) -> None:
    """Nothing can be seen of its scheduler."""
    assert book.claim(due, run_of(), GONE, alone=True)
    assert book.recover(START + SPAWNING) == []
    assert book.recover(START + SPAWNING + timedelta(seconds=1)) == ["folder"]


def test_a_run_that_has_begun_is_left_alone(ledger: Ledger, book: Book, due: Due) -> None:
    """However long it takes, and also if its scheduler is gone; it begins for one process only."""
    assert book.claim(due, run_of(), GONE, alone=True)
    assert ledger.start("run1", Worker.of())
    assert not ledger.start("run1", replace(GONE, pid=2))
    assert ledger.start("run1", Worker.of())
    assert book.recover(START + timedelta(days=9)) == []
    ledger.finish("run1", "succeeded")
    assert book.recover(START + timedelta(days=9)) == []


def test_times_during_a_rest_are_not_missed(book: Book, make: Make) -> None:
    """A paused schedule decides nothing, what waited is skipped, and it goes on from when it is resumed."""
    schedule = make(missed="all")
    book.add(schedule)
    book.decide(schedule, START + timedelta(minutes=1))
    assert book.pause("weekly").paused
    assert book.history(schedule)[0].note == "paused"
    book.decide(schedule, START + timedelta(hours=1))
    book.resume("weekly", START + timedelta(hours=2))
    book.decide(schedule, START + timedelta(hours=2, minutes=1))
    assert [due.due for due in book.waiting(START + timedelta(days=1))] == [START + timedelta(hours=2, minutes=1)]


def test_a_queue_holds_no_more_than_the_bound(book: Book, make: Make) -> None:
    """What comes when it is full is skipped, and says why."""
    schedule = make(missed="all", overlap="queue", bound=3)
    book.add(schedule)
    book.decide(schedule, START + timedelta(minutes=10))
    assert len(book.waiting(START + timedelta(days=1))) == 3
    assert book.history(schedule)[0].note == "3 runs wait already"


def test_triggers_at_the_same_moment_are_two(book: Book, make: Make) -> None:
    """Nobody's wish is lost, also of a schedule that rests."""
    schedule = make(jitter=timedelta(hours=1))
    book.add(schedule)
    book.pause("weekly")
    for _ in range(2):
        book.trigger(schedule, START)
    assert [due.reason for due in book.waiting(START + timedelta(seconds=1))] == ["triggered"] * 2
