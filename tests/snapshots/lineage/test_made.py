"""Data that something in the notebook made of another table is warned of, with the option to add; raw data is not."""

from __future__ import annotations

from typing import Any

import pytest

from nbdeploy.snapshots.lineage import made_elsewhere, past
from tests.snapshots.lineage.notebooks import Notebook

START = """
import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
df = pd.DataFrame({"a": [float(n % 13) for n in range(60)], "b": [n * 2.0 for n in range(60)], "y": [0, 1] * 30})
df.loc[3, "a"] = np.nan
features = ["a", "b"]
X = df[features].fillna(0.0)
plans = pd.DataFrame({"plan": ["gold", "basic", "gold"] * 20, "age": range(60)})
scaler = StandardScaler().fit(X)
imputer = SimpleImputer().set_output(transform='pandas').fit(df[features])
def add_ratio(rows):
    print("adding")
    return rows.assign(ratio=rows["a"] / (rows["b"] + 1))
"""

MADE = {
    "by a transformer": ("Z = scaler.transform(X)", "--preprocess scaler -X X"),
    "as a frame again": ("Z = pd.DataFrame(scaler.transform(X), columns=features)", "--preprocess scaler -X X"),
    "by fitting at once": ("Z = scaler.fit_transform(X)", "--preprocess scaler -X X"),
    "by a function": ("Z = add_ratio(X)", "--preprocess add_ratio -X X"),
    "by two in turn": (
        "filled = imputer.transform(df[features])\nZ = scaler.transform(filled)",
        "--preprocess imputer --preprocess scaler -X df[features]",
    ),
    "and then split": (
        "S = scaler.transform(X)\nZ, rest = train_test_split(S, random_state=0)",
        "--preprocess scaler -X X",
    ),
    "and then selected": ("S = add_ratio(X)\nZ = S[S['a'] > 3]", "--preprocess add_ratio -X X"),
    "after a split": (
        "train, rest = train_test_split(X, random_state=0)\nZ = scaler.transform(train)",
        "--preprocess scaler -X train",
    ),
    "in place of a selection": (
        "Z = df[features].fillna(0.0)\nZ = Z[features]\nZ = scaler.fit_transform(Z)",
        "keep the rows as they were, say as raw, and add: --preprocess scaler -X raw",
    ),
    "in place of what can be selected again": (
        "Z = df[['b']]\none = StandardScaler()\nZ = one.fit_transform(Z)",
        "--preprocess one -X df[['b']]",
    ),
    "in place of columns": (
        "Z = df[features].copy()\nZ[features] = scaler.fit_transform(Z[features])",
        "put scaler into a pipeline with the model",
    ),
    "by a function of a library": ("Z = pd.get_dummies(plans)", "OneHotEncoder"),
    "by a member": ("tools = {'s': scaler}\nZ = tools['s'].transform(X)", "--preprocess tools['s'] -X X"),
}


def _warned(notebook: Notebook, cell: str) -> list[str]:
    notebook.run(start=START, made=cell)
    found: list[str] = notebook.ask(lambda data: made_elsewhere(data, past()), "Z")
    return found


@pytest.mark.parametrize("how", MADE)
def test_made_data_is_warned_of_with_the_option_to_add(notebook: Notebook, how: str) -> None:
    cell, option = MADE[how]
    (said,) = _warned(notebook, cell)
    assert option in said
    assert "callers will have to send" in said


RAW = {
    "a frame": "Z = df",
    "a selection": "Z = df[features]",
    "rows of it": "Z = X.iloc[:30]",
    "a split": "Z, rest = train_test_split(X, random_state=0)",
    "cleaned by methods": "Z = X.dropna().reset_index(drop=True)",
    "columns of its own": "Z = X.assign(c=1.0)",
    "beside something scaled": "S = scaler.transform(X)\nZ = X.copy()",
    "by a transformer without effect": (
        "from sklearn.preprocessing import FunctionTransformer\n"
        "nothing = FunctionTransformer().fit(X)\nZ = nothing.transform(X)"
    ),
    "by a function that answers otherwise each time": "noisy = lambda rows: rows + np.random.rand()\nZ = noisy(X)",
    "read by a function of its own": "def read(path):\n    return df[features]\nZ = read(str(len(df)))",
    "by a scaler that was fitted anew since": "Z = scaler.transform(X)\nscaler.fit(X * 3)",
}


@pytest.mark.parametrize("how", RAW)
def test_raw_data_is_not_warned_of(notebook: Notebook, how: str) -> None:
    assert _warned(notebook, RAW[how]) == []


def test_columns_of_a_table_that_was_changed_in_place_are_known(notebook: Notebook) -> None:
    """A selection is no variable, and still has the rows of one."""
    notebook.run(start=START, made="Z = df.copy()\nZ[features] = scaler.fit_transform(Z[features])")
    (said,) = notebook.ask(lambda data: made_elsewhere(data, past()), "Z[features]")
    assert "columns of Z were changed by scaler" in said
    assert notebook.ask(lambda data: made_elsewhere(data, past()), "df[features]") == []


def test_functions_are_tried_without_a_trace(notebook: Notebook, capsys: Any) -> None:
    """On a copy of a few rows, and what they print is not seen."""
    notebook.run(start=START, made="Z = add_ratio(X)\nbefore = X.copy()")
    capsys.readouterr()
    assert notebook.ask(lambda data: made_elsewhere(data, past()), "Z")
    assert capsys.readouterr().out == ""
    notebook.run(check="assert before.equals(X)")


def test_without_a_history_the_variables_are_tried(script: Any) -> None:
    """A script has none: every fitted transformer is tried on every table of as many rows."""
    answer = script(
        START.replace("'", '"')
        + """
from nbdeploy.snapshots.lineage import made_elsewhere
filled = imputer.transform(df[features])
scaled = StandardScaler().fit(filled)
both = scaled.transform(filled)
raw = df[features]
answer = [made_elsewhere(both, None), made_elsewhere(X, None), made_elsewhere(raw, None)]
"""
    )
    ((said,), *others) = answer
    assert "to send raw instead add: --preprocess imputer --preprocess scaled -X raw" in said
    assert others == [[], []]
