"""Predictions from queries and into tables: exactly once, also when process or server die."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.commands.shell import run
from nbdeploy.errors import Conflict, InvalidData, Unreachable, WrongUsage
from nbdeploy.types import Progress
from tests.databases import ask, tell
from tests.models import NUMBERS, penguins
from tests.offline.killing import Jobs
from tests.postgresql import PASSWORD, Server

BY_RING = "SELECT * FROM birds ORDER BY ring"
SCORES = "SELECT ring, prediction FROM scores ORDER BY ring"


@pytest.fixture
def birds(stock: Path, database_url: str) -> tuple[str, list[tuple[int, str]]]:
    """A database of birds, and what ``lr`` says of them by ring."""
    return database_url, _filled(database_url)


def _filled(url: str) -> list[tuple[int, str]]:
    X = penguins()[0][NUMBERS].fillna(0.0)
    columns = ", ".join(f'"{name}" DOUBLE PRECISION' for name in NUMBERS)
    rows = ", ".join(f"({i}, {', '.join(map(repr, map(float, row)))})" for i, row in enumerate(X.to_numpy()))
    tell(url, f"CREATE TABLE birds (ring BIGINT, {columns})", f"INSERT INTO birds VALUES {rows}")
    return list(enumerate(nd.load("lr").predict(X).tolist()))


def test_from_a_query_into_a_table_of_the_same_database(birds: tuple[str, Any]) -> None:
    """Ids are kept in their type; a job that is done does nothing until its rows change."""
    url, expected = birds
    done = nd.predict("lr", sql=BY_RING, from_url=url, to_table="scores", chunk=100)
    assert ask(url, SCORES) == expected
    assert (done.rows, done.done_before, PASSWORD in repr(done)) == (len(expected), False, False)
    again = nd.predict("lr", sql=BY_RING, from_url=url, to_table="scores")
    assert again.done_before
    assert again.rows == len(expected)
    assert ask(url, SCORES) == expected
    tell(url, "DELETE FROM birds WHERE ring > 4")
    assert nd.predict("lr", sql=BY_RING, from_url=url, to_table="scores").rows == 5
    assert len(ask(url, SCORES)) == len(expected) + 5


def test_a_query_into_a_file_and_its_proof(birds: tuple[str, Any]) -> None:
    """As from a file; the proof needs the query again, as its database's password is nowhere."""
    url, expected = birds
    nd.predict("lr", sql=BY_RING, from_url=url, out="scores.csv", chunk=50, methods=["predict", "predict_proba"])
    assert pl.read_csv("scores.csv")["prediction"].to_list() == [label for _, label in expected]
    assert PASSWORD.replace("/", "%2F") not in Path("scores.csv.nbdeploy.json").read_text()
    assert nd.predict(
        "lr", sql=BY_RING, from_url=url, out="scores.csv", methods=["predict", "predict_proba"]
    ).done_before
    assert nd.check_predictions("scores.csv", sql=BY_RING, from_url=url)
    assert "--sql" in nd.check_predictions("scores.csv").line


def test_a_query_answers_a_table(birds: tuple[str, Any]) -> None:
    """Without any output, as for a file."""
    url, expected = birds
    table = nd.predict("lr", sql=BY_RING, from_url=url)
    assert list(table.itertuples(index=False, name=None)) == expected


def test_files_and_tables_in_memory_into_a_table(birds: tuple[str, Any]) -> None:
    """Ids of a CSV file are text, and go into a column of whole numbers; by their key they are replaced.

    An index is a column like others.
    """
    url, expected = birds
    X = penguins()[0][NUMBERS].fillna(0.0)
    X.insert(0, "ring", range(len(X)))
    X.to_csv("in.csv", index=False)
    tell(url, "CREATE TABLE scores (ring BIGINT PRIMARY KEY, prediction TEXT)")
    tell(url, "INSERT INTO scores VALUES (0, 'old')")
    nd.predict("lr", "in.csv", to_table="scores", to_url=url, key=["ring"], chunk=64)
    assert ask(url, SCORES) == expected
    nd.predict("lr", X[:3].set_index("ring"), to_table="scores", to_url=url, key=["ring"])
    assert ask(url, SCORES) == expected


def test_rejects_are_known_after_a_resume(birds: tuple[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of finished spans come from the database."""
    url, expected = birds
    tell(url, f'UPDATE birds SET "{NUMBERS[0]}" = NULL WHERE ring IN (3, 200)')
    how: dict[str, Any] = {"sql": BY_RING, "from_url": url, "to_table": "scores", "rejects": "bad.csv", "chunk": 50}
    with pytest.raises(KeyboardInterrupt, match="--resume"):
        nd.predict("lr", **how, progress=_interrupting(120))
    written = len(ask(url, SCORES))
    assert 100 <= written <= len(expected)
    assert not Path("bad.csv").exists()
    done = nd.predict("lr", **how, resume=True)
    assert (done.rows, done.rejected) == (len(expected) - 2, 2)
    assert ask(url, SCORES) == [row for row in expected if row[0] not in (3, 200)]
    assert pl.read_csv("bad.csv")["line"].to_list() == [3, 200]


@pytest.mark.parametrize("change", [("UPDATE birds SET ring = -1 WHERE ring = 0",), (
    "DROP VIEW shown", "CREATE VIEW shown AS SELECT * FROM birds ORDER BY ring DESC")])  # fmt: skip
def test_rows_that_changed_are_not_gone_on_with(birds: tuple[str, Any], change: tuple[str, ...]) -> None:
    """Also if only their order did; it says what to add to the query."""
    url, _ = birds
    tell(url, "CREATE VIEW shown AS SELECT * FROM birds ORDER BY ring")
    how: dict[str, Any] = {"sql": "SELECT * FROM shown", "from_url": url, "to_table": "scores", "chunk": 50}
    with pytest.raises(KeyboardInterrupt):
        nd.predict("lr", **how, progress=_interrupting(120))
    before = ask(url, "SELECT count(*) FROM scores")
    tell(url, *change)
    with pytest.raises(InvalidData, match="ORDER BY"):
        nd.predict("lr", **how, resume=True)
    assert ask(url, "SELECT count(*) FROM scores") == before


def test_killed_again_and_again_each_row_is_there_once(birds: tuple[str, Any], jobs: Jobs) -> None:
    """``kill -9`` at any moment, and ``--resume``."""
    url, expected = birds
    job: dict[str, Any] = {"ref": "lr", "sql": BY_RING, "from_url": url, "to_table": "scores", "chunk": 20}
    for after, resume in ((60, False), (150, True)):
        assert jobs.run(after, **job, resume=resume) is None
        assert len(ask(url, SCORES)) == sum(row[0] for row in ask(url, "SELECT written FROM nbdeploy_spans")) >= 20
        with pytest.raises(Conflict, match="--resume"):
            nd.predict(**job)
    assert jobs.run(**job, resume=True) == len(expected)
    assert ask(url, SCORES) == expected


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_moments_each_row_is_there_once(birds: tuple[str, Any], jobs: Jobs) -> None:
    """As above, from outside, for long: ``pytest tests/offline/test_databases.py -m slow``."""
    url, expected = birds
    job: dict[str, Any] = {"ref": "lr", "sql": BY_RING, "from_url": url, "to_table": "scores", "resume": True}
    rng, rows = random.Random(5), None
    for _ in range(60):
        until = time.monotonic() + rng.uniform(0.05, 1.0)
        rows = jobs.run_until(lambda until=until: time.monotonic() > until, **job, chunk=1)
        if rows is not None:
            break
    assert (rows or jobs.run(**job)) == len(expected)
    assert ask(url, SCORES) == expected


def test_a_server_that_goes_away(stock: Path, postgresql_server: Server, postgresql_url: str) -> None:
    """The job says so without the password, its spans are whole, and it goes on when the server is back."""
    expected = _filled(postgresql_url)
    how: dict[str, Any] = {"sql": BY_RING, "from_url": postgresql_url, "to_table": "scores", "chunk": 20}

    def crash(event: Progress) -> None:
        if event.done >= 100 and not crashed:
            crashed.append(True)
            postgresql_server.kill()

    crashed: list[bool] = []
    try:
        with pytest.raises(Unreachable) as failed:
            nd.predict("lr", **how, progress=crash)
    finally:
        postgresql_server.start()
    assert PASSWORD not in str(failed.value)
    assert "127.0.0.1" in str(failed.value)
    assert "--resume" in str(failed.value)
    written = len(ask(postgresql_url, SCORES))
    assert 0 < written < len(expected)
    assert written % 20 == 0
    assert nd.predict("lr", **how, resume=True).rows == len(expected)
    assert ask(postgresql_url, SCORES) == expected


def test_workers_predict_the_rows_of_a_query(stock: Path, postgresql_url: str) -> None:
    """The rows are sent to them."""
    expected = _filled(postgresql_url)
    nd.predict("lr", sql=BY_RING, from_url=postgresql_url, to_table="scores", chunk=40, workers=2)
    assert ask(postgresql_url, SCORES) == expected


def test_a_query_and_a_table_in_both_doors(stock: Path, shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """In a notebook the address is a variable; in a shell the document names query and table."""
    url = f"sqlite:///{Path.cwd()}/sales.db"
    expected = _filled(url)
    shell.run_cell("%load_ext nbdeploy", silent=True).raise_error()
    shell.user_ns |= {"url": url, "n": 5}
    shell.run_cell(
        f'done = %deploy predict lr --sql "{BY_RING}" --from $url --to-table scores --key ring'
    ).raise_error()
    assert shell.user_ns["done"].rows == len(expected)
    shell.run_cell('few = %deploy predict lr --sql "SELECT * FROM birds WHERE ring < $n" --from {url}').raise_error()
    assert shell.user_ns["few"]["prediction"].tolist() == [label for _, label in expected[:5]]
    capsys.readouterr()
    words = ["predict", "lr", "--sql", BY_RING, "--from", url, "--to-table", "scores", "--key", "ring", "--json"]
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["done_before"], document["output"]) == (True, f"scores in {url}")
    assert document["input"].endswith(BY_RING)
    assert ask(url, SCORES) == expected


def test_options_that_belong_together(stock: Path, tmp_path: Path) -> None:
    """Each refusal names what is missing."""
    url = f"sqlite:///{tmp_path}/a.db"
    for wrong, told in (
        ({"sql": "SELECT 1"}, "--from"),
        ({"source": "a.csv", "sql": "SELECT 1", "from_url": url}, "no other"),
        ({"source": "a.csv", "to_table": "t"}, "--to"),
        ({"source": "a.csv", "to_table": "t", "to_url": url, "out": "b.csv"}, "choose one"),
        ({"source": "a.csv", "key": ["id"]}, "--to-table"),
        ({"source": "a.csv", "from_url": url}, "--sql"),
        ({}, "nothing to predict"),
    ):
        with pytest.raises(WrongUsage, match=told):
            nd.predict("lr", **wrong)


def _interrupting(rows: int) -> Any:
    def told(event: Progress) -> None:
        if event.done >= rows:
            raise KeyboardInterrupt

    return told
