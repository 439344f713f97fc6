"""Trees by Treelite have the bits of the libraries that grew them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.compilers.twins import AMOUNT, BINARY, NUMBERS, RANDOM, ROWS, THREE, fitted, hold, twins_of

GAPS = NUMBERS.mask(np.random.default_rng(3).random(NUMBERS.shape) < 0.2)
BOTH = np.stack([BINARY, THREE], axis=1)


@pytest.mark.parametrize(
    ("model", "data", "target"),
    [
        (DecisionTreeClassifier(), NUMBERS, THREE),
        (DecisionTreeRegressor(), NUMBERS, AMOUNT),
        (ExtraTreesClassifier(8), NUMBERS, BINARY),
        (RandomForestClassifier(8), NUMBERS, THREE),
        (RandomForestClassifier(8), GAPS, BINARY),
        (RandomForestClassifier(5), NUMBERS, BOTH),
        (RandomForestClassifier(8), NUMBERS.to_numpy().astype(np.float32), THREE),
        (RandomForestRegressor(8), NUMBERS, AMOUNT),
        (RandomForestRegressor(5), NUMBERS, np.stack([AMOUNT, AMOUNT**2], axis=1)),
        (GradientBoostingClassifier(n_estimators=8), NUMBERS, BINARY),
        (GradientBoostingClassifier(n_estimators=8), NUMBERS, THREE),
        (GradientBoostingRegressor(n_estimators=8), NUMBERS, AMOUNT),
        (GradientBoostingRegressor(n_estimators=8, init="zero"), NUMBERS, AMOUNT),
        (HistGradientBoostingClassifier(max_iter=8), GAPS, BINARY),
        (HistGradientBoostingClassifier(max_iter=8), NUMBERS, THREE),
        (HistGradientBoostingRegressor(max_iter=8), GAPS, AMOUNT),
        (HistGradientBoostingRegressor(max_iter=8, loss="poisson"), NUMBERS, AMOUNT**2),
        (IsolationForest(n_estimators=10, max_features=0.7), NUMBERS, None),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_every_bit_of_every_method_is_the_same(model: Any, data: Any, target: Any) -> None:
    """On ordinary, random, missing and extreme rows, and on both sides of every threshold that a search finds."""
    held = hold(fitted(model, data, target), data)
    proof = held.proven()
    assert held.compiler == "treelite"
    assert proof.exact
    assert proof.max_difference == 0.0
    assert set(held.twin.methods) == set(held.signature.outputs)
    assert set(proof.tried) == {"sample", "edges", "random", "extremes", "borders"}


@pytest.mark.parametrize(("kind", "target"), [("binary", BINARY), ("three", THREE), ("amount", AMOUNT)])
def test_xgboost_is_summed_in_its_own_order_and_type(kind: str, target: Any) -> None:
    """float32 from the first guess on: any other order changes last bits."""
    import xgboost

    codes = target if kind == "amount" else pd.Series(target).astype("category").cat.codes
    model = (xgboost.XGBRegressor if kind == "amount" else xgboost.XGBClassifier)(n_estimators=9, n_jobs=1)
    held = hold(model.fit(GAPS, codes), GAPS, "xgboost")
    assert held.proven().exact


def test_xgboost_that_stopped_early_answers_by_its_best_trees() -> None:
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=60, early_stopping_rounds=2, learning_rate=1.0, n_jobs=1)
    model.fit(NUMBERS[:100], AMOUNT[:100], eval_set=[(NUMBERS[100:], AMOUNT[100:])], verbose=False)
    assert model.best_iteration < 50
    assert hold(model, NUMBERS, "xgboost").proven().exact


@pytest.mark.parametrize(("kind", "target"), [("binary", BINARY), ("three", THREE), ("amount", AMOUNT)])
def test_lightgbm_is_summed_in_its_own_order(kind: str, target: Any) -> None:
    import lightgbm

    model = (lightgbm.LGBMRegressor if kind == "amount" else lightgbm.LGBMClassifier)(
        n_estimators=9, verbose=-1, n_jobs=1
    )
    held = hold(model.fit(GAPS, target), GAPS, "lightgbm")
    assert held.proven().exact


def test_trees_with_categories_of_their_own_stay_native() -> None:
    data = pd.DataFrame({"k": pd.Categorical(RANDOM.choice(["u", "v"], ROWS)), "x": NUMBERS.a})
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features=[0]).fit(data, BINARY)
    found, _ = twins_of(model, data)
    assert "categorical" in str(found["treelite"])
    assert "'k'" in str(found["treelite"]) or "categorical columns" in str(found["treelite"])
