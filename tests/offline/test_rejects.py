"""Rows that fail are set aside, all of them and no others, each with where it stood and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.codecs import describe
from nbdeploy.codecs.binding import bind
from nbdeploy.codecs.declared import declare
from nbdeploy.commands.shell import run
from nbdeploy.errors import InvalidData, NbdeployError, WrongUsage
from nbdeploy.offline import Limit
from nbdeploy.offline.bisecting import answered
from nbdeploy.offline.fitting import fit
from tests.models import NUMBERS, penguins


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id, two of which have no number where one must be."""
    frame = penguins()[0][NUMBERS].fillna(0.0).head(60)
    frame.insert(0, "ring", [f"{i:05d}" for i in range(len(frame))])
    frame.loc[[7, 20], "body_mass_g"] = None
    return frame


@given(st.lists(st.one_of(st.integers(-5, 5), st.just(2.5), st.none()), max_size=40))
@settings(deadline=None)
def test_fitting_drops_what_does_not_fit_and_nothing_else(values: list[Any]) -> None:
    """Every row that cannot be bound is a fault of its own, and the others are bound as they would be alone."""
    signature = describe(pl.DataFrame({"x": [1, 2]}))
    calls = list[int]()

    def counted(data: Any) -> pl.DataFrame:
        calls.append(len(data))
        return bind(data, signature)

    data = pl.DataFrame({"x": pl.Series(values, dtype=pl.Float64)})
    fitted = fit(counted, lambda rows, places: rows[list(places)], data, len(values))
    good = [i for i, value in enumerate(values) if value is not None and value != 2.5]
    assert fitted.places.tolist() == good
    assert fitted.wire["x"].to_list() == [values[i] for i in good]
    assert [fault.row for fault in fitted.faults] == [i for i in range(len(values)) if i not in good]
    assert len(calls) <= 3, "once for each check that refuses rows, not once for each row"


def test_an_unseen_category_is_named_briefly() -> None:
    """As many such reasons are listed; the value of a private column is not shown."""
    data = pl.DataFrame({"plan": pl.Series(["gold", "basic"], dtype=pl.Categorical)})
    rows = pl.DataFrame({"plan": ["gold", "gold+", None]})
    for private, told in (((), "unseen 'gold+'"), (("plan",), "unseen value")):
        signature = declare(describe(data), private=private)
        fitted = fit(lambda d, s=signature: bind(d, s), lambda d, places: d[list(places)], rows[:2], 2)
        assert [(fault.column, fault.reason) for fault in fitted.faults] == [("plan", told)]


def test_the_column_that_a_model_names_a_value_of_is_told(stock: Path) -> None:
    """Where the value stands in no other one."""
    rows = penguins()[0].head(40)
    rows.loc[rows.index[3:15], "island"] = "Atlantis"
    rows.to_csv("in.csv", index=False)
    done = nd.predict("species", "in.csv", "out.csv", rejects="bad.csv")
    assert "12 rows rejected (island: unseen 'Atlantis' (the model raised ValueError))" in done.line
    with pytest.raises(InvalidData, match=r"in\.csv, line 5, column 'island': unseen 'Atlantis'"):
        nd.predict("species", "in.csv")


@given(st.sets(st.integers(0, 199), max_size=12), st.integers(1, 200))
@settings(deadline=None)
def test_bisecting_finds_the_rows_that_raise(bad: set[int], height: int) -> None:
    """Every other row is answered, in order; and few bad rows cost few calls."""
    calls = list[int]()

    def predict(wire: pl.DataFrame) -> pl.DataFrame:
        calls.append(wire.height)
        found = sorted({*wire["x"]} & bad)
        if found:
            raise ValueError(f"no {found[0]}")
        return wire * 2

    wire = pl.DataFrame({"x": range(height)})
    answers, raised = list[int](), list[int]()
    for first, found in answered(predict, wire, lambda: pl.DataFrame({"x": [999]})):
        if isinstance(found, Exception):
            assert str(found) == f"no {first}"
            raised.append(first)
        else:
            assert found["x"].to_list() == [2 * (first + i) for i in range(found.height)]
            answers += range(first, first + found.height)
    assert raised == sorted(row for row in bad if row < height)
    assert answers == [row for row in range(height) if row not in bad]
    assert len(calls) <= 1 + 64 + 2 * 8 * max(1, len(raised))


def test_a_model_that_is_broken_is_not_the_rows_fault() -> None:
    """Where the model raises for the rows that it was proven with too, no rows are blamed."""

    def broken(_: pl.DataFrame) -> pl.DataFrame:
        raise OSError("lookup.csv is gone")

    rows = pl.DataFrame({"x": range(5)})
    with pytest.raises(
        InvalidData, match=r"the model raised OSError: lookup.csv is gone; .* no single rows are to blame"
    ):
        list(answered(broken, rows, lambda: rows))
    many = pl.DataFrame({"x": range(2000)})
    with pytest.raises(InvalidData, match=r"every row that was tried of 2,000"):
        list(answered(broken, many, lambda: rows.clear()))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("chunk", [9, 1000])
def test_rejects_say_where_and_why(birds: pd.DataFrame, kind: str, chunk: int) -> None:
    """Line or row number, column, reason, and the row as it was read; the others are predicted."""
    {"csv": birds.to_csv, "parquet": birds.to_parquet}[kind](f"in.{kind}", index=False)
    done = nd.predict("lr", f"in.{kind}", "out.csv", rejects=f"bad.{kind}", chunk=chunk)
    assert (done.rows, done.rejected) == (58, 2)
    assert pl.read_csv("out.csv", infer_schema=False)["ring"].to_list() == birds["ring"].drop([7, 20]).tolist()
    bad = pl.read_csv("bad.csv") if kind == "csv" else pl.read_parquet("bad.parquet")
    assert bad.columns[:4] == ["line", "column", "reason", "ring"]
    assert bad["line"].to_list() == ([9, 22] if kind == "csv" else [7, 20])
    assert set(bad["column"]) == {"body_mass_g"}
    assert bad["reason"][0].startswith("the value is missing")
    assert bad["flipper_length_mm"].to_list() == birds["flipper_length_mm"][[7, 20]].tolist()


def test_malformed_lines_are_rejects_too(birds: pd.DataFrame) -> None:
    """A line with too many fields and one that is no text stand between the rows, as they were read."""
    lines = birds.drop([7, 20]).to_csv(index=False).encode().splitlines(keepends=True)
    lines[3:3] = [b"1,2,3,4,5,6\n", b"a,\xff,1,2,3\n"]
    Path("in.csv").write_bytes(b"".join(lines))
    done = nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv")
    bad = pl.read_csv("bad.csv", infer_schema=False)
    assert (done.rows, done.rejected) == (58, 2)
    assert bad["line"].to_list() == ["4", "5"]
    assert bad["text"].to_list() == ["1,2,3,4,5,6", "a,\ufffd,1,2,3"]
    with pytest.raises(InvalidData, match=r"in\.csv, line 4: 6 fields"):
        nd.predict("lr", "in.csv", "out2.csv")


@pytest.mark.parametrize(
    ("limit", "stops"), [("1", "--max-rejects allows 1"), ("2", ""), ("3%", "of 60 rows fail"), ("3.4%", "")]
)
def test_too_many_rejects_stop_the_job(birds: pd.DataFrame, limit: str, stops: str) -> None:
    """A number, or a share of all rows; the old output stays, and the message says what is wrong most often."""
    birds.to_csv("in.csv", index=False)
    Path("out.csv").write_text("old")
    options: dict[str, Any] = {"rejects": "bad.csv", "max_rejects": limit, "chunk": 10}
    for source in ("in.csv", birds):
        if not stops:
            assert nd.predict("lr", source, f"{type(source).__name__}.csv", **options).rejected == 2
            continue
        with pytest.raises(InvalidData, match=f"stopped: 2 .*{stops}.*body_mass_g"):
            nd.predict("lr", source, "out.csv", **options)
    assert Path("out.csv").read_text() == "old"
    assert Path("bad.csv").exists() is not bool(stops)


@pytest.mark.parametrize("text", ["many", "-1", "101%", "5 %"])
def test_limits_that_mean_nothing_are_refused(text: str) -> None:
    """A number or a share up to 100 %."""
    with pytest.raises(WrongUsage, match="is not understood: give a number of rows"):
        Limit.parse(text)


def test_tables_in_memory_have_rejects_as_files_have(birds: pd.DataFrame) -> None:
    """Every library's table loses the same rows; pandas keeps the index of the others."""
    wide = birds.astype({"body_mass_g": object}).set_index(pd.Index(range(100, 160)))
    tables = [wide, pl.from_pandas(birds), pa.Table.from_pandas(birds, preserve_index=False), birds.to_dict("records")]
    for table in tables:
        answer = nd.predict("lr", table, rejects="bad.csv", chunk=11)
        assert len(answer) == 58
        assert pl.read_csv("bad.csv")["line"].to_list() == [7, 20]
    answer = nd.predict("lr", wide, rejects="bad.csv")
    assert answer.index.tolist() == [i for i in range(100, 160) if i not in (107, 120)]
    assert answer["ring"].tolist() == birds["ring"].drop([7, 20]).tolist()


def test_a_row_for_which_the_model_raises_is_found(script: Callable[[str], dict[str, Any]]) -> None:
    """In a file and in memory; without rejects it stops the job by its line. One that ends workers does so too."""
    script(
        """
import os, signal
import nbdeploy as nd
import pandas as pd

def strict(rows):
    if (rows["x"] == -9).any():
        os.kill(os.getpid(), signal.SIGKILL)
    if (rows["x"] > 1000).any():
        raise ValueError("x is beyond the table")
    return rows["x"] * 2

answer = nd.snapshot(strict, "strict", data=pd.DataFrame({"x": [1.0, 2.0]})).document()
"""
    )
    rows = pl.DataFrame({"id": range(40), "x": [2000.0 if i in (3, 31) else float(i) for i in range(40)]})
    rows.write_csv("in.csv")
    done = nd.predict("strict", "in.csv", "out.csv", rejects="bad.csv", chunk=16)
    assert (done.rows, done.rejected) == (38, 2)
    bad = pl.read_csv("bad.csv")
    assert bad.select("line", "reason", "id").rows() == [
        (line, "the model raised ValueError: x is beyond the table", line - 2) for line in (5, 33)
    ]
    assert pl.read_csv("out.csv")["prediction"].to_list() == [2.0 * i for i in range(40) if i not in (3, 31)]
    assert nd.predict("strict", rows, rejects="bad.csv", keep="none")["prediction"].len() == 38
    with pytest.raises(InvalidData, match=r"in\.csv, line 5: the model raised ValueError: x is beyond the table"):
        nd.predict("strict", "in.csv", "out2.csv")
    with pytest.raises(InvalidData, match="row 3: the model raised ValueError"):
        nd.predict("strict", rows)
    rows.with_columns(x=pl.lit(-9.0)).write_csv("deadly.csv")
    told = r"was killed by SIGKILL \(.*memory.*\); so were 2 others that were given the same rows, from row \d+ on"
    with pytest.raises(NbdeployError, match=told):
        nd.predict("strict", "deadly.csv", "out2.csv", workers=2, chunk=20)
    assert not Path("out2.csv").exists()


def test_the_command_reports_rejects(birds: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """In a shell: progress as JSON events on standard error, one document on standard output."""
    birds.to_csv("in.csv", index=False)
    words = ["predict", "lr", "in.csv", "--out", "out.csv", "--rejects", "bad.csv", "--progress", "json", "--json"]
    assert run(words) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert (document["rows"], document["rejected"], document["rejects"]) == (58, 2, "bad.csv")
    assert document["reasons"][0]["rows"] == 2
    events = [json.loads(line) for line in told.err.splitlines() if line.startswith("{")]
    assert (events[-1]["done"], events[-1]["total"], events[-1]["share"]) == (60, 60, 1.0)


@pytest.mark.parametrize("height", [1, 60])
def test_a_job_that_predicts_nothing_fails(birds: pd.DataFrame, height: int) -> None:
    """What was there stays, the rejects say why, and nothing is left to go on with; no rows at all are no failure."""
    rows = birds.head(height).astype(object).assign(body_mass_g="gold+")
    rows.to_csv("in.csv", index=False)
    Path("out.csv").write_text("old")
    count = "1 row" if height == 1 else "60 rows"
    told = rf"could be predicted.*: {count} rejected, most often \({height}\): column 'body_mass_g': 'gold\+' is not"
    for source in ("in.csv", rows):
        for out in ("out.csv", None):
            with pytest.raises(InvalidData, match=told) as failed:
                nd.predict("lr", source, out, rejects="bad.csv", chunk=7)
            assert "--resume" not in str(failed.value)
            assert pl.read_csv("bad.csv")["reason"].to_list() == ["'gold+' is not a float64"] * height
            Path("bad.csv").unlink()
    assert Path("out.csv").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["in.csv", "out.csv"]
    birds.head(0).to_csv("in.csv", index=False)
    assert nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv").rows == 0
