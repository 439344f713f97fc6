"""Files as they come: damaged, cut short, of strange shape. What is wrong is said in words, with the line."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nbdeploy.errors import InvalidData, NotFound, TooLarge, WrongUsage
from nbdeploy.tables import BadLine, frames, open_sink, open_source


def rows_of(path: str | Path, size: int = 2) -> tuple[list[tuple[int, Any]], list[BadLine]]:
    source = open_source(path)
    good, bad = list[tuple[int, Any]](), list[BadLine]()
    for span in source.spans(size):
        rows = source.read(span)
        good += zip(rows.numbers, rows.frame.rows(), strict=True)
        bad += rows.bad
    return good, bad


def written(text: bytes, name: str = "t.csv") -> Path:
    path = Path(name)
    path.write_bytes(text)
    return path


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (b"\xef\xbb\xbfa,b\n1,2\n", [(2, ("1", "2"))]),
        (b"a,b\r\n1,2\r\n3,4", [(2, ("1", "2")), (3, ("3", "4"))]),
        (b'a,b\n"x\ny",2\n3,4\n', [(2, ("x\ny", "2")), (4, ("3", "4"))]),
        (b'"a","b"\n"x ""q""",\n', [(2, ('x "q"', None))]),
        (b"\n\na,b\n\n1,2\n\n\r\n3,\n\n", [(5, ("1", "2")), (8, ("3", None))]),
        (b'a,b\n5" nail,"x"y\n1,""\n', [(2, ('5" nail', "xy")), (3, ("1", ""))]),
        (b'a,b\nsize 5",5"\n1,"p,q"\n', [(2, ('size 5"', '5"')), (3, ("1", "p,q"))]),
        (b"a,b\n", []),
        (b"a,b", []),
        (b"a\n1\n\n2\n", [(2, ("1",)), (3, (None,)), (4, ("2",))]),
        (b"a,b\n,\n", [(2, (None, None))]),
    ],
    ids=[
        "bom",
        "crlf",
        "newline",
        "quotes",
        "blank",
        "inches",
        "two-inches",
        "header",
        "no-end",
        "one-column",
        "empty",
    ],
)
def test_csv_as_it_is_written_elsewhere(text: bytes, good: list[Any]) -> None:
    """Byte order mark, CRLF, quoted newlines, blank lines, stray quotes: the rows, and their lines in an editor."""
    assert rows_of(written(text)) == (good, [])


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (b"1,2\n3\n4,5\n", BadLine(3, "", "1 fields, but 2 columns have names", "3")),
        (b"1,2\n3,4,5\r\n4,5\n", BadLine(3, "", "3 fields, but 2 columns have names", "3,4,5")),
        (b'1,2\n"3",\xff4\n4,5\n', BadLine(3, "b", "bytes that are no UTF-8 text: b'\\xff'", '"3",\ufffd4')),
        (b'1,2\n4,5\n3,"x', BadLine(4, "b", "a quote is opened there and never closed", '3,"x')),
        (b'1,2\n4,5\n"p\nq"\n', BadLine(4, "", "1 fields, but 2 columns have names", '"p\nq"')),
    ],
    ids=["short", "long", "utf-8", "open", "short-with-newline"],
)
@pytest.mark.parametrize("size", [1, 100])
def test_malformed_lines_are_set_aside_with_their_number(text: bytes, bad: BadLine, size: int) -> None:
    """Ragged, no text, a quote left open: the others are rows."""
    good, found = rows_of(written(b"a,b\n" + text), size)
    assert found == [bad]
    assert [row for _, row in good] == [("1", "2"), ("4", "5")]


def test_the_first_malformed_line_is_an_error_where_nobody_sets_it_aside() -> None:
    """Named with its file."""
    with pytest.raises(InvalidData, match=r"t\.csv, line 3: 1 fields, but 2 columns have names"):
        list(frames(open_source(written(b"a,b\n1,2\n3\n")), 10))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "t.csv is empty: it has not even a line of column names"),
        ("t.csv", b"a,b,a\n1,2,3\n", "t.csv has two columns named 'a'; name them apart"),
        ("t.csv", b"a\xff,b\n", "t.csv: the column names are no UTF-8 text"),
        ("t.csv", "a,b\n".encode("utf-16"), "t.csv is UTF-16 text; save it as UTF-8"),
        ("t.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 99, mtime=0)[:-20], "t.csv.gz is damaged: Truncated .*gzip"),
        ("t.csv.gz", b"a,b\n", "t.csv.gz is damaged: .*gzip"),
        ("t.csv.zst", b"a,b\n", "t.csv.zst is damaged: .*zstd"),
        ("t.jsonl", b"", "t.jsonl is empty"),
        ("t.parquet", b"PAR1", "t.parquet cannot be read as Parquet; is it whole?"),
        ("t.arrow", b"ARROW1", "t.arrow cannot be read as Arrow IPC; is it whole?"),
        ("t.xlsx", b"PK", "t.xlsx cannot be read as an Excel file; is it whole?"),
    ],
)
def test_unreadable_files_are_refused_in_words(name: str, content: bytes, message: str) -> None:
    """With their name, and what is wrong with them."""
    with pytest.raises(InvalidData, match=message):
        list(frames(open_source(written(content, name)), 10))


@pytest.mark.parametrize("kind", ["parquet", "arrow", "xlsx", "csv.gz", "csv.zst", "jsonl.gz"])
def test_files_cut_in_half_are_refused(kind: str) -> None:
    """A copy that was not finished gives no rows as if it were whole."""
    path = Path(f"t.{kind}")
    with open_sink(path) as sink:
        sink.write(pl.DataFrame({"x": [i / 7 for i in range(5000)]}))
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(InvalidData, match=path.name):
        list(frames(open_source(path), 1000))


def test_a_file_that_shrinks_while_it_is_read_is_an_error() -> None:
    """It neither ends the process nor loses rows silently."""
    path = written(b"a\n" + b"1\n" * 5000)
    source = open_source(path)
    first, second = source.spans(2500)
    assert source.read(first).frame.height == 2500
    os.truncate(path, 100)
    with pytest.raises(InvalidData, match="became shorter while it was read"):
        source.read(second)


def test_ten_thousand_columns_go_through_little_memory() -> None:
    """Spans hold fewer rows where rows are wide."""
    wide = pl.DataFrame({f"c{i}": [i / 3] * 500 for i in range(10_000)})
    for kind in ("csv", "parquet"):
        with open_sink(f"t.{kind}") as sink:
            sink.write(wide)
        source = open_source(f"t.{kind}")
        spans = [*source.spans(20_000)]
        assert len(spans) > 1
        assert sum(span.rows or 0 for span in spans) == 500
        read = source.read(spans[-1], ["c9999"]).frame
        assert float(read.item(-1, 0)) == 3333.0


def test_a_line_of_a_gigabyte_is_refused_in_little_memory() -> None:
    """It is not read into memory to find that it does not end."""
    with Path("t.csv").open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(2**30)
    program = """
import resource, sys
from nbdeploy.errors import TooLarge
from nbdeploy.tables import frames, open_source
source = open_source(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    list(frames(source, 1000))
except TooLarge as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    command = [sys.executable, "-c", program, "t.csv"]
    told, grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told.startswith("t.csv, line 2: the record that begins here is longer than 64 MB; ")
    assert int(grown) < 400


def test_a_header_without_end_is_refused() -> None:
    """So is a file of something else."""
    written(b"x" * (65 << 20))
    with pytest.raises(TooLarge, match=r"t\.csv, line 1: the record that begins here is longer than 64 MB"):
        open_source("t.csv").columns()


def test_json_lines_have_the_types_of_the_whole_file() -> None:
    """Whatever the cut: whole numbers beside others are floats, text beside numbers is text, keys may be missing."""
    written(b'{"a": 1, "z": "007"}\n\n{"a": 2.5, "b": true}\n{"z": 7, "b": null}\n', "t.jsonl")
    for size in (1, 10):
        table = pl.concat([*frames(open_source("t.jsonl"), size)])
        assert table.schema == {"a": pl.Float64, "z": pl.String, "b": pl.Boolean}
        assert table.rows() == [(1.0, "007", None), (2.5, None, True), (None, "7", None)]


def test_lines_that_are_no_json_are_set_aside() -> None:
    """The rows around them stay."""
    good, bad = rows_of(written(b'{"a": 1}\n{"a": \n[3]\n{"a": 4}\n', "t.jsonl"), 100)
    assert good == [(1, (1,)), (4, (4,))]
    assert [(one.number, one.reason[:7]) for one in bad] == [(2, "no JSON"), (3, "no JSON")]


def test_places_that_are_not_there_are_named() -> None:
    """And what can be read instead."""
    with pytest.raises(NotFound, match=r"no file 'nowhere\.csv'"):
        open_source("nowhere.csv")
    with pytest.raises(WrongUsage, match=r"t\.doc: a source is known by its suffix; there are: \.arrow, \.csv"):
        open_source("t.doc")
    with pytest.raises(WrongUsage, match=r"ftp://host/t\.csv: an address begins with one of file://, http://"):
        open_source("ftp://me:secret@host/t.csv")
    with pytest.raises(WrongUsage, match="tables are written to files and object stores"), open_sink("http://h/t.csv"):
        pass


def test_a_quote_that_the_file_never_closes_is_a_malformed_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\nx,y\n,"""')
    [span] = open_source(path).spans(100)
    rows = open_source(path).read(span)
    assert rows.frame.rows() == [("x", "y")]
    assert [(bad.number, bad.column) for bad in rows.bad] == [(3, "b")]
