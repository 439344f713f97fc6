"""Queries as sources: typed by the database, in bounded batches, and only reading."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.errors import InvalidData, NbdeployError, NotFound, Unreachable, WrongUsage
from nbdeploy.tables.databases import open_query
from tests.databases import ask, tell
from tests.postgresql import PASSWORD

TABLE = """CREATE TABLE birds (
    ring VARCHAR(10), mass DOUBLE PRECISION, age INTEGER, alive BOOLEAN, hatched DATE, seen TIMESTAMP, note TEXT
)"""
ROWS = """INSERT INTO birds VALUES
    ('007', 3.5, 2, TRUE, '2020-02-29', '2024-01-02 03:04:05', 'ü'),
    ('008', NULL, NULL, NULL, NULL, NULL, NULL),
    ('1e5', 4, 9007199254740993, FALSE, '1999-12-31', '2024-01-02 03:04:05.25', '')"""


@pytest.fixture
def birds(database_url: str) -> str:
    """A database with a table of every common type."""
    tell(database_url, TABLE.replace("age INTEGER", "age BIGINT"), ROWS)
    return database_url


def test_types_are_those_of_the_database(birds: str) -> None:
    """Text stays text, whole numbers stay whole beside missing ones, dates are dates."""
    source = open_query("SELECT * FROM birds ORDER BY ring", birds)
    (span,) = source.spans(10)
    frame = source.read(span).frame
    assert frame.schema == source.empty().schema
    assert frame.dtypes == [
        pl.String, pl.Float64, pl.Int64, pl.Boolean, pl.Date, pl.Datetime("us"), pl.String
    ]  # fmt: skip
    assert frame.rows() == [
        ("007", 3.5, 2, True, dt.date(2020, 2, 29), dt.datetime(2024, 1, 2, 3, 4, 5), "ü"),
        ("008", None, None, None, None, None, None),
        ("1e5", 4.0, 2**53 + 1, False, dt.date(1999, 12, 31), dt.datetime(2024, 1, 2, 3, 4, 5, 250_000), ""),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS a; SELECT 2 AS a",
        "SELECT 1 AS a; DROP TABLE birds",
        "DROP TABLE birds",
        "DELETE FROM birds",
        "INSERT INTO birds (ring) VALUES ('9')",
        "INSERT INTO birds (ring) VALUES ('9') RETURNING ring",
        "WITH gone AS (DELETE FROM birds RETURNING ring) SELECT ring FROM gone",
        "COMMIT",
        "SELECT nothing FROM birds",
        "",
    ],
)
def test_only_one_statement_that_reads_is_run(birds: str, sql: str) -> None:
    """Everything else is refused, and changes nothing."""
    with pytest.raises(WrongUsage):
        list(open_query(sql, birds).spans(10))
    assert ask(birds, "SELECT count(*) FROM birds") == [(3,)]


def test_columns_of_one_name_are_refused(birds: str) -> None:
    """The signature finds columns by name."""
    with pytest.raises(InvalidData, match="two columns named 'ring'"):
        open_query("SELECT ring, mass, note AS ring FROM birds", birds).columns()


def test_a_comment_may_end_a_query(birds: str) -> None:
    """As people write them."""
    for end in (";", "; -- all\n", " -- all", " -- all\n;\n-- of them", " /* all */"):
        (span,) = open_query(f"SELECT ring FROM birds WHERE note <> '--' {end}", birds).spans(5)
        assert span.rows == 2


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 120))
def test_any_cut_gives_the_same_rows(many: str, size: int) -> None:
    """Rows, their numbers and the digest of all do not depend on how they are cut."""
    source = open_query("SELECT x FROM numbers ORDER BY x", f"sqlite:///{many}")
    spans = list(source.spans(size))
    rows = [source.read(span) for span in spans]
    assert [x for one in rows for x in one.frame["x"]] == list(range(100))
    assert [n for one in rows for n in one.numbers] == list(range(100))
    assert [span.first for span in spans] == list(range(0, 100, size))
    whole = open_query("SELECT x FROM numbers ORDER BY x", f"sqlite:///{many}")
    assert source.sha256() == whole.sha256()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """An SQLite file of 100 numbers."""
    path = tmp_path / "many.db"
    values = ", ".join(f"({i})" for i in range(100))
    tell(f"sqlite:///{path}", "CREATE TABLE numbers (x INTEGER)", f"INSERT INTO numbers VALUES {values}")
    return path


def test_a_seal_tells_rows_apart(birds: str) -> None:
    """Another value or another order is another seal; the same rows have the same one."""

    def seals(sql: str) -> list[str | None]:
        return [span.seal for span in open_query(sql, birds).spans(2)]

    before = seals("SELECT ring, mass FROM birds ORDER BY ring")
    assert seals("SELECT ring, mass FROM birds ORDER BY ring") == before
    assert seals("SELECT ring, mass FROM birds ORDER BY ring DESC") != before
    tell(birds, "UPDATE birds SET mass = 5 WHERE ring = '1e5'")
    after = seals("SELECT ring, mass FROM birds ORDER BY ring")
    assert (after[0], after[1]) == (before[0], after[1])
    assert after[1] != before[1]


def test_a_copy_reads_spans_without_the_database(birds: str) -> None:
    """Worker processes are given rows, and no address."""
    source = open_query("SELECT ring FROM birds ORDER BY ring", birds)
    (span,) = source.spans(5)
    for content in (pickle.dumps(source), pickle.dumps(copy.copy(source))):
        assert PASSWORD.replace("/", "%2F").encode() not in content
        assert pickle.loads(content).read(pickle.loads(pickle.dumps(span))).frame["ring"].to_list() == [
            "007", "008", "1e5"
        ]  # fmt: skip


def test_values_that_sqlite_keeps_in_spite_of_their_type_are_bad_rows(tmp_path: Path) -> None:
    """SQLite takes text into a column of integers: such a row is no row, and says where it stands."""
    url = f"sqlite:///{tmp_path}/odd.db"
    tell(url, "CREATE TABLE t (n INTEGER, d DATE)", "INSERT INTO t VALUES (1, '2020-01-01'), ('two', NULL), (3, 'x')")
    source = open_query("SELECT n, d FROM t ORDER BY rowid", url)
    (span,) = source.spans(10)
    rows = source.read(span)
    assert (rows.frame.rows(), list(rows.numbers)) == ([(1, dt.date(2020, 1, 1))], [0])
    assert [(bad.number, bad.column) for bad in rows.bad] == [(1, "n"), (2, "d")]
    assert "'two' is no integer" in rows.bad[0].reason


def test_expressions_of_sqlite_are_typed_by_all_their_values(tmp_path: Path) -> None:
    """They have no declared type, and a number with a fraction may come late."""
    url = f"sqlite:///{tmp_path}/late.db"
    values = ", ".join(f"({i}, {'NULL' if i < 3000 else 0.5 if i > 3500 else 1})" for i in range(4000))
    tell(url, "CREATE TABLE t (n INTEGER, x)", f"INSERT INTO t VALUES {values}")
    assert open_query("SELECT n * 2 AS twice, x, NULL AS z FROM t", url).empty().dtypes == [
        pl.Int64, pl.Float64, pl.Null
    ]  # fmt: skip
    with pytest.raises(InvalidData, match="CAST"):
        open_query("SELECT CASE WHEN n > 5 THEN 'a' ELSE n END AS mixed FROM t", url).empty()


def test_particular_types_of_postgresql(postgresql_url: str) -> None:
    """Exact numbers of known size stay exact; what Arrow lacks is text."""
    sql = """SELECT 1.50::numeric(10, 2) AS a, 1e30::numeric AS b, 'NaN'::float8 AS c,
        timestamptz '2020-01-01 00:00+02' AS d, '{"k": 1}'::jsonb AS e,
        'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS f, 3::smallint AS g, 'x'::char(3) AS h"""
    source = open_query(sql, postgresql_url)
    (span,) = source.spans(5)
    row = source.read(span).frame.row(0)
    assert row[:2] == (Decimal("1.50"), 1e30)
    assert row[2] != row[2]
    assert row[3].astimezone(dt.UTC) == dt.datetime(2019, 12, 31, 22, tzinfo=dt.UTC)
    assert row[4:] == ('{"k": 1}', "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 3, "x  ")


@pytest.mark.parametrize("change", ["password", "port", "name"])
def test_a_server_that_is_not_reached_is_named_without_its_password(postgresql_url: str, change: str) -> None:
    """Neither in the message, nor in what is shown of the source."""
    secret = PASSWORD.replace("/", "%2F")
    wrong = {
        "password": postgresql_url.replace(secret, "wr0ng-secret"),
        "port": postgresql_url.replace("127.0.0.1:", "127.0.0.1:1"),
        "name": f"{postgresql_url}_missing",
    }[change]
    source = open_query("SELECT 1 AS a", wrong)
    with pytest.raises((Unreachable, WrongUsage)) as failed:
        source.columns()
    for shown in (str(failed.value), repr(failed.value), repr(source), source.name, str(failed.value.facts)):
        assert not any(part in shown for part in (PASSWORD, secret, "wr0ng-secret"))
    assert "127.0.0.1" in str(failed.value)


def test_addresses_that_are_none(tmp_path: Path) -> None:
    """Each says what would be one."""
    for url in ("sales.db", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "duckdb://host/x", "not a url"):
        with pytest.raises(WrongUsage, match=r"///|begins with"):
            open_query("SELECT 1", url)
    with pytest.raises(NotFound):
        open_query("SELECT 1", f"sqlite:///{tmp_path}/none.db").columns()
    assert not list(tmp_path.glob("*.db"))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """It is named, and not written over."""
    path = tmp_path / "text.db"
    path.write_text("not a database at all, but some lines of text\n" * 100)
    for kind in ("sqlite", "duckdb"):
        with pytest.raises(NbdeployError, match=r"text\.db"):
            open_query("SELECT 1 AS a", f"{kind}:///{path}").columns()
    assert path.read_text().startswith("not a database")


KILLED = """
import os, sqlite3, sys
writer = sqlite3.connect(sys.argv[1], isolation_level=None)
writer.executescript("PRAGMA cache_size = 1; BEGIN; UPDATE birds SET mass = -1")
writer.executemany("INSERT INTO birds VALUES (?)", [(i / 7,) for i in range(20_000)])
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_writer_left_half_done_is_undone(tmp_path: Path) -> None:
    """Its pages are in the file already, and its journal beside it."""
    file = tmp_path / "birds.db"
    tell(f"sqlite:///{file}", "CREATE TABLE birds (mass REAL)", "INSERT INTO birds VALUES (3.5)")
    subprocess.run([sys.executable, "-c", KILLED, str(file)], check=False)
    assert file.with_name("birds.db-journal").is_file()
    source = open_query("SELECT * FROM birds", f"sqlite:///{file}")
    assert [source.read(span).frame.rows() for span in source.spans(10)] == [[(3.5,)]]
