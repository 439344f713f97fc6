"""The demo tells the truth: it does the whole trip, keeps what it made, and stops what it started."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd

from nbdeploy.serving import background


def test_the_whole_trip(tmp_path: Path) -> None:
    """One command: trained, proven, predicted in six ways that agree, stopped, and kept in ``--out``."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "nbdeploy", "demo", "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["snapshot"], summary["rows"]) == ("species:1", 344)
    assert len(summary["ways"]) == 6
    assert all(summary["ways"].values())
    assert summary["runs"] == ["succeeded"] * 3
    assert len(pd.read_csv(out / "predictions.csv")) == 344
    assert sorted(path.name for path in (out / "islands").glob("*.ipynb")) == [
        "Biscoe.ipynb",
        "Dream.ipynb",
        "Torgersen.ipynb",
    ]
    assert "outputs" in (out / "penguins.ipynb").read_text()
    assert background.running(out / "home" / "endpoint") is None


def test_a_failing_step_fails_the_demo(tmp_path: Path) -> None:
    """The exit status tells the truth, nothing of the user's is touched, and nothing is left running."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("mine")
    command = [sys.executable, "-m", "nbdeploy", "demo", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not an empty folder" in done.stderr
    assert [path.name for path in out.iterdir()] == ["mine"]
