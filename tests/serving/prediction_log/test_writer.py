"""The one writer, on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import polars as pl
import pytest

from nbdeploy.database import AuditRow, BlockRow, Database, PredictionRow, TruthRow
from nbdeploy.errors import InvalidData, RemoteError
from nbdeploy.serving.prediction_log import Act, Event, Parcel, PredictionLog, Queue, Subject, Writer
from nbdeploy.serving.prediction_log.reading import Wanted, read
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.serving.prediction_log.where import Where
from nbdeploy.wire.messages import Truth
from tests.postgresql import Server
from tests.serving.prediction_log.conftest import SUBJECT, Clock, event, signature

FOREVER = Retention(timedelta(days=36_500))


@contextlib.contextmanager
def writing(url: str, retention: Retention = FOREVER, **options: object) -> Iterator[Writer]:
    writer = Writer(url, retention, interval=0.01, **options)  # type: ignore[arg-type]
    writer.start()
    try:
        yield writer
    finally:
        writer.close()


def count(url: str) -> tuple[int, ...]:
    with Database(url) as database, database.reading() as session:
        return tuple(session.query(table).count() for table in (PredictionRow, BlockRow, AuditRow))


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_is_put_twice_is_written_once(url: str, make: Callable[..., Event]) -> None:
    """A commit may succeed without saying so; what is then written again is no second request."""
    parcel = Parcel([make(), make(inputs=None)])
    with writing(url) as writer:
        writer.put(parcel)
        assert writer.flush(20)
        writer.put(parcel)
        assert writer.flush(20)
        assert writer.state.ok
    assert count(url) == (2, 1, 0)


def test_what_waits_is_written_at_the_end(url: str, make: Callable[..., Event]) -> None:
    """Closing writes what the queue holds, without waiting for the next turn."""
    queue = Queue()
    writer = Writer(url, FOREVER, lambda: Parcel(queue.drain()[0]), interval=60)
    writer.start()
    assert writer.flush(20)
    queue.append(make())
    writer.close()
    assert count(url) == (1, 1, 0)


def test_answers_are_kept_where_all_inputs_are_private(url: str) -> None:
    """Each row has its own answer, in blocks of several requests, and beside a refused one."""
    columns = [msgspec.structs.replace(column, private=True) for column in signature().columns]
    secret = Subject("secret", 1, "sha256:bb", msgspec.structs.replace(signature(), columns=columns))
    log = PredictionLog(url, retention=FOREVER)
    log.start()
    try:
        for n, answers in enumerate([["yes", "no"], ["no", "no"]]):
            asked = event(id=f"p{n}", time=1e9 + n, answers=pl.DataFrame({"prediction": answers}))
            asked.subject = secret
            log.append(asked)
            log.flush()
        refused = event(id="r", time=1e9 + 2, answers=None, outcome="refused")
        refused.subject = secret
        log.append(refused)
        found = log.read("secret", Wanted())
        answered = found.frame.filter(pl.col("id") != "r")
        rows = answered.select("id", "row", "prediction").rows()
        assert rows == [("p1", 0, "no"), ("p1", 1, "no"), ("p0", 0, "yes"), ("p0", 1, "no")]
        assert (found.inputs, sorted(found.masked), log.state.dropped) == ([], ["age", "name"], 0)
    finally:
        log.close()


def test_rows_are_found_again(url: str, make: Callable[..., Event]) -> None:
    """By id, by condition and with what came true of them: told twice is told once, the latest word counts."""
    log = PredictionLog(url, retention=FOREVER)
    log.start()
    try:
        for n in range(3):
            log.append(make(id=f"p{n}", time=1e9 + n))
        log.append(make(id="r", inputs=None, answers=None, outcome="refused", reason="row 0: too\x00 odd"))
        truths = [Truth("p1", "yes", 0), Truth("p1", "no", 1), Truth("p1", "no"), Truth("p1", 1, 2), Truth("x", 1)]
        told = log.join("churn", truths, "crm")
        assert (told.matched, told.unmatched, told.unchanged, told.replaced) == (2, 3, 0, 0)
        assert ["2 rows" in one.reason for one in told.first] == [True, True, False]
        told = log.join("churn", [Truth("p1", "yes", 0), Truth("p1", "yes", 1)], "crm")
        assert (told.matched, told.unchanged, told.replaced) == (2, 1, 1)

        found = log.read("churn", Wanted())
        assert found.frame["id"].to_list() == ["p2", "p2", "p1", "p1", "p0", "p0"]
        assert (found.inputs, found.answers, found.masked) == (["age"], ["prediction"], ["name"])
        assert (found.requests, found.without_rows, found.more) == (4, 1, False)
        assert log.read("churn", Wanted(where=Where("age is null"), limit=2)).more
        one = log.read("churn", Wanted(id="p1", where=Where("truth = prediction"))).frame
        assert one.select("row", "age", "prediction", "truth").rows() == [(0, 41, "yes", "yes")]
        refused = log.read("churn", Wanted(where=Where("outcome = 'refused'"))).frame
        assert refused["reason"].to_list() == ["row 0: too odd"]
        assert log.read("other", Wanted()).frame.height == 0
    finally:
        log.close()


def test_rows_are_spread_over_the_time_where_there_are_too_many(url: str, make: Callable[..., Event]) -> None:
    """The latest ones alone would say nothing of this morning. What was not answered is got by itself."""
    with writing(url) as writer:
        for n in range(40):
            outcome = "refused" if n % 20 == 7 else "ok"
            writer.put(Parcel([make(id=f"p{n:02}", time=1e9 + n, outcome=outcome)]))
        assert writer.flush(20)
        found = read(writer.database, "churn", Wanted(limit=20, spread=True))
        hours = sorted(int(key[1:]) for key in found.frame["id"].unique())
        assert (len(hours), found.more, found.requests) == (10, True, 40)
        assert [b - a for a, b in pairwise(hours)] == [4] * 9
        assert read(writer.database, "churn", Wanted(limit=80, spread=True)).frame.height == 80
        bad = read(writer.database, "churn", Wanted(unanswered=True))
        assert (bad.frame["id"].unique(maintain_order=True).to_list(), bad.requests) == (["p27", "p07"], 2)


def test_age_and_number_of_rows_are_bounded(url: str, make: Callable[..., Event]) -> None:
    """What is too old goes, then the oldest of what is too much: requests, their rows and truths."""
    now = 1e9
    with writing(url) as writer:
        writer.put(Parcel([make(id=f"old{n}", time=now - 1e6) for n in range(3)]))
        writer.put(Parcel([make(id="a", time=now - 30)]))
        writer.put(Parcel([make(id="b", time=now - 20), make(id="c", time=now - 10)]))
        assert writer.flush(20)
    with Database(url) as database:
        Retention(timedelta(days=7), most_rows=4, now=lambda: now).apply(database, 0)
        with database.reading() as session:
            assert sorted(session.scalars(session.query(PredictionRow.id).statement)) == ["b", "c"]
            assert session.query(BlockRow).count() == 1
            assert session.query(TruthRow).count() == 0
        assert read(database, "churn", Wanted()).frame.height == 4


def test_endpoints_that_share_a_database_do_not_meet(url: str, make: Callable[..., Event]) -> None:
    """Each reads, joins and forgets its own rows, though deployments have the same name."""
    logs = [PredictionLog(url, retention=FOREVER, endpoint=name) for name in ("staging", "prod")]
    for log in logs:
        log.start()
        assert log.flush(20)
    try:
        for log, key in zip(logs, ("s", "p"), strict=True):
            log.append(make(id=key))
        assert [log.read("churn", Wanted()).frame["id"].unique().to_list() for log in logs] == [["s"], ["p"]]
        assert [log.join("churn", [Truth("p", "yes", 0)], "crm").matched for log in logs] == [0, 1]
    finally:
        for log in logs:
            log.close()
    with Database(url) as database:
        clock = Clock(2e9)
        forgetful = Retention(
            timedelta(days=1), endpoint="staging", now=lambda: clock.wall, steady=lambda: clock.steady
        )
        forgetful.apply(database, 0)
        clock.passes(days=2)
        forgetful.apply(database, 0)
        with database.reading() as session:
            left = [session.query(table.endpoint).distinct().all() for table in (PredictionRow, BlockRow, TruthRow)]
    assert left == [[("prod",)]] * 3


def test_a_database_that_goes_away_is_told_and_caught_up_with(
    postgresql_server: Server, make: Callable[..., Event]
) -> None:
    """Rows wait in memory, as far as there is room; acts wait always; the loss is counted."""
    with postgresql_server.database() as url, writing(url, most_bytes=10_000) as writer:
        writer.put(Parcel([make()]))
        assert writer.flush(20)
        postgresql_server.kill()
        try:
            writer.put(Parcel([make()]))
            until(lambda: not writer.state.ok)
            assert not writer.flush(5)
            assert "s3cret" not in f"{writer.state}"
            with pytest.raises(RemoteError, match="does not answer"):
                writer.database  # noqa: B018
            writer.put(Parcel([make(inputs=None) for _ in range(100)]))
            assert (writer.state.waiting, writer.state.dropped) == (2, 200)
            assert not writer.record(Act("1", 1e9, "ana", "here", "PUT", "churn", "done"), seconds=0.5)
        finally:
            postgresql_server.start()
        until(lambda: writer.state.ok)
        assert writer.flush(20)
        assert writer.state.waiting == 0
        assert count(url) == (2, 2, 1)


def test_a_database_that_is_not_there_yet_is_waited_for(tmp_path: Path, make: Callable[..., Event]) -> None:
    """Here a folder is in its way; an address that can be none is refused at once."""
    (tmp_path / "log.db").mkdir()
    with writing(f"sqlite:///{tmp_path}/log.db") as writer:
        writer.put(Parcel([make()]))
        until(lambda: "log.db" in writer.state.reason)
        (tmp_path / "log.db").rmdir()
        until(lambda: writer.state.ok)
    assert count(f"sqlite:///{tmp_path}/log.db")[0] == 1
    with pytest.raises(InvalidData):
        Writer("nonsense")


def test_a_full_disk_is_no_end(tmp_path: Path, make: Callable[..., Event]) -> None:
    """SQLite says that it is full, here at a few pages; once there is room, what waited is written."""
    url = f"sqlite:///{tmp_path}/log.db"
    Database(url).close()
    with writing(url) as writer:
        assert writer.flush(20)
        engine = writer.database.engine
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count=1")
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
        writer.put(Parcel([make() for _ in range(2000)]))
        until(lambda: not writer.state.ok)
        assert "full" in writer.state.reason
        raw.execute("PRAGMA max_page_count=1000000")
        until(lambda: writer.state.ok)
        assert writer.flush(20)
    assert count(url)[0] == 2000


def test_whoever_falls_behind_does_not_rest(
    tmp_path: Path, make: Callable[..., Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between pieces others go first, but only while there is time for that."""
    rests: list[float] = []
    monkeypatch.setattr("nbdeploy.serving.prediction_log.writer.sleep", rests.append)
    for interval, expected in ((60.0, True), (1e-9, False)):
        writer = Writer(f"sqlite:///{tmp_path}/log.db", FOREVER, interval=interval)
        writer.start()
        assert writer.flush(20)
        rests.clear()
        writer.put(Parcel([make()]))
        assert writer.flush(20)
        writer.close()
        assert bool(rests) is expected


def test_what_no_database_holds_is_dropped_alone(url: str, make: Callable[..., Event]) -> None:
    """It would otherwise stand in the way of all that comes after it."""
    odd = [make(inputs=None, rows=2**70), make(inputs=None, rows=1, seconds=SUBJECT), make(methods=7)]
    with writing(url) as writer:
        for event in (make(), *odd, make()):
            writer.put(Parcel([event]))
        until(lambda: writer.state.waiting == 0)
        assert writer.state.dropped == 2**70 + 1 + 2
    assert count(url)[0] == 2


def test_acts_are_written_before_they_are_answered(url: str) -> None:
    """The caller is told whether it is down."""
    log = PredictionLog(url)
    log.start()
    try:
        assert log.record("ana", "127.0.0.1", "PUT", "/api/deployments/churn", "done")
        assert count(url) == (0, 0, 1)
    finally:
        log.close()
