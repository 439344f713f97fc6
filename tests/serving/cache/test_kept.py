"""Answers kept in memory and in a real Redis server."""

from __future__ import annotations

import datetime as dt
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import redis

from nbdeploy.errors import InvalidData
from nbdeploy.serving.cache import Answers
from nbdeploy.serving.cache.places import Memory, Redis, place_of
from nbdeploy.serving.options import Options

DIGEST = "sha256:" + "7" * 64
TYPES = {"prediction": pl.Float64()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server of the tests' own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen([*command, "--requirepass", "s3cret"], stdout=subprocess.DEVNULL)
    url = f"redis://:s3cret@127.0.0.1:{port}/0"
    try:
        for _ in range(200):
            try:
                redis.Redis.from_url(url).ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def answer(answers: Answers, rows: pl.DataFrame, asked: list[float], methods: tuple[str, ...] = ("predict",)) -> Any:
    """Answer with a row's sum, and note that it was worked out."""

    def work() -> pl.DataFrame:
        asked.append(1)
        return pl.DataFrame({"prediction": [0.1 + len(asked)] * rows.height})

    return answers.frame(answers.name(DIGEST, methods, rows), TYPES, rows.height, work)


@pytest.fixture(params=["memory", "redis"])
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    """Answers in either place."""
    made = Answers(Memory(100) if request.param == "memory" else Redis(request.getfixturevalue("server")))
    yield made
    made.close()


def test_the_same_rows_are_worked_out_once(answers: Answers) -> None:
    """The same values of the same snapshot by the same methods."""
    asked: list[float] = []
    rows = pl.DataFrame({"x": [time.time_ns()], "t": [dt.datetime(2026, 1, 31, 1, 2, 3)]})
    first = answer(answers, rows, asked)
    assert answer(answers, rows.clone(), asked).equals(first)
    assert (len(asked), answers.hits, answers.misses) == (1, 1, 1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1.0], [1.0000000000000002]),
        ([0.0], [-0.0]),
        ([None], [float("inf")]),
        ([float("inf")], [float("-inf")]),
        ([1, 2], [12]),
        (["a", "b"], ["ab"]),
        ([True], ["true"]),
        ([b"a"], ["a"]),
        (pl.Series([0]).cast(pl.Datetime("ns")), pl.Series([1]).cast(pl.Datetime("ns"))),
        ([[1.0, float("nan")]], [[1.0, 0.0]]),
    ],
)
def test_other_rows_are_other_questions(one: Any, other: Any) -> None:
    """However little they differ."""
    names = [Answers(Memory(1)).name(DIGEST, ["predict"], pl.DataFrame({"x": values})) for values in (one, other)]
    assert names[0] != names[1]


def test_records_and_tables_are_named_alike() -> None:
    """A name says what is asked, not how it was read."""
    answers = Answers(Memory(1))
    records = [[1.5, None, "a", True], [2.0, 7, "b", False]]
    wire = pl.DataFrame(records, schema=["a", "b", "c", "d"], orient="row")
    assert answers.name(DIGEST, ["predict"], wire) == answers.name(DIGEST, ["predict"], records)
    assert answers.name(DIGEST, ["predict_proba"], wire) != answers.name(DIGEST, ["predict"], records)
    assert answers.name("sha256:" + "8" * 64, ["predict"], wire) != answers.name(DIGEST, ["predict"], records)


def test_memory_forgets_what_was_not_asked_for_longest() -> None:
    """By number, and by size."""
    memory = Memory(2, size=100)
    for name in (b"a", b"b"):
        memory.put(name, b"0" * 40)
    memory.get(b"a")
    memory.put(b"c", b"0" * 40)
    assert [memory.get(name) is not None for name in (b"a", b"b", b"c")] == [True, False, True]
    memory.put(b"d", b"0" * 90)
    assert [memory.get(name) is not None for name in (b"a", b"c", b"d")] == [False, False, True]


@pytest.mark.parametrize("content", [b"", b"nonsense", b"ARROW1"])
def test_what_others_wrote_is_not_believed(server: str, content: bytes) -> None:
    """Neither what is no table, nor a table of another shape."""
    answers = Answers(Redis(server))
    client, asked = redis.Redis.from_url(server), list[float]()
    rows = pl.DataFrame({"x": [time.time_ns()]})
    kept = b"table:" + answers.name(DIGEST, ["predict"], rows)
    client.set(kept, content)
    assert answer(answers, rows, asked).height == 1
    other = Answers(Memory(1))
    answer(other, pl.concat([rows, rows]), asked)
    client.set(kept, next(iter(other._place._kept.values())))  # type: ignore[attr-defined]
    assert answer(answers, rows, asked).height == 1
    client.close()


def test_a_server_that_is_away_costs_little_and_says_no_password(caplog: pytest.LogCaptureFixture) -> None:
    """Only the first of many requests waits for it, until some seconds later."""
    now = [0.0]
    place, asked = Redis("redis://:s3cret@127.0.0.1:1/0", lambda: now[0]), list[float]()
    answers = Answers(place)
    for i in range(50):
        answer(answers, pl.DataFrame({"x": [i]}), asked)
    now[0] = 6.0
    answer(answers, pl.DataFrame({"x": [0]}), asked)
    assert (len(asked), len(caplog.records)) == (51, 2)
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("given", ["many", "-1", "http://cache", "redis://host:port/0"])
def test_what_is_no_place_is_refused(given: str) -> None:
    """Before anything starts."""
    with pytest.raises(InvalidData, match="--cache"):
        Options(cache=given)


def test_no_place_is_none() -> None:
    """It is off unless it is asked for."""
    assert place_of("") is None


def test_an_endpoint_keeps_its_answers(run: Any, snapshots: Any, churn: Any, server: str, tmp_path: Path) -> None:
    """By every way, in memory and in Redis; the answers are the same bytes, and their ids are new."""
    row = churn.iloc[0].to_dict()
    for i, cache in enumerate(("100", server)):
        with run(home=tmp_path / str(i), cache=cache) as place:
            place.target.push(snapshots, snapshots.resolve("churn:1"))
            for accept in ("application/json", "text/csv"):
                ask = [place.ask("POST", "/models/churn/predict", json=[row], headers={"accept": accept}) for _ in "12"]
                assert ask[0].content == ask[1].content
                assert len({answer.headers["x-nbdeploy-prediction-id"] for answer in ask}) == 2
            shown = place.ask("GET", "/metrics").text
            hits, misses = (2, 2) if cache == "100" else (1, 1)
            assert f"nbdeploy_cache_hits_total {hits}.0" in shown
            assert f"nbdeploy_cache_misses_total {misses}.0" in shown
