"""Tables being filled: rows of a span and its journal entry together, or not at all."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

import polars as pl
import pytest

from nbdeploy.errors import Conflict, InvalidData, NotWritable
from nbdeploy.tables.databases import Finished, open_query, open_table
from tests.databases import ask, tell

ROWS = pl.DataFrame({"id": [1, 2, 3], "score": [0.5, None, 1 / 3], "label": ["a", None, "ü'\"; DROP"]})


def _filled(url: str, *parts: pl.DataFrame, key: tuple[str, ...] = ()) -> None:
    with open_table("scores", url, key) as sink:
        sink.check(parts[0].clear())
        sink.begin(parts[0].clear(), {"job": 1}, 3, {})
        for index, rows in enumerate(parts):
            sink.write(index, rows, Finished(3 * index, rows.height, 0))
        sink.end({"rows": sum(rows.height for rows in parts)})


def test_a_new_table_has_the_types_of_the_rows(database_url: str) -> None:
    """They come back as they were, whatever they are."""
    rows = ROWS.with_columns(
        flag=pl.Series([True, False, None]),
        day=pl.Series([dt.date(2020, 2, 29), None, dt.date(1, 1, 1)]),
        moment=pl.Series([dt.datetime(2020, 1, 1, 1, 2, 3, 4), None, None]),
        kind=pl.Series(["x", "y", "x"], dtype=pl.Categorical),
        small=pl.Series([1, 2, None], dtype=pl.UInt8),
        content=pl.Series([b"\x00\xff", None, b""]),
    )
    _filled(database_url, rows)
    source = open_query("SELECT * FROM scores ORDER BY id", database_url)
    (span,) = source.spans(10)
    back = source.read(span).frame
    assert back.rows() == rows.with_columns(pl.col("kind").cast(pl.String)).rows()
    assert [back.schema[name] for name in ("id", "score", "flag", "day")] == [
        pl.Int64, pl.Float64, pl.Boolean, pl.Date
    ]  # fmt: skip


def test_floats_come_back_exactly(database_url: str) -> None:
    """To the last bit."""
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 2**53 + 2.0, float("inf")]
    _filled(database_url, pl.DataFrame({"id": range(7), "x": values}))
    assert [row[0] for row in ask(database_url, "SELECT x FROM scores ORDER BY id")] == values


def test_rows_with_a_key_replace_those_that_are_there(database_url: str) -> None:
    """Also within a span the last one counts; a table made with a key is unique by it."""
    newer = pl.DataFrame({"id": [2, 4, 2], "score": [7.0, 8.0, 9.0], "label": ["x", "y", "z"]})
    _filled(database_url, ROWS, newer, key=("id",))
    found = ask(database_url, "SELECT id, score, label FROM scores ORDER BY id")
    assert found == [(1, 0.5, "a"), (2, 9.0, "z"), (3, 1 / 3, "ü'\"; DROP"), (4, 8.0, "y")]


def test_a_key_of_several_columns_in_a_table_that_is_there(database_url: str) -> None:
    """In whatever order its constraint names them."""
    tell(database_url, "CREATE TABLE scores (a BIGINT, b TEXT, x DOUBLE PRECISION, UNIQUE (b, a))")
    first = pl.DataFrame({"a": [1, 1], "b": ["p", "q"], "x": [1.0, 2.0]})
    _filled(database_url, first, first.with_columns(x=pl.lit(3.0)), key=("a", "b"))
    assert ask(database_url, "SELECT a, b, x FROM scores ORDER BY b") == [(1, "p", 3.0), (1, "q", 3.0)]


@pytest.mark.parametrize(
    ("columns", "key", "told"),
    [
        ("id BIGINT, score DOUBLE PRECISION", (), "no column 'label'"),
        ("id BIGINT, score TEXT, label TEXT", (), "column 'score'"),
        ("id BIGINT, score BIGINT, label TEXT", (), "column 'score'"),
        ("id BIGINT, score DOUBLE PRECISION, label BIGINT", (), "column 'label'"),
        ("id BIGINT, score DOUBLE PRECISION, label TEXT, must BIGINT NOT NULL", (), "column 'must'"),
        ("id BIGINT, score DOUBLE PRECISION, label TEXT", ("id",), "CREATE UNIQUE INDEX"),
        ("id BIGINT, score DOUBLE PRECISION, label TEXT, UNIQUE (id, label)", ("id",), "CREATE UNIQUE INDEX"),
        ("id BIGINT PRIMARY KEY, score DOUBLE PRECISION, label TEXT", ("ring",), "--key ring"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(database_url: str, columns: str, key: tuple[str, ...], told: str) -> None:
    """Before anything is written, naming the column."""
    tell(database_url, f"CREATE TABLE scores ({columns})")
    with open_table("scores", database_url, key) as sink, pytest.raises(InvalidData, match=told):
        sink.check(ROWS.clear())


def test_a_table_with_more_columns_fits(database_url: str) -> None:
    """Where these may be empty or have a default; whole numbers fit a column of floats."""
    tell(database_url, "CREATE TABLE scores (more TEXT, label TEXT, score DOUBLE PRECISION, id DOUBLE PRECISION, "
         "n BIGINT DEFAULT 5 NOT NULL)")  # fmt: skip
    _filled(database_url, ROWS)
    assert ask(database_url, "SELECT id, more, n FROM scores ORDER BY id") == [(1, None, 5), (2, None, 5), (3, None, 5)]


def test_text_as_it_was_read_is_converted_by_the_database(database_url: str) -> None:
    """Ids of a CSV file are text, and go into columns of numbers and dates."""
    tell(database_url, "CREATE TABLE scores (id BIGINT, day DATE, score DOUBLE PRECISION)")
    rows = pl.DataFrame({"id": ["0012", None], "day": ["2020-02-29", None], "score": [0.5, 0.25]})
    with open_table("scores", database_url) as sink:
        with pytest.raises(InvalidData, match="column 'id'"):
            sink.check(rows.clear())
        sink.check(rows.clear(), ["id", "day"])
        sink.begin(rows.clear(), {}, 2, {})
        sink.write(0, rows, Finished(0, 2, 0))
    assert ask(database_url, "SELECT id, CAST(day AS TEXT) FROM scores ORDER BY score") == [
        (None, None),
        (12, "2020-02-29"),
    ]


def test_a_span_that_fails_leaves_nothing(database_url: str) -> None:
    """Neither rows nor an entry; the spans before it stay."""
    tell(database_url, "CREATE TABLE scores (id BIGINT, score DOUBLE PRECISION CHECK (score < 5), label TEXT)")
    with open_table("scores", database_url) as sink:
        sink.check(ROWS.clear())
        sink.begin(ROWS.clear(), {"job": 1}, 3, {})
        sink.write(0, ROWS, Finished(0, 3, 0))
        with pytest.raises(NotWritable):
            sink.write(1, pl.concat([ROWS, ROWS.with_columns(score=pl.lit(9.0))]), Finished(3, 6, 0))
        assert list(sink.finished) == [0]
    assert ask(database_url, "SELECT count(*) FROM scores") == [(3,)]
    assert ask(database_url, "SELECT span, written FROM nbdeploy_spans") == [(0, 3)]


def test_only_the_same_job_goes_on(database_url: str) -> None:
    """Another one, or starting over, would write rows twice; unless a key replaces them."""
    empty = ROWS.clear()
    with open_table("scores", database_url) as sink:
        sink.check(empty)
        sink.begin(empty, {"job": 1}, 3, {"input": "a"})
        sink.write(0, ROWS, Finished(0, 3, 1, "seal", b"packed"))
    for facts, state, resume in (({"job": 1}, "a", False), ({"job": 2}, "a", True), ({"job": 1}, "b", True)):
        with (
            open_table("scores", database_url) as sink,
            pytest.raises(Conflict, match=r"3 rows of an unfinished job .* empty scores"),
        ):
            sink.begin(empty, facts, 7, {"input": state}, resume=resume)
    with open_table("scores", database_url) as sink:
        assert sink.begin(empty, {"job": 1}, 7, {"input": "a"}, resume=True) == (3, "")
        assert sink.finished == {0: Finished(0, 3, 1, "seal", b"packed")}
        sink.end({"rows": 3})
        assert sink.done_before({"job": 1}) == {"rows": 3}
        assert sink.done_before({"job": 2}) is None


@pytest.mark.parametrize("gone", ["DELETE FROM scores", "DROP TABLE scores"])
def test_a_job_whose_rows_are_gone_starts_over(database_url: str, gone: str) -> None:
    """Nothing would be there twice, and nothing is left to go on with; neither is it done once its rows are gone."""
    empty = ROWS.clear()
    for resume, told in ((False, ""), (True, "its rows are gone"), (False, "its rows are gone")):
        with open_table("scores", database_url) as sink:
            sink.check(empty)
            assert told in sink.begin(empty, {"job": 1}, 3, {}, resume=resume)[1]
            assert sink.finished == {}
            sink.write(0, ROWS, Finished(0, 3, 0))
        tell(database_url, gone)
    with open_table("scores", database_url) as sink:
        sink.check(empty)
        sink.begin(empty, {"job": 1}, 3, {})
        sink.write(0, ROWS, Finished(0, 3, 0))
        sink.end({"rows": 3})
        assert sink.done_before({"job": 1}) == {"rows": 3}
    tell(database_url, gone)
    with open_table("scores", database_url) as sink:
        assert sink.done_before({"job": 1}) is None


def test_a_unique_index_is_a_key(database_url: str) -> None:
    """Of columns, in any order and of any names; one of expressions, or that is not unique, is none."""
    tell(
        database_url,
        'CREATE TABLE scores (id BIGINT, "the ""id""" BIGINT, x DOUBLE PRECISION)',
        'CREATE UNIQUE INDEX one ON scores ("the ""id""", id)',
        "CREATE INDEX two ON scores (id)",
        "CREATE UNIQUE INDEX three ON scores ((id - 1))",
    )
    rows = pl.DataFrame({"id": [1, 2], 'the "id"': [1, 2], "x": [1.0, 2.0]})
    _filled(database_url, rows, rows.with_columns(x=pl.lit(3.0)), key=("id", 'the "id"'))
    assert ask(database_url, "SELECT x FROM scores") == [(3.0,), (3.0,)]
    with (
        open_table("scores", database_url, ("id",)) as sink,
        pytest.raises(InvalidData, match="CREATE UNIQUE INDEX") as refused,
    ):
        sink.check(rows.clear())
    advice = str(refused.value).partition(": ")[2].partition(", or name")[0]
    tell(database_url, "DELETE FROM scores", advice)
    _filled(database_url, rows, rows, key=("id",))
    assert ask(database_url, "SELECT x FROM scores ORDER BY x") == [(1.0,), (2.0,)]


def test_first_jobs_on_one_server_meet(postgresql_url: str) -> None:
    """Each makes the tables that remember jobs, or finds them made."""
    with ThreadPoolExecutor(6) as pool:
        start = Barrier(6)

        def begun(number: int) -> int:
            with open_table(f"scores{number}", postgresql_url) as sink:
                sink.check(ROWS.clear())
                start.wait(30)
                return sink.begin(ROWS.clear(), {"job": number}, 3, {})[0]

        assert list(pool.map(begun, range(6))) == [3] * 6


def test_a_job_with_a_key_may_start_over(database_url: str) -> None:
    """Its rows are replaced by the same ones; it says so."""
    for expected in ("", "3 rows done"):
        with open_table("scores", database_url, ("id",)) as sink:
            sink.check(ROWS.clear())
            assert expected in sink.begin(ROWS.clear(), {"job": 1}, 3, {})[1]
            sink.write(0, ROWS, Finished(0, 3, 0))
    assert ask(database_url, "SELECT count(*) FROM scores") == [(3,)]


OTHER = """
import sys
from nbdeploy.errors import Conflict
from nbdeploy.tables.databases import open_table
try:
    with open_table("scores", sys.argv[1]):
        pass
except Conflict as error:
    sys.exit(str(error))
"""


def test_two_jobs_on_one_table_refuse_each_other(database_url: str) -> None:
    """In whatever processes they are, until the first one ends."""
    other = [sys.executable, "-c", OTHER, database_url]
    with open_table("scores", database_url):
        refused = subprocess.run(other, capture_output=True, text=True, check=False)
    assert "scores in" in refused.stderr or "another process" in refused.stderr
    subprocess.run(other, check=True)


def test_a_key_must_have_values(database_url: str) -> None:
    """A missing value is equal to none, so that such rows would be added each time."""
    rows = pl.DataFrame({"id": [1, None], "x": [1.0, 2.0]})
    with open_table("scores", database_url, ("id",)) as sink:
        sink.check(rows.clear())
        sink.begin(rows.clear(), {}, 2, {})
        with pytest.raises(InvalidData, match="missing values"):
            sink.write(0, rows, Finished(0, 2, 0))


def test_odd_names_are_quoted(database_url: str) -> None:
    """Of tables and columns."""
    rows = pl.DataFrame({'the "id"': [1], "order": [2.0], "ünï?": ["x"]})
    with open_table('se"lect?', database_url, ('the "id"',)) as sink:
        sink.check(rows.clear())
        sink.begin(rows.clear(), {}, 2, {})
        sink.write(0, rows, Finished(0, 1, 0))
        sink.check(rows.clear())
    assert ask(database_url, 'SELECT "order", "ünï?" FROM "se""lect?"') == [(2.0, "x")]


def test_tables_in_a_schema(postgresql_url: str) -> None:
    """The journal is beside them."""
    tell(postgresql_url, "CREATE SCHEMA sales")
    with open_table("sales.scores", postgresql_url, ("id",)) as sink:
        sink.check(ROWS.clear())
        sink.begin(ROWS.clear(), {}, 3, {})
        sink.write(0, ROWS, Finished(0, 3, 0))
        sink.check(ROWS.clear())
    assert ask(postgresql_url, "SELECT count(*), (SELECT count(*) FROM sales.nbdeploy_spans) FROM sales.scores") == [
        (3, 1)
    ]


def test_exact_numbers(postgresql_url: str) -> None:
    """A column of two places takes no third one, and no floats."""
    tell(postgresql_url, "CREATE TABLE scores (x NUMERIC(6, 2))")
    with open_table("scores", postgresql_url) as sink:
        sink.check(pl.DataFrame({"x": pl.Series([Decimal("1.25")], dtype=pl.Decimal(5, 2))}))
        for kind in (pl.Decimal(5, 3), pl.Float64()):
            with pytest.raises(InvalidData, match="column 'x'"):
                sink.check(pl.DataFrame(schema={"x": kind}))
