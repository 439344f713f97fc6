"""Predictions in a pipe: standard output holds them, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import nbdeploy as nd
from nbdeploy.commands.shell import run
from tests.models import NUMBERS, penguins


def test_standard_output_holds_predictions_alone(stock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a file would; what happened is told on standard error. A document cannot go there too."""
    penguins()[0][NUMBERS].fillna(0.0).to_csv("in.csv", index=False)
    nd.predict("lr", "in.csv", "out.csv")
    words = [sys.executable, "-m", "nbdeploy", "predict", "lr", "-", "--out", "-"]
    with Path("in.csv").open("rb") as rows:
        done = subprocess.run(words, stdin=rows, capture_output=True, check=True)
    assert done.stdout == Path("out.csv").read_bytes()
    assert b"344 rows predicted by lr:1" in done.stderr
    assert run(["predict", "lr", "in.csv", "--out", "-", "--json"]) == 2
    assert "--json prints its document to standard output" in capsys.readouterr().err
