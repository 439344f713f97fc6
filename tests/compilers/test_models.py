"""Models that end pipelines: linear ones, naive Bayes, nearest neighbours, and ONNX for what is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import (
    BayesianRidge,
    Lasso,
    LinearRegression,
    LogisticRegression,
    Perceptron,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.svm import LinearSVC, LinearSVR

from nbdeploy.codecs import bind
from nbdeploy.compilers import compile_by
from nbdeploy.compilers.proof import prove
from tests.compilers.twins import AMOUNT, BINARY, NUMBERS, THREE, Held, fitted, hold, twins_of


@pytest.mark.parametrize("target", [BINARY, THREE], ids=["two", "three"])
@pytest.mark.parametrize(
    "model",
    [
        BernoulliNB(binarize=0.5),
        ComplementNB(),
        GaussianNB(),
        KNeighborsClassifier(3),
        LinearDiscriminantAnalysis(),
        LinearSVC(),
        LogisticRegression(),
        MultinomialNB(),
        Perceptron(),
        RidgeClassifier(),
        SGDClassifier(loss="log_loss", random_state=0),
        SGDClassifier(loss="modified_huber", random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_classifiers_answer_as_they_do_natively(model: Any, target: Any) -> None:
    """Labels exactly, what is summed to rounding; rows near a border are left to native code."""
    held = hold(fitted(make_pipeline(MinMaxScaler(), model), NUMBERS, target), NUMBERS)
    proof = held.proven()
    assert proof.max_difference <= 1e-9
    assert proof.tried["borders"]
    assert {"predict"} <= set(proof.methods) <= set(held.signature.outputs)


@pytest.mark.parametrize(
    "model",
    [
        BayesianRidge(),
        KNeighborsRegressor(3),
        Lasso(alpha=0.01),
        LinearRegression(),
        LinearSVR(),
        Ridge(),
        SGDRegressor(random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_regressors_answer_as_they_do_natively(model: Any) -> None:
    held = hold(fitted(make_pipeline(MinMaxScaler(), model), NUMBERS, AMOUNT), NUMBERS)
    assert held.proven().max_difference <= 1e-9


def test_several_outputs_of_a_regression_stay_several() -> None:
    both = np.stack([AMOUNT, -AMOUNT], axis=1)
    held = hold(fitted(LinearRegression(), NUMBERS, both), NUMBERS)
    assert held.proven().max_difference <= 1e-9


def test_categories_by_number_are_looked_up_in_tables_of_probabilities() -> None:
    codes = np.stack([NUMBERS.c.astype(int) % 3, NUMBERS.b.astype(int) % 2], axis=1).astype(float)
    assert hold(fitted(CategoricalNB(), codes, THREE), codes).proven().exact


def test_rows_on_the_border_of_two_classes_are_left_to_native_code() -> None:
    """A twin that rounds may not decide what rounding decides."""
    data = np.array([[-1.0], [1.0]] * 20)
    model = fitted(LogisticRegression(fit_intercept=False), data, data[:, 0] > 0)
    held = hold(model, data)
    rows = held.rows[:3].with_columns(x0=np.array([0.0, 1e-12, 1e-3]))
    _, doubt = held.twin.many("predict", rows)
    assert doubt.tolist() == [True, True, False]
    assert prove(held.twin, held.native, held.signature, held.rows).left > 0


def test_onnx_takes_what_the_others_do_not_know() -> None:
    """A small network: converted in float64, asked row by row, equal to rounding."""
    data = NUMBERS.to_numpy()
    model = fitted(MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0), data, AMOUNT)
    found, caller = twins_of(model, data)
    assert found["rows"] == "a MLPRegressor is not known"
    assert "onnx" not in found, "it is asked only by name"
    twin = compile_by("onnx", model, caller.signature)
    held = Held("onnx", twin, caller.native, caller.signature, bind(data, caller.signature))
    assert held.proven().max_difference <= 1e-9
