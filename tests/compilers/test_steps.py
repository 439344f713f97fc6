"""Compiled steps of pipelines: alone before a linear model, and before trees, which see every last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import GammaRegressor, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from nbdeploy.compilers import Unsure
from tests.compilers.twins import BINARY, NUMBERS, RANDOM, TABLE, fitted, hold, twins_of

GAPS = NUMBERS.mask(RANDOM.random(NUMBERS.shape) < 0.2)
WORDS = ["town", "plan", "tier", "kids", "paid"]


def forest() -> RandomForestClassifier:
    return RandomForestClassifier(5, random_state=0)


def logistic() -> LogisticRegression:
    return LogisticRegression(max_iter=50)


@pytest.mark.parametrize(
    ("step", "data"),
    [
        (StandardScaler(), NUMBERS),
        (StandardScaler(with_mean=False), NUMBERS.astype(np.float32)),
        (MinMaxScaler(clip=True), NUMBERS),
        (MaxAbsScaler(), NUMBERS),
        (RobustScaler(), NUMBERS.to_numpy()),
        (Normalizer("max"), NUMBERS),
        (Binarizer(threshold=1.0), NUMBERS),
        (PolynomialFeatures(3), NUMBERS),
        (PolynomialFeatures((2, 3), interaction_only=True, include_bias=False), NUMBERS),
        (KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), NUMBERS),
        (KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"), NUMBERS),
        (SelectKBest(k=2), NUMBERS),
        (VarianceThreshold(), NUMBERS),
        (FunctionTransformer(np.cbrt), NUMBERS),
        (FunctionTransformer(), NUMBERS),
        (SimpleImputer(add_indicator=True), GAPS),
        (SimpleImputer(strategy="constant", fill_value=-1.0), GAPS),
        (FeatureUnion([("filled", SimpleImputer(strategy="median")), ("gone", MissingIndicator())]), GAPS),
        (ColumnTransformer([("a", StandardScaler(), ["a"]), ("b", "drop", ["b"])], remainder="passthrough"), NUMBERS),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_numbers_have_the_bits_of_the_native_step(step: Any, data: Any) -> None:
    """A forest after them would show a difference of one last bit at its thresholds, which are searched."""
    held = hold(fitted(make_pipeline(step, forest()), data, BINARY), data)
    assert held.proven().exact
    assert held.twin.native == ()


@pytest.mark.parametrize(
    "encoder",
    [
        OneHotEncoder(handle_unknown="ignore"),
        OneHotEncoder(drop="first", handle_unknown="ignore", sparse_output=False),
        OneHotEncoder(drop="if_binary"),
        OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
        OneHotEncoder(max_categories=2, handle_unknown="warn"),
        OrdinalEncoder(encoded_missing_value=-2),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, min_frequency=20),
        TargetEncoder(cv=3),
    ],
    ids=lambda value: str(value).replace("\n", "").replace(" ", ""),
)
def test_categories_are_looked_up(encoder: Any) -> None:
    """Text, categories, numbers and truth values: known, rare, unseen and missing."""
    columns = make_column_transformer((encoder, WORDS), (SimpleImputer(), ["income", "debt"]))
    held = hold(fitted(make_pipeline(columns, forest()), TABLE, BINARY), TABLE)
    assert held.proven().exact
    assert held.twin.native == ()


def test_encoders_of_three_classes_have_a_column_for_each() -> None:
    three = np.array(["x", "y", "z"])[TABLE.kids.to_numpy() % 3]
    columns = make_column_transformer((TargetEncoder(cv=3), ["town", "plan"]))
    assert hold(fitted(make_pipeline(columns, forest()), TABLE, three), TABLE).proven().exact


def test_text_that_was_filled_in_is_looked_up_as_what_it_was_filled_with() -> None:
    words = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer((words, ["town", "plan"]), (SimpleImputer(), ["income"]))
    held = hold(fitted(make_pipeline(columns, forest()), TABLE, BINARY), TABLE)
    assert held.proven().exact
    assert held.twin.native == ()


def test_sparse_columns_are_summed_in_order_to_the_bits_of_scipy() -> None:
    """One-hot columns and a logistic regression: no linear algebra, so no rounding."""
    columns = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), WORDS), sparse_threshold=1.0)
    held = hold(fitted(make_pipeline(columns, logistic()), TABLE, BINARY), TABLE)
    assert held.twin.exact["predict_proba"]
    assert held.proven().exact


@pytest.mark.parametrize("step", [PCA(2, whiten=True), TruncatedSVD(2), Normalizer()])
def test_a_step_that_rounds_is_called_natively_where_a_threshold_follows(step: Any) -> None:
    """A tree after a projection would make a jump of its last bits; a linear model does not."""
    data = NUMBERS.to_numpy()
    before_trees = hold(fitted(make_pipeline(StandardScaler(), step, forest()), data, BINARY), data)
    assert len(before_trees.twin.native) == 1
    assert before_trees.proven().exact
    before_sum = hold(fitted(make_pipeline(StandardScaler(), step, logistic()), data, BINARY), data)
    assert before_sum.twin.native == ()
    assert before_sum.proven().max_difference <= 1e-9


TEXTS = pd.Series([" ".join(RANDOM.choice(["Tea", "egg", "ham!", "and", "Spam"], 5)) for _ in range(60)], name="text")
SPAM = TEXTS.str.contains("Spam").to_numpy()


@pytest.mark.parametrize(
    "steps",
    [
        (TfidfVectorizer(), logistic()),
        (TfidfVectorizer(sublinear_tf=True, norm="l1", stop_words="english"), logistic()),
        (CountVectorizer(ngram_range=(1, 2)), MultinomialNB()),
        (CountVectorizer(analyzer="char_wb", ngram_range=(2, 3), binary=True), forest()),
        (CountVectorizer(), TfidfTransformer(norm=None), MultinomialNB()),
    ],
    ids=lambda steps: "-".join(type(step).__name__ for step in steps),
)
def test_text_is_counted_by_its_own_analyser(steps: Any) -> None:
    """With the weights and sums of sparse matrices, to the bit; empty text and unseen words too."""
    held = hold(fitted(make_pipeline(*steps), TEXTS, SPAM), TEXTS)
    assert held.proven().exact
    assert held.twin.native == ()


def test_text_beside_numbers_is_compiled() -> None:
    data = pd.DataFrame({"text": TEXTS, "n": np.arange(60.0)})
    columns = make_column_transformer((TfidfVectorizer(), "text"), (StandardScaler(), ["n"]))
    held = hold(fitted(make_pipeline(columns, logistic()), data, SPAM), data)
    assert held.proven().max_difference <= 1e-9
    assert held.twin.native == ()


class Ratio(TransformerMixin, BaseEstimator):
    """A step of the user's own: array in, array out."""

    def fit(self, X: Any, y: Any = None) -> Ratio:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return np.column_stack([X[:, 0] / (1 + X[:, 1] ** 2), X[:, 0]])


class Shaped(Ratio):
    """A step of the user's own: frame in, frame with another column out."""

    def transform(self, X: Any) -> Any:
        return X.assign(ratio=X["debt"] / (1 + X["age"] ** 2))


def test_a_step_of_the_notebooks_own_is_called_natively_between_compiled_ones() -> None:
    """In its place: array to array in the middle, frame to frame at the beginning."""
    numbers = make_pipeline(SimpleImputer(), Ratio(), StandardScaler())
    words = (OneHotEncoder(handle_unknown="ignore"), ["town"])
    inside = make_column_transformer((numbers, ["income", "age"]), words)
    held = hold(fitted(make_pipeline(inside, forest()), TABLE, BINARY), TABLE)
    assert held.twin.native == ("ratio",)
    assert held.proven().exact
    first = make_column_transformer((StandardScaler(), ["ratio", "age"]), words)
    held = hold(fitted(make_pipeline(Shaped(), first, forest()), TABLE, BINARY), TABLE)
    assert held.twin.native == ("shaped",)
    assert held.proven().exact


def test_scalers_that_no_compiler_knows_are_called_natively() -> None:
    held = hold(fitted(make_pipeline(PowerTransformer(), forest()), NUMBERS.to_numpy(), BINARY), NUMBERS.to_numpy())
    assert held.twin.native == ("powertransformer",)
    assert held.proven().exact


def test_a_search_is_compiled_as_what_it_found() -> None:
    model = GridSearchCV(make_pipeline(StandardScaler(), forest()), {"randomforestclassifier__max_depth": [2]}, cv=2)
    assert hold(fitted(model, NUMBERS, BINARY), NUMBERS).proven().exact


class Own(BaseEstimator):
    """A model of the user's own."""

    def fit(self, X: Any, y: Any) -> Own:
        self.fitted_ = True
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


def test_a_model_that_no_compiler_knows_has_no_twin_and_a_reason() -> None:
    found, _ = twins_of(fitted(make_pipeline(Own()), NUMBERS, BINARY), NUMBERS)
    assert found["rows"] == "step 'own' (Own): it is not known"


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([OneHotEncoder(), PCA(1), LinearRegression()], "step 'pca' (PCA): its input is sparse"),
        ([OneHotEncoder(), GammaRegressor()], "step 'gammaregressor' (GammaRegressor): it is not known"),
    ],
)
def test_a_pipeline_without_a_twin_names_the_step_once(steps: list[Any], reason: str, caplog: Any) -> None:
    """For people, and for the log."""
    data = TABLE[["plan", "kids"]]
    model = fitted(make_pipeline(*steps), data, np.arange(1.0, len(data) + 1))
    with caplog.at_level("DEBUG", logger="nbdeploy.compilers"):
        found, _ = twins_of(model, data)
    assert found == {"rows": reason}
    assert f"rows makes no twin of a Pipeline: {reason}" in caplog.text


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), OrdinalEncoder()])
def test_an_infinity_among_categories_is_left_to_native_code(encoder: Any) -> None:
    """Which refuses it."""
    data = pd.DataFrame({"x": [1.0, 2.0, 3.0] * 10})
    held = hold(fitted(make_pipeline(encoder, LogisticRegression()), data, data.x > 1), data)
    with pytest.raises(Unsure):
        held.twin.one("predict", [float("inf")])
    held.twin.one("predict", [2.0])
