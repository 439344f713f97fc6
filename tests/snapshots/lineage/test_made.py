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
    "by a function of a library, and then a selection": (
        "D = pd.get_dummies(plans, columns=['plan'])\nZ = D.drop(columns='age')",
        "OneHotEncoder",
    ),
    "and then a method that selects": ("S = add_ratio(X)\nZ = S.head(30)", "--preprocess add_ratio -X X"),
    "by a function of NumPy": ("Z = np.log1p(X)", "--preprocess np.log1p -X X"),
    "by a function with arguments": (
        "def scaled(rows, factor):\n    return rows * factor\nZ = scaled(X, factor=3)",
        "--preprocess step -X X (with step = lambda rows: scaled(rows, factor=3))",
    ),
    "by a function in a pipe": ("Z = X.pipe(add_ratio)", "--preprocess add_ratio -X X"),
    "by a transformer in a pipe": ("Z = X.pipe(scaler.transform)", "--preprocess scaler -X X"),
    "by a transformer without a name": (
        "Z = StandardScaler().fit_transform(X)",
        "fit it by a name, say step = StandardScaler(), and add: --preprocess step -X X",
    ),
    "by fitting and transforming in turn": (
        "one = StandardScaler()\nZ = one.fit(X).transform(X)",
        "--preprocess one -X X",
    ),
    "in a loop over columns": (
        "Z = X.copy()\nfor name in features:\n    Z[name] = StandardScaler().fit_transform(Z[[name]])",
        "the columns a, b of Z were made by StandardScaler()",
    ),
    "beside what is raw": (
        "S = pd.DataFrame(scaler.transform(X), columns=features)\nZ = pd.concat([S, df[['y']]], axis=1)",
        "the columns a, b of Z were made by scaler in",
    ),
    "of Polars": (
        "import polars as pl\nP = pl.from_pandas(X)\nZ = pl.DataFrame(scaler.fit(P).transform(P), schema=features)",
        "--preprocess scaler -X P",
    ),
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


SELECTIONS = {
    "columns changed in place": (
        "Z = df.copy()\nZ[features] = scaler.fit_transform(Z[features])",
        "Z[features]",
        "a, b",
    ),
    "some of them": ("Z = df.copy()\nZ[features] = scaler.fit_transform(Z[features])", "Z[['b', 'y']]", "a, b"),
    "all columns of what was made": (
        "S = pd.DataFrame(scaler.transform(X), columns=features)",
        "S[features]",
        "--preprocess scaler -X X",
    ),
    "some columns of what was made": (
        "S = pd.DataFrame(scaler.transform(X), columns=features)",
        "S[['b']]",
        "columns of S, which was made from X by scaler",
    ),
    "of Polars": (
        "import polars as pl\nP = pl.from_pandas(X)\nS = pl.DataFrame(scaler.fit(P).transform(P), schema=features)",
        "S.select('a', 'b')",
        "made from P by scaler",
    ),
}


@pytest.mark.parametrize("how", SELECTIONS)
def test_a_selection_of_what_was_made_is_known(notebook: Notebook, how: str) -> None:
    """It is no variable, and still has the rows of one."""
    cell, data, said = SELECTIONS[how]
    notebook.run(start=START, made=cell)
    (told,) = notebook.ask(lambda data: made_elsewhere(data, past()), data)
    assert said in told


UNTOUCHED = {
    "other columns changed in place": ("Z = df.copy()\nZ[['b']] = scaler.fit_transform(Z[['b']])", "Z[['a', 'y']]"),
    "other columns, of a variable": (
        "D = df.copy()\nD['b'] = scaler.fit_transform(D[['b']])\nZ = D[['a', 'y']]",
        "Z",
    ),
    "other columns in a loop": (
        "Z = df.copy()\nfor name in ['b']:\n    Z[name] = scaler.fit_transform(Z[[name]])",
        "Z[['a', 'y']]",
    ),
    "columns that a function left alone": ("S = add_ratio(X)", "S[features]"),
    "the columns of a raw table beside it": ("S = scaler.transform(X)", "df[features]"),
}


@pytest.mark.parametrize("how", UNTOUCHED)
def test_columns_that_nothing_made_are_not_warned_of(notebook: Notebook, how: str) -> None:
    cell, data = UNTOUCHED[how]
    notebook.run(start=START, made=cell)
    assert notebook.ask(lambda data: made_elsewhere(data, past()), data) == []


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
