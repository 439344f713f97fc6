"""What a snapshot says of its data: what the rows and the answers are like, and how good the answers are."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Sequence
from typing import Any

import polars as pl

from nbdeploy.codecs import bind
from nbdeploy.errors import InvalidData, RehearsalFailed
from nbdeploy.flavors import FLAVORS
from nbdeploy.predictor import Caller
from nbdeploy.profiles import ModelProfile, profile_of
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.comparing.scoring import decided, rows_and_answers
from nbdeploy.snapshots.metrics import Measured, measure
from nbdeploy.snapshots.sampling import choose_rows

__all__ = ["PREDICTED", "measure_model", "profile_model"]

PREDICTED = 1000
"""How many rows are predicted for the profile of the answers: about as many as a clean process answers meanwhile."""


def profile_model(model: Any, data: Any, answers: Answers, private: Collection[str] = ()) -> ModelProfile:
    """Profile all rows of the data, and a live model's answers to some of them, evenly spread.

    The profile of the answers says how many they were.

    Parameters
    ----------
    model : object
        The live model.
    data : table, n rows
        As it was given.
    answers : Answers
        What the model answered, for its signature.
    private : collection of str
        Columns of which nothing is kept.
    """
    signature = answers.signature
    wire = bind(data, signature)
    rows = choose_rows(wire, PREDICTED)
    caller = Caller(model, answers.asking.flavor, signature, answers.asking.canonical)
    asked = {signature.default_method, "predict", "predict_proba"} & signature.outputs.keys()
    found = _answers(caller, wire[rows], sorted(asked))
    return ModelProfile(profile_of(wire, private=private), profile_of(found))


def _answers(caller: Caller, rows: pl.DataFrame, methods: list[str]) -> pl.DataFrame:
    try:
        with warnings.catch_warnings(action="ignore"):
            return caller.outputs(rows, methods)
    except Exception as error:
        raise RehearsalFailed(
            f"the model fails on some of the rows given as its data: {type(error).__name__}: {error}; give rows that "
            "it can answer"
        ) from error


def measure_model(model: Any, answers: Answers, test: Sequence[Any] | None) -> Measured:
    """Measure a live model on rows and right answers that were kept from training.

    Raises
    ------
    InvalidData
        If the rows or the answers do not fit the model.
    """
    if test is None:
        return Measured()
    X, y = rows_and_answers(test)
    asking, signature = answers.asking, answers.signature
    caller = Caller(model, asking.flavor, signature, asking.canonical)
    try:
        wire = bind(X, signature)
    except InvalidData as error:
        raise InvalidData(f"the rows to measure on (--test) do not fit the model: {error}", **error.facts) from error
    guess, probability, scores = decided(signature, lambda method: caller.raw(wire, method))
    return measure(y, guess, probability, FLAVORS[asking.flavor].classes(model), scores)
