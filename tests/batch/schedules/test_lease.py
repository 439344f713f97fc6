"""One process at a time sees to schedules."""

from __future__ import annotations

from dataclasses import dataclass

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules.lease import PATIENCE, RENEW, Lease, holder
from nbdeploy.database import LeaseRow


@dataclass
class Seconds:
    """A clock that stands until it is moved."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def move(ledger: Ledger, host: str = "elsewhere", pid: int | None = None) -> None:
    """Say that the holder is a process of another machine, of which nothing can be seen, or another process here."""
    with ledger.database.writing() as session:
        row = session.get_one(LeaseRow, "x")
        row.host, row.pid = host or row.host, pid or row.pid


def test_one_of_two_holds_it_and_the_other_when_it_is_given_back(ledger: Ledger) -> None:
    """Whoever comes second waits, and need not wait long."""
    clock = Seconds()
    first, second = Lease(ledger.database, "x", clock), Lease(ledger.database, "x", clock)
    assert holder(ledger.database, "x") is None
    for seconds in range(60):
        clock.now = seconds
        assert (first.hold(), second.hold()) == (True, False)
    held = holder(ledger.database, "x")
    assert held is not None
    assert held.alive
    first.release()
    assert second.hold()
    assert not first.hold()


def test_a_holder_of_this_machine_that_is_gone_is_followed_at_once(ledger: Ledger) -> None:
    """Its process number is looked for."""
    first, second = Lease(ledger.database, "x", Seconds()), Lease(ledger.database, "x", Seconds())
    assert first.hold()
    move(ledger, "", pid=2**22 + 1)
    held = holder(ledger.database, "x")
    assert held is not None
    assert not held.alive
    assert second.hold()


def test_a_silent_holder_of_another_machine_is_followed_within_fifteen_seconds(ledger: Ledger) -> None:
    """It is silence that counts, by the clock of who waits; the old holder then notices that it is none."""
    clock, frozen = Seconds(), Seconds()
    first, second = Lease(ledger.database, "x", frozen), Lease(ledger.database, "x", clock)
    assert first.hold()
    move(ledger)
    seconds = 0
    while not second.hold():
        seconds += 1
        clock.now = float(seconds)
    assert PATIENCE <= seconds <= 15
    frozen.now = RENEW
    assert not first.hold()


def test_a_holder_that_shows_life_keeps_it(ledger: Ledger) -> None:
    """However long another one watches."""
    clock = Seconds()
    first, second = Lease(ledger.database, "x", clock), Lease(ledger.database, "x", clock)
    for seconds in range(60):
        clock.now = seconds
        assert first.hold()
        move(ledger)
        assert not second.hold()
