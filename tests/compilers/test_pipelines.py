"""Any pipeline of known steps answers any rows as it does natively, and each row alone as in any batch."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_selection import SelectPercentile
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC

from nbdeploy.compare import ROUNDING
from nbdeploy.compilers import Unsure
from tests.compilers.twins import BINARY, TABLE, Held, fitted, hold

IMPUTERS = {
    "mean": lambda: SimpleImputer(),
    "marked": lambda: SimpleImputer(strategy="median", add_indicator=True),
}
SCALERS = {
    "none": lambda: "passthrough",
    "standard": StandardScaler,
    "minmax": lambda: MinMaxScaler(clip=True),
    "robust": RobustScaler,
    "bins": lambda: KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"),
    "powers": lambda: PolynomialFeatures(2),
    "union": lambda: FeatureUnion([("scaled", StandardScaler()), ("same", "passthrough")]),
}
ENCODERS = {
    "onehot": lambda: OneHotEncoder(handle_unknown="ignore"),
    "rare": lambda: OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist", sparse_output=False),
    "ordinal": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "target": lambda: TargetEncoder(cv=3),
}
LASTS = {
    "logistic": lambda: LogisticRegression(max_iter=30),
    "ridge": RidgeClassifier,
    "bayes": GaussianNB,
    "forest": lambda: RandomForestClassifier(4, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=4),
    "machine": SVC,
    "network": lambda: MLPClassifier((4,), solver="lbfgs", max_iter=20, random_state=0),
}
PIPELINES = st.tuples(
    *(st.sampled_from(sorted(table)) for table in (IMPUTERS, SCALERS, ENCODERS, LASTS)), st.booleans()
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "town": st.sampled_from(["Ost", "West", "Süd", "Nord", "", "new", None]),
            "plan": st.sampled_from(["free", "gold", "rare", "Gold", "x" * 40]),
            "tier": st.sampled_from(["low", "mid", "top"]),
            "kids": st.integers(-1, 9),
            "paid": st.booleans(),
            "age": st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 45.0, 1e300, float("inf")]),
            "income": st.none() | st.floats(0, 1e7) | st.sampled_from([0.0, 5e-324, 3.5e38]),
            "debt": st.floats(-1e4, 1e4),
        }
    ),
    min_size=1,
    max_size=6,
)


@cache
def made(imputer: str, scaler: str, encoder: str, last: str, selected: bool) -> Held:
    numbers = make_pipeline(IMPUTERS[imputer](), SCALERS[scaler]())
    columns = ColumnTransformer(
        [
            ("numbers", numbers, ["age", "income", "debt"]),
            ("words", ENCODERS[encoder](), ["town", "plan", "tier", "kids", "paid"]),
        ]
    )
    steps = [columns, *([SelectPercentile(percentile=60)] if selected else []), LASTS[last]()]
    return hold(fitted(make_pipeline(*steps), TABLE, BINARY), TABLE)


@settings(max_examples=20, deadline=None)
@given(PIPELINES, ROWS)
def test_a_pipeline_and_its_twin_agree_on_any_rows(how: Any, records: list[dict[str, Any]]) -> None:
    """Unseen, missing, huge and infinite values too: where the pipeline raises, the twin leaves the row to it."""
    held = made(*how)
    rows = pl.DataFrame(records, schema=held.rows.schema)
    for method in held.twin.methods:
        alone = [_one(held, method, row) for row in rows.rows()]
        try:
            with warnings.catch_warnings(action="ignore"):  # of the logarithm of zero, for example
                expected = np.asarray(held.native(rows, method))
        except ValueError:
            assert any(answer is None for answer in alone)
            continue
        for native, answer in zip(expected, alone, strict=True):
            if answer is not None:
                _assert_equal(native, answer, exact=held.twin.exact[method])


ROW = {"town": "Ost", "plan": "free", "tier": "low", "kids": 0, "paid": False, "age": 0.0, "income": None, "debt": 0.0}


@settings(max_examples=12, deadline=None)
@given(PIPELINES, ROWS)
@example(("marked", "bins", "onehot", "bayes", True), [ROW])  # chosen columns are not in row order
def test_a_row_has_the_same_bits_alone_and_in_any_batch(how: Any, records: list[dict[str, Any]]) -> None:
    held = made(*how)
    rows = pl.DataFrame(records, schema=held.rows.schema)
    batch = pl.concat([held.rows[:5], rows, held.rows[5:9]])
    for method in held.twin.methods:
        alone = [_one(held, method, row) for row in batch.rows()]
        try:
            together, doubt = held.twin.many(method, batch)
        except Unsure:
            assert any(answer is None for answer in alone)
            continue
        for i, answer in enumerate(alone):
            if answer is None:
                assert doubt is not None
                assert doubt[i]
            else:
                assert np.array_equal(together[i], answer, equal_nan=together.dtype.kind == "f")


def _one(held: Held, method: str, row: tuple[Any, ...]) -> Any:
    try:
        return held.twin.one(method, row)[0]
    except Unsure:
        return None


def _assert_equal(native: Any, answer: Any, *, exact: bool) -> None:
    if exact or np.asarray(native).dtype.kind != "f":
        assert np.array_equal(native, answer)
    else:
        # What is summed with huge terms of both signs is rounded by their size.
        scale = max(1.0, float(np.abs(native).max()))
        assert np.abs(native - answer).max() <= ROUNDING * scale
