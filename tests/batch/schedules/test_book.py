"""Schedules in the database: nothing lost, nothing twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.record import Run
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.schedule import Due
from nbdeploy.database import RunRow
from nbdeploy.errors import Conflict, NotFound
from tests.batch.schedules.making import START, Make


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
    assert book.claim(due, run_of(1), alone=True)
    assert not book.claim(due, run_of(2), alone=False)
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
    assert book.claim(due, run_of(1), alone=True)
    book.decide(make(id=due.schedule), START + timedelta(minutes=2))
    [second] = book.waiting(START + timedelta(minutes=2))
    assert not book.claim(second, run_of(2), alone=True)
    assert book.claim(second, run_of(2), alone=False)


def elsewhere(ledger: Ledger, **facts: object) -> None:
    """Let the run be one of another machine, of which nothing was heard for so long."""
    with ledger.database.writing() as session:
        session.execute(update(RunRow).values(host="elsewhere", **facts))


def test_a_run_that_is_queued_where_nobody_sees_to_it_waits_again(ledger: Ledger, book: Book, due: Due) -> None:
    """Should a dispatcher live there again, the run does not begin; the time becomes another one."""
    assert book.claim(due, run_of(), alone=True)
    elsewhere(ledger)
    assert book.recover() == []
    elsewhere(ledger, beat=datetime.now(UTC) - timedelta(seconds=90))
    assert book.recover() == ["folder"]
    assert first_due(book) == due
    assert not ledger.start("run1", Worker.of())
    assert ledger.all(9) == []
    assert book.recover() == []


def test_a_run_that_is_queued_here_stays_however_long(ledger: Ledger, book: Book, due: Due) -> None:
    """Its turn comes, and it begins for one process only."""
    assert book.claim(due, run_of(), alone=True)
    with ledger.database.writing() as session:
        session.execute(update(RunRow).values(beat=datetime.now(UTC) - timedelta(days=2)))
    assert book.recover() == []
    assert ledger.start("run1", Worker.of())
    assert not ledger.start("run1", Worker("elsewhere", 2, 0.0))
    assert ledger.start("run1", Worker.of())
    ledger.finish("run1", "succeeded")
    assert book.recover() == []


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
