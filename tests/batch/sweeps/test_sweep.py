"""A sweep of real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.commands import shell
from nbdeploy.errors import InvalidData, WrongUsage
from nbdeploy.types import Progress

TRAIN = """import nbdeploy as nd
from pathlib import Path
if depth == 3 and not Path('mended').exists():
    raise ValueError('too deep')
nd.output(metrics={'auc': depth / 10 + bonus})
"""


@pytest.fixture
def train(notebook: Any, tmp_path: Path) -> Path:
    path: Path = notebook(tmp_path / "project" / "train.ipynb", TRAIN, parameters="depth: int = 1\nbonus = 0.0")
    return path


def test_a_sweep_that_goes_on(train: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What failed is shown as such and run again when the sweep goes on; what succeeded is not repeated."""
    assert shell.run(["sweep", str(train), "--grid", "depth=1,3", "-p", "bonus", "0.5", "--jobs", "2", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["pick"], first["best"]["metrics"]) == ("max:auc", {"auc": 0.6})
    assert [each["values"] for each in first["combinations"]] == [{"depth": 1}, {"depth": 3}]
    assert first["combinations"][1]["run"]["error"]["message"] == "too deep"
    (train.parent / "mended").touch()
    steps: list[Progress] = []
    found = nd.sweep(resume=first["id"][-4:], pick="max:auc", progress=steps.append)
    assert [each.values["depth"] for each in found.combinations] == [3, 1]
    assert found.best.metrics == {"auc": 0.8}
    assert found.table["auc"].to_list() == [0.8, 0.6]
    assert found.combinations[1].run is not None
    assert found.combinations[1].run.id == first["best"]["id"]
    assert len(nd.runs()) == 3
    assert (steps[-1].done, steps[-1].total, steps[-1].message) == (2, 2, "0 running; best auc 0.8")


def test_interrupted(train: Path) -> None:
    """An interrupt stops all that has not ended, and says how to go on."""

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="of 2 runs was stopped; next: nbdeploy sweep --resume"):
        nd.sweep(train, {"depth": [1, 2]}, jobs=1, progress=interrupt)
    assert [run.status for run in nd.runs()] == ["stopped", "stopped"]


def test_refused_before_anything_runs(train: Path) -> None:
    """Every combination is checked first."""
    with pytest.raises(
        InvalidData, match=r"'depth' is declared as `depth: int = 1` in cell 1 of train\.ipynb and cannot be 'deep'"
    ):
        nd.sweep(train, ["depth=1,deep"])
    with pytest.raises(WrongUsage, match="did you mean depth"):
        nd.sweep(train, ["dept=1,2"])
    with pytest.raises(WrongUsage, match="depth would be both fixed and in the grid"):
        nd.sweep(train, ["depth=1,2"], {"depth": 1})
    with pytest.raises(WrongUsage, match="write max:METRIC or min:METRIC"):
        nd.sweep(train, ["depth=1,2"], pick="auc")
    with pytest.raises(WrongUsage, match="0 jobs at once run nothing"):
        nd.sweep(train, ["depth=1,2"], jobs=0)
    with pytest.raises(WrongUsage, match="give --resume alone"):
        nd.sweep(train, ["depth=1"], resume="x")
    assert len(nd.runs()) == 0
