"""The loop that sees to schedules, with a clock of the tests' own and runs that end as they begin."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crondst import CronDst

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.schedule import Schedule
from nbdeploy.batch.schedules.scheduler import Scheduler
from tests.batch.schedules.making import START, Make


class Killed(BaseException):
    """What a process does not survive."""


@dataclass
class World:
    """A clock, and what was run."""

    now: datetime = START
    ran: list[tuple[str, str]] = field(default_factory=list)
    deadly: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(6))
    ends: bool = True

    def enter(self, ledger: Ledger, _: Path) -> None:
        """A dispatcher whose runs succeed at once; the scheduler may die before it is asked, or after."""
        if self.chance.random() < self.deadly:
            raise Killed
        for run in reversed(ledger.all(10**4, "queued")):
            assert ledger.start(run.id, Worker.of())
            self.ran.append((run.schedule, run.output.name))
            if self.ends:
                ledger.finish(run.id, "succeeded")
        if self.chance.random() < self.deadly:
            raise Killed

    def scheduler(self, ledger: Ledger) -> Scheduler:
        return Scheduler(ledger, lambda: self.now, self.enter, lambda: self.now.timestamp())


def output(make: Make, **facts: Any) -> Schedule:
    """A schedule whose outputs say for which time they are."""
    plain = make(**facts)
    return replace(plain, job=type(plain.job)("churn", "in/", "{{ ts }}", plain.job.at))


def every(schedule: Schedule, until: datetime) -> list[datetime]:
    """The times of a schedule as another library says them."""
    times = CronDst(schedule.cron).iter(START.astimezone(ZoneInfo(schedule.timezone)))
    return list(takewhile(lambda due: due <= until, times))


def test_a_year_of_kills_and_outages_runs_each_time_once(ledger: Ledger, make: Make) -> None:
    """A scheduler that dies again and again, and is off for days: with `all`, each time is one run. Two months do for
    PostgreSQL, which takes longer.
    """
    days = 366 if ledger.url.startswith("sqlite") else 60
    where = {"timezone": "Europe/Madrid", "missed": "all", "bound": 10**6, "overlap": "allow"}
    schedules = [
        output(make, name="nightly", cron="30 2 * * *", **where),
        output(make, name="twice a week", cron="0 12 * * 1,4", **where, jitter=timedelta(minutes=30)),
        output(make, name="monthly", cron="0 3 1 * *", **where),
    ]
    world = World(deadly=0.04)
    book, until = Book(ledger.database), START + timedelta(days=days)
    for schedule in schedules:
        book.add(schedule)
    expected = Counter((each.name, f"{due.isoformat()}") for each in schedules for due in every(each, until))
    scheduler = world.scheduler(ledger)
    while world.now < until + timedelta(days=1):
        off = world.chance.random() < 0.02
        world.now += (
            timedelta(days=world.chance.randrange(1, 12)) if off else timedelta(hours=world.chance.random() * 18)
        )
        try:
            scheduler.turn()
        except Killed:
            scheduler = world.scheduler(ledger)
            world.now += timedelta(seconds=20)
            with suppress(Killed):
                scheduler.turn()
    world.deadly = 0.0
    for _ in range(3):
        world.now += timedelta(seconds=20)
        world.scheduler(ledger).turn()
        world.now += timedelta(seconds=20)
        scheduler.turn()
    ran = Counter(pair for pair in world.ran if datetime.fromisoformat(pair[1]) <= until)
    assert sum(expected.values()) > days * 1.25
    assert ran == expected


@pytest.fixture
def world() -> Iterator[World]:
    """A clock that stands, and nothing run."""
    return World()


def added(ledger: Ledger, schedule: Schedule) -> Schedule:
    Book(ledger.database).add(schedule)
    return schedule


def at(world: World, scheduler: Scheduler, **later: float) -> list[str]:
    """The times that are run when the clock shows START and so much."""
    world.now, before = START + timedelta(**later), len(world.ran)
    scheduler.turn()
    return [name[11:16] for _, name in world.ran[before:]]


def test_a_time_is_run_within_a_second_and_not_before(ledger: Ledger, make: Make, world: World) -> None:
    """A look at each second; with jitter it is that much later."""
    added(ledger, output(make))
    later = added(ledger, output(make, name="later", cron="3 12 * * *", jitter=timedelta(seconds=40)))
    scheduler = world.scheduler(ledger)
    assert at(world, scheduler, seconds=59.9) == []
    assert at(world, scheduler, seconds=60) == ["12:01"]
    assert at(world, scheduler, seconds=61) == []
    begin = later.at(START + timedelta(minutes=3)).begin
    assert at(world, scheduler, seconds=120) == ["12:02"]
    assert at(world, scheduler, seconds=180) == ["12:03"]
    assert at(world, scheduler, seconds=(begin - START).total_seconds() - 0.1) == []
    assert at(world, scheduler, seconds=(begin - START).total_seconds()) == ["12:03"]


@pytest.mark.parametrize(
    ("overlap", "meanwhile", "after"), [("skip", [], []), ("queue", [], ["12:02"]), ("allow", ["12:02"], [])]
)
def test_while_a_run_goes_on(
    ledger: Ledger, make: Make, world: World, overlap: str, meanwhile: list[str], after: list[str]
) -> None:
    """The next time is left out, waits, or is run too."""
    schedule = added(ledger, output(make, overlap=overlap))
    scheduler = world.scheduler(ledger)
    world.ends = False
    assert at(world, scheduler, seconds=60) == ["12:01"]
    [going] = scheduler.book.open_runs(schedule.id)
    assert at(world, scheduler, seconds=120) == meanwhile
    for run in scheduler.book.open_runs(schedule.id):
        ledger.finish(run, "succeeded")
    assert at(world, scheduler, seconds=121) == after
    if overlap == "skip":
        assert scheduler.book.history(schedule)[0].note == f"run {going} was still going"


def test_one_schedule_that_cannot_start_stops_no_other(ledger: Ledger, make: Make, world: World) -> None:
    """What is wrong with it is told, and its next time is tried."""
    broken = make(name="broken")
    broken = added(ledger, replace(broken, job=type(broken.job)("churn", "{{ nope }}", "out/", broken.job.at)))
    added(ledger, output(make))
    scheduler = world.scheduler(ledger)
    for minute in (1, 2):
        assert at(world, scheduler, minutes=minute) == [f"12:0{minute}"]
        last = scheduler.book.history(broken)[0]
        assert (last.state, last.due) == ("failed", START + timedelta(minutes=minute))
        assert "{{ nope }} is no word" in last.note


def test_of_two_schedulers_one_works(ledger: Ledger, make: Make, world: World) -> None:
    """The other one waits for its turn."""
    added(ledger, output(make))
    first, second = world.scheduler(ledger), world.scheduler(ledger)
    assert at(world, first, seconds=1) == []
    assert at(world, second, minutes=1) == []
    assert (first.leads, second.leads) == (True, False)
    assert at(world, first, minutes=1, seconds=1) == ["12:01"]
    assert at(world, second, minutes=3) == []


def test_a_trigger_is_seen_at_once_also_of_a_schedule_that_rests(ledger: Ledger, make: Make, world: World) -> None:
    """It runs besides the times of the cron line, which stay."""
    schedule = added(ledger, output(make, cron="0 * * * *"))
    scheduler = world.scheduler(ledger)
    scheduler.book.pause("weekly")
    scheduler.book.trigger(schedule, START + timedelta(minutes=7))
    assert at(world, scheduler, minutes=7) == ["12:07"]
    assert at(world, scheduler, minutes=60) == []
    scheduler.book.resume("weekly", START + timedelta(minutes=61))
    assert at(world, scheduler, minutes=120) == ["14:00"]
