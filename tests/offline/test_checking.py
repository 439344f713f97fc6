"""An output is proven to be what was predicted, or it is said what is not as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.commands.shell import run
from nbdeploy.errors import Corrupted, NotFound, WrongUsage
from nbdeploy.offline.provenance import digest_of, place_beside
from nbdeploy.tables import open_sink
from tests.models import NUMBERS, penguins


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id, some bad, as ``in.csv``."""
    frame = penguins()[0][NUMBERS].fillna(0.0).astype(object)
    frame.insert(0, "ring", [f"{i:05d}" for i in range(len(frame))])
    frame.loc[[0, 90, 91], "body_mass_g"] = "heavy"
    frame.to_csv("in.csv", index=False)
    return frame


def _predicted(out: str = "out.csv", **options: Any) -> Any:
    return nd.predict("lr", "in.csv", out, rejects="bad.csv", chunk=20, **options)


@pytest.mark.parametrize("out", ["out.csv", "out.parquet"])
def test_an_output_is_proven(birds: pd.DataFrame, out: str) -> None:
    """Bytes, input and snapshot are as they were, and rows all over the file are predicted the same again."""
    done = _predicted(out, methods=["predict", "predict_proba"])
    document = json.loads(place_beside(Path(out)).read_text())
    assert {k: document[k] for k in ("snapshot", "rows", "rejected", "output")} == {
        "snapshot": "lr:1",
        "rows": 341,
        "rejected": 3,
        "output": out,
    }
    assert document["digest"] == done.digest
    assert document["input_sha256"] == digest_of(Path("in.csv"))
    assert document["output_sha256"] == digest_of(Path(out))
    assert document["versions"]["scikit-learn"]
    checked = nd.check_predictions(out)
    assert checked.ok
    assert checked.rows >= 60
    assert [is_so for _, is_so, _ in checked.checks] == [True] * 4


def test_what_is_not_as_it_was_is_named(birds: pd.DataFrame, stock: Path) -> None:
    """A changed output, a changed input, a snapshot that is gone: each makes the answer false, and says so."""
    _predicted()
    kept = Path("in.csv").read_bytes()
    Path("in.csv").write_bytes(kept.replace(b"00005", b"00006"))
    assert "in.csv was changed" in nd.check_predictions("out.csv").line
    Path("in.csv").write_bytes(kept)
    assert nd.check_predictions("out.csv")
    shutil.move(stock / "store", stock / "elsewhere")
    assert "no snapshot 'lr'" in nd.check_predictions("out.csv").line
    shutil.rmtree(stock / "store", ignore_errors=True)
    shutil.move(stock / "elsewhere", stock / "store")
    Path("out.csv").write_bytes(Path("out.csv").read_bytes().replace(b"Adelie", b"Gentoo"))
    checked = nd.check_predictions("out.csv")
    assert not checked
    assert checked.line == "out.csv is not proven: output: its bytes were changed"


def test_other_predictions_are_found_though_all_digests_match(birds: pd.DataFrame) -> None:
    """Who changes the output and its provenance alike is found out by predicting again."""
    _predicted()
    table = pl.read_csv("out.csv", infer_schema=False)
    table.with_columns(prediction=pl.lit("Gentoo")).write_csv("out.csv")
    beside = place_beside(Path("out.csv"))
    document = json.loads(beside.read_text())
    document |= {"output_sha256": digest_of(Path("out.csv"))}
    beside.write_text(json.dumps(document))
    checked = nd.check_predictions("out.csv")
    assert not checked
    assert "row 0 of the output differs in 'prediction': 'Gentoo', and now 'Adelie'" in checked.line


def test_what_has_no_provenance_cannot_be_checked(birds: pd.DataFrame) -> None:
    """No file, nothing beside it, or something that is none."""
    with pytest.raises(NotFound, match=r"no file 'out\.csv'"):
        nd.check_predictions("out.csv")
    with pytest.raises(NotFound, match=r"no provenance of 'in\.csv'"):
        nd.check_predictions("in.csv")
    for text in ("{", '{"format": 1}', "[]"):
        place_beside(Path("in.csv")).write_text(text)
        with pytest.raises(Corrupted, match="is not understood"):
            nd.check_predictions("in.csv")


def test_a_table_in_memory_has_no_input_to_compare(birds: pd.DataFrame) -> None:
    """Its output is proven as far as can be."""
    nd.predict("lr", birds.drop([0, 90, 91]), "out.csv")
    checked = nd.check_predictions("out.csv")
    assert checked.ok
    assert "the input was no file" in checked.line


def test_an_output_of_an_object_store_is_proven(birds: pd.DataFrame, s3: str) -> None:
    """Its provenance is beside it there: a job that is done does nothing, and what was changed is named."""
    out = f"{s3}/out.parquet"
    assert not _predicted(out).done_before
    again = nd.predict("lr", "in.csv", out, rejects="bad.csv")
    assert (again.done_before, again.rows, again.rejected) == (True, 341, 3)
    assert nd.check_predictions(out).line.startswith(f"{out} is what lr:1 predicted: its bytes are as they were")
    with open_sink(out) as sink:
        sink.write(pl.DataFrame({"ring": ["1"]}))
    assert nd.check_predictions(out).line == f"{out} is not proven: output: its bytes were changed"
    with pytest.raises(NotFound, match=r"no object 's3://.*/none\.csv'"):
        nd.check_predictions(f"{s3}/none.csv")
    nd.predict("lr", birds.drop([0, 90, 91]), out)
    assert nd.check_predictions(out).ok
    with pytest.raises(WrongUsage, match="is the input itself"):
        nd.predict("lr", out, out)
    nd.predict("lr", "in.csv", f"file://{Path.cwd()}/plain.csv", rejects="bad.csv")
    assert nd.check_predictions(f"file://{Path.cwd()}/plain.csv").ok
    assert nd.check_predictions("plain.csv").ok


def test_the_command_checks(birds: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """``predict --check OUTPUT``: exit status 3 where something is not as it was, 2 where words are wrong."""
    _predicted()
    assert run(["predict", "--check", "out.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
    Path("out.csv").write_text("ring\n")
    assert run(["predict", "./out.csv", "--check"]) == 3
    assert "its bytes were changed" in capsys.readouterr().err
    for words, told in ((["--check", "out.csv", "in.csv"], "takes an output alone"), (["lr"], "Missing argument")):
        assert run(["predict", *words]) == 2
        assert told in capsys.readouterr().err
