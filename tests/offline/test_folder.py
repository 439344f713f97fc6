"""A folder of files into a folder of predictions: only what is new or changed, and each file for itself."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import nbdeploy as nd
from nbdeploy.commands.shell import run
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.offline.engines import workers
from nbdeploy.offline.journal import Head, Journal, place_of
from nbdeploy.tables import frames, open_sink, open_source
from nbdeploy.types import Progress
from nbdeploy.zygote import Zygote
from tests.models import NUMBERS, penguins


def settle(*places: str | Path) -> None:
    """Let files have been written a while ago."""
    for place in places:
        os.utime(place, (time.time() - 60, time.time() - 60))


def write(place: str, rows: pd.DataFrame) -> None:
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path, index=False) if path.suffix == ".parquet" else rows.to_csv(path, index=False)
    settle(path)


@pytest.fixture
def birds(stock: Path) -> pd.DataFrame:
    """Rows with an id; a snapshot ``lr`` that does not read it."""
    X = penguins()[0][NUMBERS].fillna(0.0)
    return X.assign(ring=[f"{i:05d}" for i in range(len(X))])


def statuses(result: Any) -> dict[str, str]:
    return {Path(file.input).name: file.status for file in result.files}


def test_workers_of_all_files_come_from_one_process(birds: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads the model once; lines and columns that are kept, and rejects, are those of one process."""
    started = list[Any]()
    monkeypatch.setattr(workers, "Zygote", lambda *given: started.append(Zygote(*given)) or started[-1])
    birds = birds.astype({"bill_length_mm": object})
    birds.loc[7, "bill_length_mm"] = "long"
    write("inbox/a.csv", birds)
    write("inbox/b.csv", birds[100:])
    write("inbox/c.parquet", birds[100:].astype({"bill_length_mm": float}))
    for keep in ("all", "ring"):
        two = nd.predict("lr", "inbox/", f"two-{keep}", keep=keep, rejects=f"bad-two-{keep}", chunk=40, workers=2)
        one = nd.predict("lr", "inbox/", f"one-{keep}", keep=keep, rejects=f"bad-one-{keep}", chunk=40)
        assert (two.rows, two.rejected) == (one.rows, one.rejected) == (344 + 2 * 244 - 1, 1)
        for name in ("a.csv", "b.csv", "c.parquet"):
            assert Path(f"two-{keep}", name).read_bytes() == Path(f"one-{keep}", name).read_bytes()
        assert Path(f"bad-two-{keep}/a.csv").read_bytes() == Path(f"bad-one-{keep}/a.csv").read_bytes()
    assert len(started) == 2


def test_only_new_and_changed_files_are_predicted(birds: pd.DataFrame) -> None:
    """Names, suffixes and folders stay; the second time nothing is done, the third time only what changed."""
    write("inbox/a.csv", birds[:100])
    write("inbox/2026/09/b.csv.gz", birds[100:120])
    write("inbox/2026/c.parquet", birds[120:])
    first = nd.predict("lr", "inbox/", "scored", methods=["predict_proba"])
    assert first.line == "3 new files"
    assert (first.rows, first.rejected, first.ok) == (344, 0, True)
    alone = nd.predict("lr", "inbox/a.csv", "alone.csv", methods=["predict_proba"])
    assert Path("scored/a.csv").read_bytes() == Path(alone.output).read_bytes()
    assert gzip.decompress(Path("scored/2026/09/b.csv.gz").read_bytes()).count(b"\n") == 21
    assert pl.read_parquet("scored/2026/c.parquet").height == 224

    again = nd.predict("lr", "inbox", "scored/", methods=["predict_proba"])
    assert again.line == "no new files, 3 done before"
    assert again.document()["rows"] == 344

    write("inbox/a.csv", birds[:50])
    write("inbox/d.csv", birds[:1])
    Path("inbox/2026/c.parquet").unlink()
    third = nd.predict("lr", "inbox", "scored", methods=["predict_proba"])
    assert third.line == "1 new file, 1 changed file, 1 done before"
    assert statuses(third) == {"a.csv": "changed", "b.csv.gz": "done before", "d.csv": "new"}
    assert Path("scored/2026/c.parquet").exists()
    assert nd.predict("lr", "inbox", "scored").line == "3 changed files"


def test_rejects_are_set_aside_for_each_file_that_has_some(birds: pd.DataFrame) -> None:
    """Under the output's name; the line says how many and why, and what is mended leaves no rejects behind."""
    spoilt = birds.astype(object)[:20].copy()
    spoilt.loc[3, "body_mass_g"] = spoilt.loc[5, "body_mass_g"] = "heavy"
    write("inbox/good.csv", birds[:10])
    write("inbox/sub/bad.csv", spoilt)
    done = nd.predict("lr", "inbox", "scored", rejects="rejects")
    assert done.line.startswith("2 new files, 2 rows rejected (body_mass_g: 'heavy' is not a float64")
    assert [p.name for p in Path("rejects").rglob("*.*")] == ["bad.csv"]
    assert pl.read_csv("rejects/sub/bad.csv")["line"].to_list() == [5, 7]
    again = nd.predict("lr", "inbox", "scored", rejects="rejects")
    assert (again.line, again.rejected) == ("no new files, 2 done before", 2)
    write("inbox/sub/bad.csv", birds[:20])
    assert nd.predict("lr", "inbox", "scored", rejects="rejects").line == "1 changed file, 1 done before"
    assert not Path("rejects").exists()


def test_one_bad_file_fails_alone(birds: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are predicted, the error is listed, the exit status is 1, and the document says all of it."""
    write("inbox/a.csv", birds[:10])
    Path("inbox/b.parquet").write_bytes(b"PAR1 nothing")
    write("inbox/c.csv", birds[:10].drop(columns="body_mass_g"))
    write("inbox/d.csv", birds[:10])
    Path("inbox/gone.csv").symlink_to("nowhere.csv")
    settle("inbox/b.parquet")
    assert run(["predict", "lr", "inbox/", "--out", "scored/", "--json"]) == 1
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert {Path(f["input"]).name: f["status"] for f in document["files"]} == {
        "a.csv": "new",
        "b.parquet": "failed",
        "c.csv": "failed",
        "d.csv": "new",
    }
    assert "missing columns: body_mass_g" in document["files"][2]["error"]
    assert document.keys() >= {"snapshot", "digest", "input", "output", "rows", "rejected", "seconds", "files"}
    assert (document["rows"], document["snapshot"]) == (20, "lr:1")
    assert "2 new files, 2 failed (b.parquet …)" in told.err
    assert "inbox/c.csv failed: " in told.err
    assert sorted(p.name for p in Path("scored").glob("*.*[!n]")) == ["a.csv", "d.csv"]


def test_files_still_growing_are_left(birds: pd.DataFrame) -> None:
    """One that grows while it is looked at twice is left and named; one just written is waited for and predicted."""
    write("inbox/old.csv", birds[:10])
    write("inbox/fresh.csv", birds[:10])
    write("inbox/slow.csv", birds[:10])
    os.utime("inbox/fresh.csv")
    os.utime("inbox/slow.csv")
    program = "import time\nwhile 1: open('inbox/slow.csv', 'a').write('1,2,3,4,x\\n'); time.sleep(.2)"
    before = Path("inbox/slow.csv").stat().st_size
    more = subprocess.Popen([sys.executable, "-c", program])
    while Path("inbox/slow.csv").stat().st_size == before:
        time.sleep(0.05)
    try:
        done = nd.predict("lr", "inbox", "scored")
    finally:
        more.kill()
        more.wait()
    assert statuses(done) == {"fresh.csv": "new", "old.csv": "new", "slow.csv": "growing"}
    assert done.line == "2 new files, 1 still growing and left (slow.csv)"
    assert "inbox/slow.csv is still growing, and was left" in done.notices[0]
    assert not Path("scored/slow.csv").exists()
    settle("inbox/slow.csv")
    assert nd.predict("lr", "inbox", "scored").line == "1 new file, 2 done before"


def test_a_file_that_disappears_or_grows_midway_fails_or_is_left_alone(birds: pd.DataFrame) -> None:
    """What was listed may be another thing when its turn comes."""
    for name in ("a", "b", "c", "d"):
        write(f"inbox/{name}.csv", birds[:50])

    def meddle(_: Progress) -> None:
        Path("inbox/b.csv").unlink(missing_ok=True)
        Path("inbox/c.csv").write_text("half a li")

    done = nd.predict("lr", "inbox", "scored", progress=meddle)
    assert statuses(done) == {"a.csv": "new", "b.csv": "failed", "c.csv": "growing", "d.csv": "new"}
    assert "no file 'inbox/b.csv'" in done.files[1].error


def test_what_is_no_input_is_passed_over_and_counted(birds: pd.DataFrame) -> None:
    """Hidden files and folders, what is beside outputs, and unknown suffixes; also where outputs are inside."""
    write("inbox/a.csv", birds[:10])
    for name in (".hidden.csv", ".git/x.csv", "~$book.xlsx", "notes.txt", "a.csv.nbdeploy.json", "LICENSE"):
        Path("inbox", name).parent.mkdir(exist_ok=True)
        Path("inbox", name).touch()
    for expected in ("1 new file", "no new files, 1 done before"):
        done = nd.predict("lr", "inbox", "inbox/scored", rejects="inbox/scored/bad")
        assert done.line == (
            f"{expected}; 6 other files passed over (1 .txt, 1 beside outputs, 3 hidden, 1 without suffix)"
        )


def test_patterns_choose_among_files(birds: pd.DataFrame) -> None:
    """One that matches nothing is refused with what is there; an empty folder is nothing to do."""
    write("inbox/a.csv", birds[:10])
    write("inbox/sub/b.csv", birds[:10])
    write("inbox/sub/b.tsv", birds[:10])
    done = nd.predict("lr", "inbox/**/*.csv", "scored", format="parquet")
    assert [file.output for file in done.files] == ["scored/a.parquet", "scored/sub/b.parquet"]
    with pytest.raises(NotFound, match=r"no file like 'inbox/\*\.cvs'; .*inbox/a\.csv"):
        nd.predict("lr", "inbox/*.cvs", "scored")
    with pytest.raises(NotFound, match=r"no folder 'inboxx/'; did you mean inbox/"):
        nd.predict("lr", "inboxx/", "scored")
    Path("empty").mkdir()
    empty = nd.predict("lr", "empty/", "scored")
    assert (empty.line, empty.ok, empty.rows) == ("no files to predict in empty/", True, 0)
    single = nd.predict("lr", "inbox/a.csv", "scored/")
    assert [file.output for file in single.files] == ["scored/a.csv"]


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("inbox", {}, "more than one file: say where their predictions go with --out FOLDER"),
        ("inbox", {"out": "inbox"}, "--out inbox is the folder that is read"),
        ("inbox", {"out": "scored", "rejects": "./scored"}, r"--rejects \./scored is --out too"),
        ("inbox", {"out": "inbox/a.csv"}, "--out inbox/a.csv is a file"),
        ("s3://bucket/in/", {"out": "s3://bucket/in"}, "--out s3://bucket/in is the folder that is read"),
        ("inbox", {"out": "scored", "format": "doc"}, "--format doc is unknown; there are: arrow, csv"),
        (
            "inbox",
            {"out": "scored", "format": "csv"},
            r"a\.csv and inbox/a\.tsv would both be written to scored/a\.csv",
        ),
        ("inbox/*.csv", {"out": "inbox/"}, r"over the input inbox/a\.csv"),
        ("inbox/a**b.csv", {"out": "scored"}, "is no pattern"),
        ("inbox/a.csv", {"out": "b.csv", "format": "csv"}, "--format csv is for folders"),
        ("http://127.0.0.1:9/inbox/", {"out": "scored"}, "a folder on the web cannot be listed"),
    ],
)
def test_what_cannot_go_well_is_refused_before_anything_is_done(
    birds: pd.DataFrame, source: str, options: dict[str, Any], message: str
) -> None:
    """Shared outputs, outputs over inputs, unknown formats."""
    write("inbox/a.csv", birds[:10])
    write("inbox/a.tsv", birds[:10])
    with pytest.raises(WrongUsage, match=message):
        nd.predict("lr", source, **options)
    assert sorted(p.name for p in Path().rglob("*.*")) == ["a.csv", "a.tsv"]


def test_an_interrupt_stops_cleanly_and_resume_goes_on(birds: pd.DataFrame) -> None:
    """It says how many files are done; --resume predicts only the rest, without predicting finished rows again."""
    for name in ("a", "b", "c"):
        write(f"inbox/{name}.csv", birds)

    def stop(step: Progress) -> None:
        if "b.csv" in step.message and step.done > len(birds) + 100:
            raise KeyboardInterrupt

    told = r"1 of 3 files were done, then inbox/b\.csv was begun; stopped after \d+ rows; .*--resume goes on"
    with pytest.raises(KeyboardInterrupt, match=told):
        nd.predict("lr", "inbox", "scored", chunk=50, progress=stop)
    assert [p.name for p in Path("scored").glob("*.csv")] == ["a.csv"]
    assert place_of(Path("scored/b.csv")).exists()
    done = nd.predict("lr", "inbox", "scored", chunk=50, resume=True)
    assert (done.line, list(done.notices)) == ("2 new files, 1 done before", [])
    assert Path("scored/b.csv").read_bytes() == Path("scored/a.csv").read_bytes()
    assert not place_of(Path("scored/b.csv")).exists()


def test_a_file_that_another_job_writes_fails_alone(birds: pd.DataFrame) -> None:
    """Two jobs on one output refuse each other, file by file."""
    write("inbox/a.csv", birds[:10])
    write("inbox/b.csv", birds[:10])
    Path("scored").mkdir()
    journal = Journal(place_of(Path("scored/a.csv")), "scored/a.csv")
    journal.begin(Head.here({}, 10))
    done = nd.predict("lr", "inbox", "scored")
    journal.close(keep=False)
    assert statuses(done) == {"a.csv": "failed", "b.csv": "new"}
    assert f"process {os.getpid()}" in done.files[0].error


def test_progress_counts_rows_over_all_files(birds: pd.DataFrame) -> None:
    """Each step names its file, and the share of all bytes that is done."""
    for name in ("a", "b"):
        write(f"inbox/{name}.csv", birds[:300])
    seen: list[Progress] = []
    nd.predict("lr", "inbox", "scored", chunk=100, progress=seen.append)
    assert [step.done for step in seen] == sorted(step.done for step in seen)
    assert seen[-1].done == 600
    assert (seen[-1].message, seen[-1].share) == ("b.csv (2 of 2 files)", 1.0)
    assert max(step.share or 0 for step in seen if "a.csv" in step.message) == pytest.approx(0.5, abs=0.01)


def test_every_output_of_a_folder_is_checked(birds: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    """One that was changed or lost is named, and the exit status is 3."""
    for name in ("a", "b", "sub/c"):
        write(f"inbox/{name}.csv", birds[:20])
    nd.predict("lr", "inbox", "scored")
    proven = nd.check_predictions("scored")
    assert (proven.ok, proven.rows, len(proven.files)) == (True, 60, 3)
    assert proven.line.startswith("3 outputs in scored proven")
    Path("scored/a.csv").write_text("forged")
    Path("scored/sub/c.csv").unlink()
    assert run(["predict", "--check", "scored"]) == 3
    assert "2 of 3 outputs in scored not proven: scored/a.csv is not proven" in capsys.readouterr().err
    with pytest.raises(NotFound, match="no provenance in 'inbox/'"):
        nd.check_predictions("inbox")


def test_the_card_shows_a_table_of_files(birds: pd.DataFrame) -> None:
    """Failed files first, then the others; why rows were rejected."""
    spoilt = birds.astype(object)[:20].copy()
    spoilt.loc[3, "body_mass_g"] = "heavy"
    write("inbox/a.csv", spoilt)
    write("inbox/b.csv", birds[:5].drop(columns="body_mass_g"))
    card = nd.predict("lr", "inbox", "scored", rejects="rejects").card()
    assert card.table is not None
    assert [row[:3] for row in card.table.rows] == [("inbox/b.csv", "0", "0"), ("inbox/a.csv", "19", "1")]
    assert "missing columns" in card.table.rows[0][3]
    assert "'heavy' is not a float64" in card.text()
    assert "inbox/b.csv" in card.html()


def test_a_folder_of_an_object_store(birds: pd.DataFrame, s3: str) -> None:
    """Predicted to this machine or beside itself: new objects only; one that is written again has changed."""
    spoilt = birds[10:30].astype(object)
    spoilt.iloc[2, 3] = "x"
    for name, rows in (("a", birds[:10]), ("sub/b", spoilt)):
        with open_sink(f"{s3}/inbox/{name}.csv") as sink:
            sink.write(pl.from_pandas(rows.astype(str)))
    for out, bad in (("scored", "bad"), (f"{s3}/inbox/scored", f"{s3}/inbox/bad")):
        first = nd.predict("lr", f"{s3}/inbox/", f"{out}/", rejects=bad)
        assert first.line.startswith("2 new files, 1 row rejected (body_mass_g: 'x' is not a float64)")
        assert pl.concat([*frames(open_source(f"{out}/sub/b.csv"), 99)]).height == 19
        assert pl.concat([*frames(open_source(f"{bad}/sub/b.csv"), 99)])["line"].to_list() == ["4"]
        with pytest.raises(NotFound):
            open_source(f"{bad}/a.csv").columns()
        again = nd.predict("lr", f"{s3}/inbox/**/*.csv", out, rejects=bad)
        assert (again.line, again.rejected) == ("no new files, 2 done before", 1)
        checked = nd.check_predictions(f"{out}/")
        assert (checked.ok, checked.rows, len(checked.files)) == (True, 29, 2)
    with open_sink(f"{s3}/inbox/a.csv") as sink:
        sink.write(pl.from_pandas(birds[:11]))
    third = nd.predict("lr", f"{s3}/inbox/", f"{s3}/inbox/scored/", rejects=f"{s3}/inbox/bad/")
    assert statuses(third) == {"a.csv": "changed", "b.csv": "done before"}
