"""Rows whose columns are all kept are written as they stand, wherever that gives the same bytes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.offline import Options, predict_file
from nbdeploy.tables import Output, open_sink
from nbdeploy.types import Progress
from tests.models import NUMBERS

values = st.sampled_from(["40.1", "3", "+1", ".5", "1e3", "  7", "007", '"4"', "1e17", "heavy", "-0.0"])
notes = st.sampled_from(["", "plain", "'", '"a,b"', '"a\nb"', '""', "=1+1", "é", " x ", "NA"])
fields = st.tuples(notes, *[values] * len(NUMBERS))

tables = st.lists(fields, min_size=1, max_size=12).filter(lambda rows: any("heavy" not in row for row in rows))


def _interrupted(_: Progress) -> None:
    raise KeyboardInterrupt


@given(tables, st.integers(1, 6), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_and_columns_give_the_same_file(
    stock: Path, rows: list[tuple[str, ...]], chunk: int, crlf: bool, renamed: bool
) -> None:
    """Whatever is quoted, rejected, renamed or resumed: the bytes are those of all columns written anew."""
    end = "\r\n" if crlf else "\n"
    lines = [",".join(row) for row in [("old", *NUMBERS), *rows]]
    Path("in.csv").write_text(end.join(lines) + end, newline="")
    rename = {"old": "new"} if renamed else None
    predictor = nd.load("lr")
    for name in ("out.csv", "out.parquet"):
        Path(name).unlink(missing_ok=True)
        options = Options(keep="all", rename=rename, chunk=chunk, rejects=f"bad.{name}.csv")
        if name == "out.csv":
            with contextlib.suppress(KeyboardInterrupt):
                predict_file(predictor, "lr:1", "in.csv", name, options, _interrupted)
            options = Options(keep="all", rename=rename, chunk=chunk, rejects=options.rejects, resume=True)
        predict_file(predictor, "lr:1", "in.csv", name, options)
    with open_sink("anew.csv") as anew:
        anew.write(pl.read_parquet("out.parquet"))
    assert Path("out.csv").read_bytes() == Path("anew.csv").read_bytes()
    assert Path("bad.out.csv.csv").read_bytes() == Path("bad.out.parquet.csv").read_bytes()


def test_plain_lines_are_not_taken_apart(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are written whole after the first span; not where a column is left out, or another kind is written."""
    row = ",".join(["40.1"] * len(NUMBERS))
    Path("in.csv").write_text("\n".join([f"id,{','.join(NUMBERS)}", *[f"00{i},{row}" for i in range(9)]]))
    heights = list[int]()
    beside = Output.write_beside

    def counted(self: Output, lines: pl.Series, frame: pl.DataFrame) -> None:
        heights.append(len(lines))
        beside(self, lines, frame)

    monkeypatch.setattr(Output, "write_beside", counted)
    nd.predict("lr", "in.csv", "some.csv", chunk=3)
    nd.predict("lr", "in.csv", "all.tsv", chunk=3, keep="all")
    assert heights == []
    done = nd.predict("lr", "in.csv", "all.csv", chunk=3, keep="all")
    assert heights == [3, 3]
    assert (done.rows, done.head.height) == (9, 3)
    assert Path("all.csv").read_text().splitlines()[9].startswith(f"008,{row},")
