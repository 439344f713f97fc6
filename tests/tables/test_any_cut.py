"""However a table is cut, the same rows are read and the same bytes are written."""

from __future__ import annotations

import datetime as dt
import pickle
import struct
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.codecs import bind_text, describe, number_types
from nbdeploy.errors import InvalidData
from nbdeploy.tables import Rows, blocks, frames, line_files, open_sink, open_source, records

TEXTS = ["csv", "tsv", "csv.gz", "tsv.zst"]
TYPED = ["jsonl", "ndjson.gz", "parquet", "arrow", "feather"]
cuts = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
cells = st.one_of(st.none(), words, st.sampled_from(['"', "a,b", "x\ny", "\r\n", "=1+1", "007", ""]))
floats = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces, ranges and blocks so small that tests meet their ends."""
    monkeypatch.setattr(records, "_PIECE", 16)
    monkeypatch.setattr(records, "_LARGEST", 200)
    monkeypatch.setattr(line_files, "_BLOCK", 10)
    monkeypatch.setattr(blocks, "_ROWS", 3)


def write(path: Path, frame: pl.DataFrame, sizes: list[int], **options: Any) -> bytes:
    with open_sink(path, **options) as sink:
        sink.write(frame.clear())
        done = 0
        for size in [*sizes, frame.height]:
            sink.write(frame[done : done + size])
            done += size
    return path.read_bytes()


def bits(frame: pl.DataFrame) -> list[Any]:
    return [[struct.pack("<d", v) if isinstance(v, float) else v for v in row] for row in frame.rows()]


@cuts
@given(st.lists(st.tuples(cells, cells, cells), max_size=12), st.integers(1, 13), st.sampled_from(TEXTS))
def test_text_comes_back_whatever_is_in_it(tmp_path: Path, rows: list[Any], size: int, kind: str) -> None:
    """Quotes, separators, line ends, zeros, missing and empty: each cell is read as it was written."""
    frame = pl.DataFrame(rows, schema=dict.fromkeys(["a", "b", "c"], pl.String), orient="row")
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    write(tmp_path / f"t.{kind}", frame, [])
    source = open_source(tmp_path / f"t.{kind}")
    assert pl.concat([*frames(source, size)]).equals(frame)


@cuts
@given(st.lists(st.tuples(floats, st.integers(-(2**63), 2**63 - 1), words), max_size=12), st.data())
def test_cuts_leave_no_trace_and_values_keep_their_bits(tmp_path: Path, rows: list[Any], data: Any) -> None:
    """One frame or many, the file has the same bytes; one span or many, the values have the same bits."""
    kind = data.draw(st.sampled_from([*TEXTS, *TYPED]))
    sizes = data.draw(st.lists(st.integers(0, 4), max_size=6))
    size = data.draw(st.integers(1, 13))
    schema = {"x": pl.Float64, "n": pl.Int64, "s": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    path = tmp_path / f"t.{kind}"
    whole = write(path, frame, [])
    if rows or "json" not in kind:
        source = open_source(path)
        read = pl.concat([*frames(source, size)])
        assert bits(read.cast(schema) if source.text else read.cast({"x": pl.Float64, "n": pl.Int64})) == bits(frame)
    assert write(path, frame, sizes) == whole


bits_of_lines = st.sampled_from([b"a", b"7", b" ", b'"', b'"x"', b'""', b",", b"\r", b"\xff", b"\xc3\xa9", b"\x00"])


@settings(cuts, max_examples=200)
@given(st.lists(st.lists(bits_of_lines, max_size=7).map(b"".join), max_size=12), st.integers(1, 13))
def test_any_bytes_are_rows_or_malformed_lines(tmp_path: Path, lines: list[bytes], size: int) -> None:
    """Whatever a file holds, every cut finds the same rows, the same malformed lines, and their numbers."""
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"\n".join(lines))

    def read(size: int) -> tuple[list[Any], list[Any]]:
        source = open_source(path)
        good, bad = [], []
        for span in source.spans(size):
            rows = source.read(span)
            part = source.read(span, ["b"])
            assert (part.frame.rows(), part.bad) == (rows.frame.select("b").rows(), rows.bad)
            good += zip(rows.numbers, rows.frame.rows(), strict=True)
            bad += [(one.number, one.column, one.reason, one.text) for one in rows.bad]
        return good, bad

    good, bad = read(size)
    assert (good, bad) == read(100)
    assert [number for number, _ in good] == sorted(number for number, _ in good)


@pytest.mark.parametrize("kind", [*TEXTS, *TYPED, "xlsx"])
def test_spans_are_read_in_other_processes(tmp_path: Path, kind: str) -> None:
    """A source and a span, both pickled, give the rows; in any order."""
    frame = pl.DataFrame({"id": [f"{i:03d}" for i in range(10)], "x": [i / 3 for i in range(10)]})
    write(tmp_path / f"t.{kind}", frame, [4])
    source = open_source(tmp_path / f"t.{kind}")
    spans = [*source.spans(3)]
    other, told = pickle.loads(pickle.dumps((source, spans)))
    pieces = {span.index: other.read(span, ["x", "id"]).frame for span in reversed(told)}
    read = pl.concat([pieces[index] for index in sorted(pieces)])
    assert read.columns == ["x", "id"]
    assert bits(read.cast({"x": pl.Float64}).select("id", "x")) == bits(frame)
    assert [span.first for span in spans][:2] == [0, 3]


@pytest.mark.parametrize("kind", [*TEXTS, *TYPED, "xlsx"])
def test_columns_of_every_kind_are_written(tmp_path: Path, kind: str) -> None:
    """Dates, times, categories, durations, bytes, booleans; the bytes do not depend on the cut, nor on the day."""
    frame = pl.DataFrame(
        {
            "day": [dt.date(2020, 1, 31), None] * 4,
            "at": [dt.datetime(2020, 1, 31, 1, 2, 3, 4000), None] * 4,
            "plan": pl.Series(["basic", "gold"] * 4, dtype=pl.Categorical),
            "took": [dt.timedelta(hours=2), None] * 4,
            "raw": [b"ab", None] * 4,
            "yes": [True, None] * 4,
        }
    )
    whole = write(tmp_path / f"t.{kind}", frame, [])
    assert write(tmp_path / f"u.{kind}", frame, [1, 2, 3]) == whole
    read = pl.concat([*frames(open_source(tmp_path / f"t.{kind}"), 5)])
    assert read["plan"].to_list() == ["basic", "gold"] * 4
    assert str(read["day"][0])[:10] == "2020-01-31"
    assert read["day"][1] is None


numbers = st.one_of(
    st.floats().map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(
        [
            "",
            "NA",
            '"NA"',
            " NA",
            "null",
            "N/A",
            "nan",
            "-inf",
            " 1.5",
            "1.5 ",
            "+1",
            ".5",
            "1e400",
            "01",
            "x",
            '"2.5"',
            "3.0",
            "1_0",
            "0x1",
        ]
    ),
)


@settings(cuts, max_examples=150)
@given(st.lists(st.tuples(numbers, numbers, words), min_size=1, max_size=8), st.integers(1, 9))
def test_numbers_read_at_once_are_those_that_their_text_says(tmp_path: Path, rows: list[Any], size: int) -> None:
    """Where the types are known while reading, the same values come out, to the bit, and the same refusals."""
    path = tmp_path / "t.csv"
    plain = [(x, n, s.translate(dict.fromkeys(map(ord, '",\r\n\x1f')))) for x, n, s in rows]
    path.write_text("x,n,s\n" + "".join(f"{x},{n},{s}\n" for x, n, s in plain), newline="")
    signature = describe(pl.DataFrame({"x": [1.5, None], "n": [1, None]}))
    source = open_source(path)

    def bound(rows: Rows) -> Any:
        try:
            return bits(bind_text(rows.frame, signature))
        except InvalidData as error:
            return error.facts["row"], error.facts["column"]

    for span in source.spans(size):
        typed = source.read(span, ["x", "n"], number_types(signature))
        assert bound(typed) == bound(source.read(span))


@cuts
@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=12), st.integers(1, 13), st.booleans())
def test_rows_written_as_they_stand_are_those_that_are_written_anew(
    tmp_path: Path, rows: list[Any], size: int, crlf: bool
) -> None:
    """Kept lines and kept columns give the same file."""
    lines = [",".join(row) for row in [("a", "b"), *(row[:2] for row in rows)]]
    (tmp_path / "t.csv").write_text(("\r\n" if crlf else "\n").join(lines), newline="")
    source = open_source(tmp_path / "t.csv")
    with open_sink(tmp_path / "anew.csv") as anew, open_sink(tmp_path / "stand.csv") as stand:
        assert source.separator == stand.separator
        for sink in (anew, stand):
            sink.write(source.empty().with_columns(answer=pl.Series([], dtype=pl.String)))
        done = 0
        for span in source.spans(size):
            read = source.read(span, ["b"], lines=True)
            kept = source.read(span).frame
            answers = pl.DataFrame({"answer": [row[2] for row in rows[done : done + kept.height]]})
            done += kept.height
            anew.write(pl.concat([kept, answers], how="horizontal"))
            if read.lines is None:
                stand.write(pl.concat([kept, answers], how="horizontal"))
            else:
                stand.write_beside(read.lines, answers)
    assert (tmp_path / "stand.csv").read_bytes() == (tmp_path / "anew.csv").read_bytes()
