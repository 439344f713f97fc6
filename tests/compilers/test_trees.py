"""Trees by Treelite have the bits of the libraries that grew them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
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

from nbdeploy.compilers.clibrary import exp_single
from nbdeploy.compilers.samples import random_rows
from tests.compilers.twins import AMOUNT, BINARY, NUMBERS, ROWS, THREE, fitted, hold, twins_of

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
        (GradientBoostingClassifier(n_estimators=8, loss="exponential"), NUMBERS, BINARY),
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


CODES = pd.Series(THREE).astype("category").cat.codes
SHARE = 1 / (1 + np.exp(-AMOUNT))
RANKS = {"qid": np.repeat(np.arange(ROWS // 10), 10)}
CATEGORIES = GAPS.assign(k=pd.Categorical(np.random.default_rng(4).choice(["u", "v", "w", "x", "y", "z"], ROWS)))
TARGETS = {
    "binary": CODES > 0, "cross": SHARE, "gamma": np.abs(AMOUNT) + 0.1, "logistic": SHARE, "multi": CODES,
    "poisson": np.abs(AMOUNT), "rank": CODES, "cox": np.abs(AMOUNT) + 0.1, "tweedie": np.abs(AMOUNT),
}  # fmt: skip


def target_of(objective: str) -> Any:
    return next((target for name, target in TARGETS.items() if name in objective), AMOUNT)


def assert_exact(model: Any, data: Any, flavor: str) -> None:
    """On the sample, on rows drawn at random, with NaN where it may be, and on a few rows alone."""
    held = hold(model, data, flavor)
    rows = pl.concat([held.rows, random_rows(held.rows, held.signature, 400, np.random.default_rng(5))])
    for method in held.twin.methods:
        expected = held.native(rows, method)
        answer, doubt = held.twin.many(method, rows)
        assert doubt is None
        assert answer.dtype == expected.dtype
        assert np.array_equal(answer, expected)
        assert all(np.array_equal(held.twin.one(method, rows.row(i))[0], expected[i]) for i in range(0, 500, 100))


@pytest.mark.parametrize(
    ("objective", "how"),
    [
        ("binary:logistic", {}),
        ("binary:logitraw", {"base_score": 0.3}),
        ("binary:hinge", {}),
        ("multi:softprob", {"num_parallel_tree": 3, "subsample": 0.5}),
        ("multi:softprob", {"booster": "dart", "rate_drop": 0.5}),
        ("multi:softmax", {}),
        ("count:poisson", {}),
        ("rank:ndcg", {}),
        ("reg:gamma", {"missing": 3.5}),
        ("reg:logistic", {}),
        ("reg:quantileerror", {"quantile_alpha": [0.1, 0.9]}),
        ("reg:squarederror", {"booster": "dart", "rate_drop": 0.5}),
        ("reg:tweedie", {}),
        ("survival:cox", {}),
    ],
)
@pytest.mark.parametrize("data", [GAPS, CATEGORIES], ids=["numbers", "categories"])
def test_xgboost_is_summed_in_its_own_order_and_type(objective: str, how: dict[str, Any], data: Any) -> None:
    """float32 from the first guess on: any other order changes last bits."""
    import xgboost

    kind = (
        "Classifier" if objective.startswith(("binary", "multi")) else "Ranker" if "rank" in objective else "Regressor"
    )
    how = {"n_estimators": 9, "n_jobs": 1, "enable_categorical": True, "max_cat_to_onehot": 2, **how}
    model = getattr(xgboost, f"XGB{kind}")(objective=objective, **how)
    assert_exact(model.fit(data, target_of(objective), **(RANKS if kind == "Ranker" else {})), data, "xgboost")


def test_xgboost_with_vectors_in_its_leaves_is_summed_as_well() -> None:
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=5, multi_strategy="multi_output_tree", n_jobs=1)
    assert_exact(model.fit(GAPS, np.stack([AMOUNT, -AMOUNT], axis=1)), GAPS, "xgboost")


@pytest.mark.parametrize("booster", ["gbtree", "dart"])
def test_an_xgboost_booster_answers_as_it_does(booster: str) -> None:
    """It adds the weighted trees of ``dart`` in another way than the scikit-learn interface, which answers in place."""
    import xgboost

    data = xgboost.DMatrix(NUMBERS)
    data.set_float_info("label_lower_bound", np.abs(AMOUNT))
    data.set_float_info("label_upper_bound", np.abs(AMOUNT) + 1)
    how = {"objective": "survival:aft", "booster": booster, "nthread": 1}
    how |= {"rate_drop": 0.5} if booster == "dart" else {}
    assert_exact(xgboost.train(how, data, 9), NUMBERS, "xgboost")


def test_exponentials_in_float32_are_those_of_xgboost() -> None:
    """``expf`` is not the float32 nearest to the true value: one of some thousand differs, in the last bit."""
    import xgboost

    random = np.random.default_rng(0)
    data = random.normal(size=(20_000, 3))
    model = xgboost.XGBRegressor(objective="count:poisson", n_estimators=30, learning_rate=1.0, n_jobs=1)
    model.fit(data[:500], np.abs(data[:500].sum(axis=1)))
    margins = model.predict(data, output_margin=True)
    assert np.array_equal(exp_single(margins), model.predict(data))
    assert not np.array_equal(np.exp(margins.astype(float)).astype(np.float32), model.predict(data))


def test_xgboost_that_stopped_early_answers_by_its_best_trees() -> None:
    import xgboost

    model = xgboost.XGBRegressor(n_estimators=60, early_stopping_rounds=2, learning_rate=1.0, n_jobs=1)
    model.fit(NUMBERS[:100], AMOUNT[:100], eval_set=[(NUMBERS[100:], AMOUNT[100:])], verbose=False)
    assert model.best_iteration < 50
    assert hold(model, NUMBERS, "xgboost").proven().exact


@pytest.mark.parametrize(
    ("objective", "how"),
    [
        ("binary", {"sigmoid": 2.0}),
        ("multiclass", {}),
        ("multiclassova", {"boosting_type": "rf", "subsample": 0.5, "subsample_freq": 1}),
        ("cross_entropy", {}),
        ("cross_entropy_lambda", {}),
        ("gamma", {}),
        ("regression", {"reg_sqrt": True}),
        ("regression", {"zero_as_missing": True}),
        ("quantile", {"boosting_type": "dart"}),
        ("poisson", {"use_missing": False}),
    ],
)
@pytest.mark.parametrize("data", [GAPS, CATEGORIES], ids=["numbers", "categories"])
def test_lightgbm_is_summed_in_its_own_order(objective: str, how: dict[str, Any], data: Any) -> None:
    import lightgbm

    if "zero_as_missing" in how:
        data = data.assign(a=data.a.where(data.a > 0, 0.0))
    kind = lightgbm.LGBMClassifier if objective.startswith(("binary", "multi")) else lightgbm.LGBMRegressor
    how = {"n_estimators": 9, "n_jobs": 1, "verbose": -1, "min_data_per_group": 5, "cat_smooth": 1.0, **how}
    assert_exact(kind(objective=objective, **how).fit(data, target_of(objective)), data, "lightgbm")


def test_lightgbm_reads_categories_that_are_numbers_without_their_fractions() -> None:
    """A fraction is cut off, and a negative, missing or unknown category goes right."""
    import lightgbm

    data = np.stack([np.arange(ROWS) % 6, NUMBERS.a], axis=1).astype(float)
    target, data[3, 0] = data[:, 0] % 2 + NUMBERS.a, np.nan
    how = {"min_data_per_group": 5, "cat_smooth": 1.0, "min_child_samples": 3}
    model = lightgbm.LGBMRegressor(n_estimators=9, n_jobs=1, verbose=-1, **how).fit(
        data, target, categorical_feature=[0]
    )
    held = hold(model, data, "lightgbm")
    values = [0.0, 1.5, 2.9999, 3.0, 5.0, 5.9, 6.0, -0.5, -1.0, -7.0, 1e7, 1e20, None]
    rows = pl.DataFrame({"x0": values, "x1": [0.1] * len(values)}, schema=held.rows.schema)
    assert np.array_equal(held.twin.many("predict", rows)[0], held.native(rows, "predict"))


def test_lightgbm_with_linear_leaves_is_left_native_and_says_why() -> None:
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=2, linear_tree=True, n_jobs=1, verbose=-1).fit(NUMBERS, AMOUNT)
    found, _ = twins_of(model, NUMBERS, "lightgbm")
    assert "linear models for leaves" in str(found["treelite"])


@pytest.mark.parametrize("target", [BINARY, AMOUNT], ids=["classes", "amounts"])
def test_scikit_learn_trees_with_categories_get_their_codes(target: Any) -> None:
    kind = HistGradientBoostingClassifier if target is BINARY else HistGradientBoostingRegressor
    model = kind(max_iter=9, categorical_features="from_dtype", min_samples_leaf=3).fit(CATEGORIES, target)
    assert_exact(model, CATEGORIES, "sklearn")
