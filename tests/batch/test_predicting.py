"""A prediction as a notebook: written, run, and left to its user."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.batch import Prediction, parameters_of
from nbdeploy.commands.shell import run as shell_line
from nbdeploy.errors import Conflict, NotFound, WrongUsage
from nbdeploy.notebooks import Notebook
from tests.models import NUMBERS, penguins

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def birds(bad: int = 0) -> pd.DataFrame:
    """Rows with an id, the first of them such that no model takes them."""
    rows = penguins()[0][NUMBERS].fillna(0.0).astype({NUMBERS[0]: object})
    rows.iloc[:bad, 0] = "long"
    return rows.assign(ring=range(len(rows)))


def cells(path: Path) -> list[str]:
    """The code of a notebook."""
    return [cell["source"] for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def execute(shell: InteractiveShell, path: Path) -> Any:
    """Run a notebook's cells until one fails; what it failed with."""
    for source in cells(path):
        if (failed := shell.run_cell(source).error_in_exec) is not None:
            return failed
    return None


def test_a_prediction_is_a_run_that_shows_and_publishes(stock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --out its predictions are the run's own; rows that fail are told by reason, and set aside."""
    birds(bad=3).to_csv("birds.csv", index=False)
    assert shell_line(["run", "--predict", "lr", "birds.csv", "report.ipynb", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["metrics"] == {"rows": len(birds()) - 3, "rejected": 3}
    assert len(pd.read_csv(told["outputs"]["predictions"])) == len(birds()) - 3
    assert pd.read_csv(told["outputs"]["rejects"])["ring"].tolist() == [0, 1, 2]
    shown = Path("report.ipynb").read_text()
    assert "frequencies of prediction in training" in shown
    assert "'long' is not" in shown
    kept = Path(told["notebook"])
    assert kept.is_relative_to(stock)
    assert Notebook.read(kept).content == next((stock / "runs").glob("*/submitted/*.ipynb")).read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["birds.csv", "report.ipynb"]


def test_the_notebook_is_its_users_to_edit_and_schedule(stock: Path, shell: InteractiveShell) -> None:
    """It predicts a folder's new files, says what they are like, and fails if one does."""
    Path("inbox").mkdir()
    birds().to_csv("inbox/a.csv", index=False)
    written = nd.write_prediction("weekly.ipynb", ("lr", "inbox/"), "scored/")
    assert {item.name: item.default for item in parameters_of(written.path)} == {
        "ref": "lr",
        "input": f"{Path.cwd()}/inbox/",
        "output": f"{Path.cwd()}/scored/",
        "rejects": f"{Path.cwd()}/scored-rejects/",
    }
    with pytest.raises(Conflict, match="already"):
        nd.write_prediction("weekly.ipynb", ("lr", "inbox/"), "scored/")
    assert len(nd.schedule_add("weekly", written.path, cron="0 6 * * 1").document()["next"]) == 10
    assert execute(shell, written.path) is None
    assert "predictions of new files" in shell.user_ns["done"]._repr_html_()
    assert len(pd.read_csv("scored/a.csv")) == len(birds())
    Path("inbox/b.csv").write_text("ring\n1\n")
    assert "1 done before, 1 failed" in str(execute(shell, written.path))


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(lambda t: t != "-"),
    st.text(st.characters(exclude_characters="\0"), min_size=1).filter(lambda t: t != "-"),
)
def test_no_path_is_code(source: str, out: str) -> None:
    """Whatever is in a path, its parameter is that text and its cell assigns four of them."""
    book = json.loads(Prediction("lr", "lr@champion", source, out).content)
    tree = ast.parse("".join(book["cells"][1]["source"]))
    values = {line.target.id: ast.literal_eval(line.value) for line in tree.body}  # type: ignore[attr-defined]
    assert (values["ref"], values["input"], values["output"]) == ("lr@champion", source, out)
    assert list(values) == ["ref", "input", "output", "rejects"]


@pytest.mark.parametrize(
    ("out", "rejects"),
    [
        ("/a/scores.csv", "/a/scores-rejects.csv"),
        ("/a.b/scores.2013.csv.gz", "/a.b/scores.2013-rejects.csv.gz"),
        ("/a/scored/", "/a/scored-rejects/"),
        ("s3://bucket/v1.2/scored/", "s3://bucket/v1.2/scored-rejects/"),
        ("/a/scored", "/a/scored-rejects"),
    ],
)
def test_rejects_go_beside_the_output(out: str, rejects: str) -> None:
    """In its format, if it is a file."""
    book = json.loads(Prediction("lr", "lr", "/in.csv", out).content)
    assert f'rejects: str = "{rejects}"' in "".join(book["cells"][1]["source"])


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"predict": ("rl", "birds.csv")}, NotFound, "no snapshot 'rl'; did you mean lr"),
        ({"predict": ("lr", "brids.csv")}, NotFound, "did you mean .*birds.csv"),
        ({"predict": ("lr", "-")}, WrongUsage, "no pipes"),
        ({"predict": ("lr", "birds.csv"), "notebook": "a.ipynb"}, WrongUsage, "not both"),
        ({"notebook": "a.ipynb", "out": "x.csv"}, WrongUsage, "--out x.csv is for predictions"),
        ({}, WrongUsage, "nothing to run"),
    ],
)
def test_what_cannot_be_predicted_is_refused_before_anything_runs(
    stock: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Naming what was meant."""
    birds().to_csv("birds.csv", index=False)
    with pytest.raises(error, match=message):
        nd.run(**given)
    assert not (stock / "runs").exists()
    with pytest.raises(WrongUsage, match=r"end with \.ipynb"):
        nd.write_prediction("weekly.py", ("lr", "birds.csv"))
    assert shell_line(["run", "--predict", "lr", "birds.csv", "--write-only"]) == 2
