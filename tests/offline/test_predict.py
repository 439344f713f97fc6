"""Offline predictions: the same answers from file to file, ids kept, nothing half-written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.errors import InvalidData, NotFound, NotWritable, WrongUsage
from tests.models import NUMBERS, penguins


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id; a snapshot ``lr`` that does not read it."""
    X = penguins()[0][NUMBERS].fillna(0.0)
    return X.assign(ring=[f"{i:05d}" for i in range(len(X))])


@pytest.mark.parametrize("source", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("out", ["csv", "tsv", "parquet"])
def test_file_to_file(birds: pd.DataFrame, source: str, out: str) -> None:
    """Every format in and out gives the model's own answers, ids first, zeros kept."""
    write = {"csv": birds.to_csv, "tsv": lambda p, index: birds.to_csv(p, index=index, sep="\t")}
    write.get(source, birds.to_parquet)(f"in.{source}", index=False)
    done = nd.predict("lr", f"in.{source}", f"out.{out}", methods=["predict", "predict_proba"])
    read = {"csv": pl.read_csv, "tsv": lambda p, **k: pl.read_csv(p, separator="\t", **k)}.get(out)
    table = read(f"out.{out}", schema_overrides={"ring": pl.String}) if read else pl.read_parquet(f"out.{out}")
    assert table.columns == ["ring", "prediction", *(f"probability_{s}" for s in ("Adelie", "Chinstrap", "Gentoo"))]
    assert table["ring"].to_list() == birds["ring"].tolist()
    expected = nd.load("lr").predict_proba(birds)
    np.testing.assert_array_equal(table[:, 2:].to_numpy(), expected)
    assert done.document()["rows"] == len(birds)


@given(st.integers(1, 400))
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_chunks_do_not_change_the_file(birds: pd.DataFrame, chunk: int) -> None:
    """Any chunk size writes the same bytes."""
    birds.to_csv("in.csv", index=False)
    nd.predict("lr", "in.csv", "whole.csv", methods=["predict_proba"])
    nd.predict("lr", "in.csv", "parts.csv", methods=["predict_proba"], chunk=chunk)
    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()


def test_tables_in_memory_answer_in_the_callers_library(birds: pd.DataFrame) -> None:
    """pandas keeps its index and ids, Polars and Arrow get their own kind, arrays get pandas."""
    indexed = birds.set_index(pd.Index(range(1000, 1000 + len(birds)), name="bird"))
    answer = nd.predict("lr", indexed)
    assert list(answer.columns) == ["ring", "prediction"]
    assert answer.index.equals(indexed.index)
    labels = answer["prediction"].tolist()
    polars = nd.predict("lr", pl.from_pandas(birds))
    arrow = nd.predict("lr", pa.Table.from_pandas(birds, preserve_index=False))
    records = nd.predict("lr", birds.to_dict(orient="records"))
    array = nd.predict("lr", birds[NUMBERS].to_numpy())
    assert isinstance(polars, pl.DataFrame)
    assert isinstance(arrow, pa.Table)
    assert polars["prediction"].to_list() == arrow["prediction"].to_pylist() == labels
    assert list(records.columns) == ["ring", "prediction"]
    assert records["prediction"].tolist() == array["prediction"].tolist() == labels


@pytest.mark.parametrize(
    ("keep", "columns"),
    [
        ((), ["ring", "prediction"]),
        (("none",), ["prediction"]),
        (("all",), [*NUMBERS, "ring", "prediction"]),
        (("body_mass_g",), ["body_mass_g", "prediction"]),
    ],
)
def test_kept_columns(birds: pd.DataFrame, keep: tuple[str, ...], columns: list[str]) -> None:
    """By default what the model does not read, else what was asked for."""
    birds.to_csv("in.csv", index=False)
    assert list(nd.predict("lr", "in.csv", keep=keep).columns) == columns
    assert list(nd.predict("lr", birds, keep=keep).columns) == columns


def test_a_wrong_value_is_named_by_file_line_and_column(birds: pd.DataFrame) -> None:
    """The first bad row is named, the old output stays, nothing half-written is left."""
    birds.astype({"body_mass_g": object}).assign(
        body_mass_g=lambda f: f["body_mass_g"].where(f.index != 7, "heavy")
    ).to_csv("in.csv", index=False)
    Path("out.csv").write_text("old")
    with pytest.raises(InvalidData, match=r"in.csv, line 9, column 'body_mass_g': 'heavy' is not a float64"):
        nd.predict("lr", "in.csv", "out.csv")
    assert Path("out.csv").read_text() == "old"
    assert sorted(p.name for p in Path().iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "in.csv is empty"),
        ("ring\n1\n", "missing columns: bill_length_mm"),
        ("ring,ring\n1,2\n", "two columns named 'ring'"),
        ("bill_length_mm,bill_depth_mm,flipper_length_mm,mass\n1,2,3,4\n", "missing columns: body_mass_g"),
        (f"{','.join(NUMBERS)}\n1,2,3,4\n1,2,3,4,5\n", "in.csv, line 3: 5 fields, but 4 columns have names"),
    ],
)
def test_unusable_files_are_refused(birds: pd.DataFrame, text: str, message: str) -> None:
    """Empty, of other columns, ragged: each is an error in words."""
    Path("in.csv").write_text(text)
    with pytest.raises(InvalidData, match=message):
        nd.predict("lr", "in.csv", "out.csv")
    assert not Path("out.csv").exists()


def test_a_file_without_rows_gives_a_file_without_rows(birds: pd.DataFrame) -> None:
    """A header only is a valid table of nothing."""
    birds.head(0).to_csv("in.csv", index=False)
    nd.predict("lr", "in.csv", "out.csv")
    assert Path("out.csv").read_text() == "ring,prediction\n"


def test_clash_with_an_input_column_is_refused_or_renamed(birds: pd.DataFrame) -> None:
    """An input column called ``prediction`` is not overwritten; ``rename`` keeps it under another name."""
    birds.assign(prediction="mine").to_csv("in.csv", index=False)
    with pytest.raises(InvalidData, match="--rename new_prediction=prediction"):
        nd.predict("lr", "in.csv")
    table = nd.predict("lr", "in.csv", rename={"prediction": "old"})
    assert list(table.columns) == ["ring", "old", "prediction"]


def test_full_disk_leaves_the_old_output(birds: pd.DataFrame) -> None:
    """When a real disk is full while writing, what was there stays, and what is done is kept to go on from.

    With room again, ``--resume`` gives the file that a larger disk would have had.
    """
    pd.concat([birds] * 40).to_csv("in.csv", index=False)
    lines = [
        "mkdir disk && mount -t tmpfs -o size=96k tmpfs disk && echo old > disk/out.csv",
        predict := f"{sys.executable} -m nbdeploy predict lr in.csv --out disk/out.csv --method predict_proba",
        "echo status $?; cat disk/out.csv; ls -A disk",
        f"mount -o remount,size=8m disk && {predict} --resume --json | grep -c done_before; cat disk/out.csv >out.csv",
    ]
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "No space left on device" in done.stderr
    assert "nothing was changed" in done.stderr
    assert "13,760 rows done, and --resume goes on from there" in done.stderr
    assert done.stdout.split() == ["status", "1", "old", ".out.csv.nbdeploy-journal", "out.csv", "1"]
    nd.predict("lr", "in.csv", "whole.csv", methods="predict_proba")
    assert Path("out.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert "started over" not in done.stderr


def test_unwritable_and_unknown_places_are_refused(birds: pd.DataFrame) -> None:
    """A path below a file, a suffix nobody knows, a missing input, an unknown method or column."""
    birds.to_csv("in.csv", index=False)
    for out, message in [("in.csv/x.csv", "could not be written"), ("out.doc", "known by its suffix")]:
        with pytest.raises((NotWritable, WrongUsage), match=message):
            nd.predict("lr", "in.csv", out)
    with pytest.raises(NotFound, match=r"no file .inn.csv.; did you mean in\.csv"):
        nd.predict("lr", "inn.csv", "out.csv")
    with pytest.raises(NotFound, match="no method 'predct'; did you mean predict"):
        nd.predict("lr", "in.csv", methods=["predct"])
    with pytest.raises(NotFound, match="no column 'rin'; did you mean ring"):
        nd.predict("lr", "in.csv", keep=["rin"])


def test_progress_counts_rows(birds: pd.DataFrame) -> None:
    """Each chunk is reported, of a known total."""
    birds.to_csv("in.csv", index=False)
    seen: list[Any] = []
    nd.predict("lr", "in.csv", "out.csv", chunk=100, progress=seen.append)
    assert (seen[-1].done, seen[-1].total, seen[-1].unit) == (344, 344, "rows")


def test_the_input_is_never_its_own_output(birds: pd.DataFrame) -> None:
    """Writing over the file that is read is refused, by whatever path."""
    birds.to_csv("in.csv", index=False)
    before = Path("in.csv").read_bytes()
    Path("link.csv").symlink_to("in.csv")
    for out in ("in.csv", "./in.csv", "link.csv"):
        with pytest.raises(WrongUsage, match="is the input itself"):
            nd.predict("lr", "in.csv", out)
    assert Path("in.csv").read_bytes() == before


def test_an_index_of_ids_is_written(birds: pd.DataFrame) -> None:
    """A named or non-default index becomes the first column of a file; plain row numbers do not."""
    nd.predict("lr", birds.set_index("ring"), "ids.csv")
    nd.predict("lr", birds, "plain.csv")
    assert list(pd.read_csv("ids.csv", dtype=str).columns) == ["ring", "prediction"]
    assert pd.read_csv("ids.csv", dtype=str)["ring"].tolist() == birds["ring"].tolist()
    assert list(pd.read_csv("plain.csv").columns) == ["ring", "prediction"]
