"""Text that a spreadsheet would run is made plain where that is asked for, and only there."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.errors import WrongUsage
from nbdeploy.offline.safety import safe
from tests.models import NUMBERS, penguins


@given(st.lists(st.text(st.sampled_from("=+-@\t\r1.5eE a'"), max_size=6)))
def test_no_formula_is_left_and_no_number_is_touched(texts: list[str]) -> None:
    """What begins like a formula and is no number gets an apostrophe; all else stays."""
    for before, after in zip(texts, safe(pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)}))["x"], strict=True):
        try:
            number = before.strip("\t\r ") == before and bool(before) and float(before) is not None
        except ValueError:
            number = False
        formula = before[:1] in {*"=+-@\t\r"} and not number
        assert after == (f"'{before}" if formula else before)


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
    with pytest.raises(WrongUsage, match=r"--safe-csv is for CSV, TSV and Excel"):
        nd.predict("lr", "in.csv", "out.parquet", safe_csv=True)
