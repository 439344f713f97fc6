"""What is removed from the log for its age, by clocks that people and their programs may set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from nbdeploy.database import Database, PredictionRow
from nbdeploy.serving.prediction_log import Event, Parcel, Writer
from nbdeploy.serving.prediction_log.retention import Retention
from tests.serving.prediction_log.conftest import Clock


class Log:
    """A database with one request a day, and what forgets those that are older than a week."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, Clock(1e9)
        self.started()

    def started(self) -> None:
        self._retention = Retention(timedelta(days=7), now=lambda: self.clock.wall, steady=lambda: self.clock.steady)

    def left(self) -> int:
        self._retention.apply(self.database, 0)
        with self.database.reading() as session:
            return session.query(PredictionRow).count()


@pytest.fixture
def log(url: str, make: Callable[..., Event]) -> Iterator[Log]:
    writer = Writer(url, Retention(timedelta(days=36_500)), interval=0.01)
    writer.start()
    writer.put(Parcel([make(id=f"p{day}", time=1e9 - 86_400 * day) for day in range(5)]))
    assert writer.flush(20)
    writer.close()
    with Database(url) as database:
        yield Log(database)


def test_a_wrong_clock_that_is_put_right_removes_nothing(log: Log) -> None:
    """It jumps ahead while the endpoint runs, or is ahead when it starts; what is old by a true clock goes."""
    assert log.left() == 5
    log.clock.wall += 86_400 * 400
    for _ in range(3):
        log.clock.passes(days=0.2)
        assert log.left() == 5
    log.started()
    assert log.left() == 5
    log.clock.wall -= 86_400 * 400
    for days, left in ((0.2, 5), (1.1, 5), (1, 5), (2, 3)):
        log.clock.passes(days=days)
        assert log.left() == left


def test_a_jump_that_is_meant_is_believed_after_a_day(log: Log) -> None:
    """The clock had been wrong before."""
    assert log.left() == 5
    log.clock.wall += 86_400 * 30
    log.clock.passes(days=0.5)
    assert log.left() == 5
    log.clock.passes(days=0.5)
    assert log.left() == 5
    log.clock.passes(days=0.6)
    assert log.left() == 0


def test_a_clock_that_goes_back_does_not_stop_the_forgetting(log: Log) -> None:
    """The next look comes by the steady clock."""
    assert log.left() == 5
    log.clock.wall -= 86_400
    log.clock.passes(days=0.1)
    assert log.left() == 5
    log.clock.passes(days=5)
    assert log.left() < 5
