"""What CSV can hold, and what it cannot."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from nbdeploy.errors import InvalidData
from nbdeploy.tables import open_sink, open_source


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_lists_are_refused_in_words_and_leave_no_file(tmp_path: Path, suffix: str) -> None:
    """With the column's name, and what to do."""
    out = tmp_path / f"out.{suffix}"
    frame = pl.DataFrame({"id": [1], "vector": [[1.0, 2.0]]})
    with pytest.raises(InvalidData, match=r"column 'vector' is of type List.*use Parquet"), open_sink(out) as sink:
        sink.write(frame)
    assert not list(tmp_path.glob("*out*"))


def test_lists_are_written_to_parquet(tmp_path: Path) -> None:
    """And come back."""
    frame = pl.DataFrame({"vector": [[1.0, 2.0]], "image": pl.Series([[[1]]], dtype=pl.Array(pl.Int8, (1, 1)))})
    with open_sink(tmp_path / "out.parquet") as sink:
        sink.write(frame)
    source = open_source(tmp_path / "out.parquet")
    (span,) = source.spans(9)
    assert source.read(span).frame.equals(frame)


def test_durations_and_bytes_are_written_as_text(tmp_path: Path) -> None:
    """ISO 8601, and base64."""
    with open_sink(tmp_path / "out.csv") as sink:
        sink.write(pl.DataFrame({"took": [dt.timedelta(hours=2), None], "raw": [b"ab", None]}))
    assert (tmp_path / "out.csv").read_text() == "took,raw\nPT2H,YWI=\n,\n"
