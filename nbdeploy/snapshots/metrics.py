"""How good a snapshot is on rows it was not trained with."""

from __future__ import annotations

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
    """
    from sklearn import metrics

    y, guess = np.asarray(truth), np.asarray(prediction)
    if len(y) != len(guess):
        raise InvalidData(f"the test labels have {len(y)} rows, but the test data has {len(guess)}")
    if y.ndim != 1 or guess.ndim != 1:
        return {}
    if classes is None:
        if y.dtype.kind not in "fiub":
            return {}
        return {
            "r2": float(metrics.r2_score(y, guess)),
            "rmse": float(np.sqrt(metrics.mean_squared_error(y, guess))),
            "mae": float(metrics.mean_absolute_error(y, guess)),
        }
    found = {
        "accuracy": float(metrics.accuracy_score(y, guess)),
        "f1": float(metrics.f1_score(y, guess, average="macro")),
    }
    if probability is not None and set(np.unique(y)) == set(classes):
        scores = probability[:, 1] if len(classes) == 2 else probability
        auc = metrics.roc_auc_score(y, scores, multi_class="ovr", labels=classes)
        found = {"auc": float(auc), **found}
    return found
