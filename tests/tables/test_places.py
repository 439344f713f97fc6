"""Tables on object stores, on the web, in pipes; and what a file of text may do to a spreadsheet."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from nbdeploy.errors import InvalidData, NotFound, NotWritable, Unreachable, WrongUsage
from nbdeploy.tables import frames, open_sink, open_source
from tests.s3_server import S3

KINDS = ["csv", "tsv.gz", "jsonl.zst", "parquet", "arrow", "xlsx"]
TABLE = pl.DataFrame({"id": [f"{i:04d}" for i in range(100)], "x": [i / 7 for i in range(100)]})


def read(place: str) -> pl.DataFrame:
    return pl.concat([*frames(open_source(place), 30)]).cast({"x": pl.Float64})


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    """The working directory on the web; the server knows no ranges."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(Path.cwd()))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", KINDS)
def test_tables_on_an_object_store(s3: str, kind: str) -> None:
    """Written and read back; the same bytes as in a file."""
    with open_sink(f"{s3}/out.{kind}") as there, open_sink(f"out.{kind}") as here:
        there.write(TABLE)
        here.write(TABLE)
    assert read(f"{s3}/out.{kind}").equals(TABLE)
    assert there.sha256 == here.sha256 == hashlib.sha256(Path(f"out.{kind}").read_bytes()).hexdigest()
    source = open_source(f"{s3}/out.{kind}")
    assert source.sha256() == there.sha256
    assert source.identity().size == there.size
    assert source.identity().tag


def test_an_object_appears_when_it_is_complete(s3: str) -> None:
    """An error on the way leaves what was there."""
    for name in ("first", "second"):
        try:
            with open_sink(f"{s3}/out.csv") as sink:
                sink.write(TABLE)
                if name == "second":
                    sink.write(TABLE)
                    raise RuntimeError
        except RuntimeError:
            pass
    assert read(f"{s3}/out.csv").height == 100


def test_missing_objects_and_buckets_are_named(mortal_s3: tuple[S3, str]) -> None:
    """And a server that goes away between two spans."""
    server, place = mortal_s3
    with pytest.raises(NotFound, match=rf"no object '{place}/in\.csv'"):
        open_source(f"{place}/in.csv").columns()
    nowhere = pytest.raises(NotWritable, match=r"s3://nowhere/out\.csv could not be written: ")
    with nowhere, open_sink("s3://nowhere/out.csv") as sink:
        sink.write(TABLE)
    with open_sink(f"{place}/in.csv") as sink:
        sink.write(TABLE)
    source = open_source(f"{place}/in.csv")
    first, second, *_ = source.spans(10)
    assert source.read(first).frame.height == 10
    server.stop()
    with pytest.raises(Unreachable, match=rf"{place}/in\.csv cannot be read: "):
        source.read(second)


@pytest.mark.parametrize("kind", KINDS)
def test_tables_on_the_web(web: str, kind: str) -> None:
    """Read forward, or copied first; the digest is known when all is read."""
    with open_sink(f"in.{kind}") as sink:
        sink.write(TABLE)
    source = open_source(f"{web}/in.{kind}?signature=secret")
    assert pl.concat([*frames(source, 30)]).cast({"x": pl.Float64}).equals(TABLE)
    assert source.name == f"{web}/in.{kind}"
    assert source.sha256() == sink.sha256
    with pytest.raises(NotFound, match="404"):
        read(f"{web}/nowhere.{kind}")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "xlsx"])
def test_tables_through_pipes(kind: str) -> None:
    """Standard input to standard output, as any program in a pipe does it."""
    with open_sink(f"in.{kind}") as sink:
        sink.write(TABLE)
    program = """
import sys
from nbdeploy.tables import frames, open_sink, open_source
kind = None if sys.argv[1] == "csv" else sys.argv[1]
source = open_source("-", kind)
with open_sink("-", kind) as sink:
    for frame in frames(source, 30):
        sink.write(frame)
print(source.name, source.sha256(), sink.sha256, file=sys.stderr)
"""
    content = Path(f"in.{kind}").read_bytes()
    done = subprocess.run([sys.executable, "-c", program, kind], input=content, capture_output=True, check=True)
    assert done.stdout == content
    assert done.stderr.decode().split() == ["standard", "input", sink.sha256, sink.sha256]


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reading is refused, and does not wait."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"a\n1\n")))
    source = open_source("-")
    assert [span.first for span in source.spans(10)] == [0]
    with pytest.raises(WrongUsage, match="standard input can be read only once"):
        next(source.spans(10))


def test_formulas_are_made_harmless_in_spreadsheets() -> None:
    """Cells and names that begin like one get an apostrophe; numbers, and other files, stay."""
    frame = pl.DataFrame({"=id": ["=1+1", "-1.5", "@SUM", "+x", "\tx", "a=1", None, "", "-inf"], "x": [-1.0] * 9})
    cells = ["'=1+1", "-1.5", "'@SUM", "'+x", "'\tx", "a=1", None, "", "'-inf"]
    for kind in ("csv", "tsv", "csv.gz"):
        with open_sink(f"t.{kind}", safe=True) as sink:
            sink.write(frame)
        table = pl.concat([*frames(open_source(f"t.{kind}"), 3)])
        assert table.columns == ["'=id", "x"]
        assert table["'=id"].to_list() == cells
    with open_sink("t.xlsx", safe=True) as sink:
        sink.write(frame)
    assert read("t.xlsx")["'=id"].to_list() == [*cells[:6], None, None, cells[8]]
    with open_sink("t.parquet", safe=True) as sink:
        sink.write(frame)
    assert pl.read_parquet("t.parquet").equals(frame)


def test_excel_keeps_what_its_numbers_can_hold() -> None:
    """All digits of a float; text as text; whole numbers of any size, as text where they are too long."""
    frame = pl.DataFrame({"x": [0.1 + 0.2, 5e-324, -1.7976931348623157e308], "zip": ["007", "1.0", "=1+1"]})
    with open_sink("t.xlsx") as sink:
        sink.write(frame)
    assert read("t.xlsx").equals(frame)
    with open_sink("big.xlsx") as sink:
        sink.write(pl.DataFrame({"n": [2**53, 2**53 + 1]}))
    assert pl.concat([*frames(open_source("big.xlsx"), 9)])["n"].to_list() == ["9007199254740992", "9007199254740993"]
    with pytest.raises(InvalidData, match="an Excel sheet has at most 1,048,576 rows"), open_sink("t.xlsx") as sink:
        sink.write(pl.DataFrame({"x": range(1_048_576)}))
    assert read("t.xlsx").equals(frame)


def test_blank_rows_of_a_sheet_are_no_rows() -> None:
    """The others keep the numbers that Excel shows."""
    import xlsxwriter

    with xlsxwriter.Workbook("t.xlsx") as book:
        sheet = book.add_worksheet()
        for row, value, number in ((0, "a", "id"), (1, 1, 7), (3, 2.5, 8)):
            sheet.write(row, 0, value)
            sheet.write(row, 1, number)
    source = open_source("t.xlsx")
    (span,) = source.spans(10)
    rows = source.read(span)
    assert rows.frame.rows() == [(1.0, 7), (2.5, 8)]
    assert rows.frame.schema == {"a": pl.Float64, "id": pl.Int64}
    assert [rows.where(0), rows.where(1)] == ["row 2", "row 4"]


def test_gzip_files_of_several_members_are_whole() -> None:
    """As ``cat a.gz b.gz`` makes them."""
    Path("t.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert pl.concat([*frames(open_source("t.csv.gz"), 1)]).rows() == [("1", "2"), ("3", "4")]
