"""Text that a spreadsheet would run is made plain where that is asked for, and only there."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd

import nbdeploy as nd
from tests.models import NUMBERS, penguins


def test_an_output_for_spreadsheets(stock: Path) -> None:
    """Cells, column names and rejects; numbers stay numbers, and without the option nothing changes."""
    frame = penguins()[0][NUMBERS].fillna(0.0).head(4).astype(object)
    frame["=note"] = ["=cmd|' /C calc'!A0", "-5", "@x", "plain"]
    frame.loc[2, "body_mass_g"] = "heavy"
    frame.to_csv("in.csv", index=False)
    nd.predict("lr", "in.csv", "out.csv", rejects="bad.csv", safe_csv=True)
    rows = list(csv.reader(Path("out.csv").read_text().splitlines()))
    assert [row[0] for row in rows] == ["'=note", "'=cmd|' /C calc'!A0", "-5", "plain"]
    assert "'@x" in Path("bad.csv").read_text()
    nd.predict("lr", "in.csv", "plain.csv", rejects="bad.csv")
    assert Path("plain.csv").read_text().startswith("=note")
    numbers = pd.read_csv("in.csv").drop(2).astype({"body_mass_g": float}).reset_index(drop=True)
    nd.predict("lr", numbers, "table.csv", safe_csv=True)
    assert Path("table.csv").read_text().startswith("'=note,prediction\n'=cmd")
