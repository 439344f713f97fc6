"""How good a snapshot is on rows it was not trained with."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from nbdeploy.errors import InvalidData

__all__ = ["evaluate"]


def evaluate(truth: Any, prediction: Any, probability: Any | None, classes: list[Any] | None) -> dict[str, float]:
    """Score predictions against the truth with the usual metrics.

    Parameters
    ----------
    truth : array of shape (n,)
        What really was.
    prediction : array of shape (n,)
        What the model answers.
    probability : array of shape (n, k) or None
        Class probabilities, if the model has them.
    classes : list or None
        The classes, for classifiers.

    Returns
    -------
    dict of str to float
        Classifiers: ``accuracy``, ``f1`` (macro average) and, with probabilities, ``auc`` (area under the ROC curve,
        one against the rest for more than two classes). Regressors: ``r2``, ``rmse``, ``mae``, as in scikit-learn.
        A metric that is not defined for these rows (``r2`` of one row) is left out.

    Raises
    ------
    InvalidData
        If the truth is of another kind than the predictions: text for numbers.
    """
    y, guess = np.asarray(truth), np.asarray(prediction)
    if len(y) != len(guess):
        raise InvalidData(f"the test labels have {len(y)} rows, but the test data has {len(guess)}")
    if y.ndim != 1 or guess.ndim != 1 or (classes is None and y.dtype.kind not in "fiub"):
        return {}
    try:
        with warnings.catch_warnings(action="ignore"):  # what cannot be computed is left out
            found = _regression(y, guess) if classes is None else _classification(y, guess, probability, classes)
    except (TypeError, ValueError) as error:
        answers = guess if classes is None else classes
        raise InvalidData(
            f"the test labels do not fit the model: they are like {_looks(y)}, and the model answers like "
            f"{_looks(answers)} ({str(error).splitlines()[0]})"
        ) from error
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _regression(y: Any, guess: Any) -> dict[str, float]:
    from sklearn import metrics

    return {
        "r2": float(metrics.r2_score(y, guess)),
        "rmse": float(np.sqrt(metrics.mean_squared_error(y, guess))),
        "mae": float(metrics.mean_absolute_error(y, guess)),
    }


def _classification(y: Any, guess: Any, probability: Any | None, classes: list[Any]) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "accuracy": float(metrics.accuracy_score(y, guess)),
        "f1": float(metrics.f1_score(y, guess, average="macro")),
    }
    if probability is not None and set(np.unique(y)) == set(classes):
        scores = probability[:, 1] if len(classes) == 2 else probability
        auc = metrics.roc_auc_score(y, scores, multi_class="ovr", labels=classes)
        found = {"auc": float(auc), **found}
    return found


def _looks(values: Any) -> str:
    """Show the first few distinct values, and their type."""
    distinct = list(dict.fromkeys(np.asarray(values).tolist()))
    return f"{', '.join(map(repr, distinct[:3]))} ({type(distinct[0]).__name__})"
