"""Which models and rows the panel finds in a namespace."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbdeploy.lab.inspection import find, fitted_models, variables_with_rows

X = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
Y = pd.Series([0, 0, 1, 1], name="y")


class Rule:
    """A model of the user's own."""

    def predict(self, X: Any) -> Any:
        return X


class Trap:
    """An object whose attributes are not to be touched."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


def names(namespace: dict[str, Any]) -> list[str]:
    return [model.name for model in fitted_models(namespace)]


def test_only_fitted_models_are_found() -> None:
    """An estimator that has not seen data is no model yet."""
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    assert names({"raw": LogisticRegression(), "pipe": fitted, "LogisticRegression": LogisticRegression}) == ["pipe"]


def test_what_predicts_comes_before_what_transforms_and_the_newest_first() -> None:
    """The likeliest model is on top."""
    first, second = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y)
    assert names({"first": first, "second": second, "scaler": StandardScaler().fit(X)}) == ["second", "first", "scaler"]


def test_a_finished_search_stands_for_its_best_estimator() -> None:
    """What is deployed is the winner, not the contest."""
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(X, Y)
    assert names({"search": search, "best": search.best_estimator_}) == ["best"]
    assert names({"search": search}) == ["search.best_estimator_"]


def test_a_class_of_the_users_own_counts() -> None:
    """Anything with predict can be snapshotted."""
    assert names({"rule": Rule(), "Rule": Rule, "_hidden": Rule()}) == ["rule"]


def test_strange_objects_do_no_harm() -> None:
    """Looking never breaks on what a user keeps in a variable."""
    strange = {
        "trap": Trap(),
        "ns": SimpleNamespace(predict=1),
        "module": np,
        "empty": pd.DataFrame(),
        "x": np.array(1),
    }
    assert find(strange) == {"models": [], "data": []}


def test_rows_are_frames_series_and_arrays_of_any_library() -> None:
    """Whatever a model takes can be chosen."""
    found = variables_with_rows({"a": X, "b": Y, "c": pl.DataFrame({"k": [1]}), "d": X.to_numpy(), "e": [1], "f": "x"})
    assert [(rows.name, rows.shape) for rows in found] == [("d", (4, 2)), ("c", (1, 1)), ("b", (4,)), ("a", (4, 2))]


def test_the_rows_guessed_are_those_the_model_was_fitted_on() -> None:
    """By names of columns first, then by the variable's name; the answers lie beside."""
    model = LogisticRegression().fit(X, Y)
    other = X.rename(columns={"a": "z"})
    namespace = {"X_train": X, "y_train": Y, "X_all": X, "other": other, "churn": model}
    [offer] = find(namespace)["models"]
    assert (offer["data"], offer["labels"], offer["suggestion"]) == ("X_train", "y_train", "churn")


def test_a_model_fitted_on_an_array_is_matched_by_its_width() -> None:
    """Arrays have no names to compare."""
    model = LogisticRegression().fit(X.to_numpy(), Y)
    namespace = {"wide": np.zeros((4, 3)), "A": np.zeros((4, 2)), "flat": np.zeros(4), "model": model}
    [offer] = find(namespace, frozenset({"model"}))["models"]
    assert (offer["data"], offer["labels"], offer["suggestion"]) == ("A", "", "")


def test_no_rows_are_guessed_where_none_fit() -> None:
    """A wrong guess would be worse than a question."""
    [offer] = find({"rule": Rule(), "frame": X})["models"]
    assert offer["data"] == ""
