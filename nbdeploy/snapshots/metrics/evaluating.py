"""Scoring answers against the truth, whatever the task."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbdeploy.errors import InvalidData
from nbdeploy.snapshots.metrics.bootstrap import intervals
from nbdeploy.snapshots.metrics.tasks import Task, task_of

__all__ = ["Measured", "evaluate", "measure", "ordered"]

_MAIN = ("auc", "r2", "ndcg", "accuracy", "f1", "average_precision", "rmse", "mae")


@dataclass(frozen=True)
class Measured:
    """How good a model is on test rows.

    Attributes
    ----------
    metrics : mapping of str to float
        As in :func:`evaluate`.
    intervals : mapping of str to (float, float)
        Between which each metric lies in 95 % of resamples of the test rows.
    test : mapping
        ``rows``, and for up to 30 classes ``classes``: by class its ``support`` (rows), ``precision``, ``recall``
        and ``f1``.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    test: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    truth: Any, prediction: Any, probability: Any | None, classes: list[Any] | None, scores: Any | None = None
) -> dict[str, float]:
    """Score predictions against the truth with the usual metrics, as scikit-learn computes them.

    Parameters
    ----------
    truth : array of shape (n,) or (n, m)
        What really was. For a ranking, a table of two columns: the relevance, and a column ``group``, ``qid``
        or ``query`` that tells which rows are ranked against each other.
    prediction : array of shape (n,) or (n, m)
        What the model answers.
    probability : array of shape (n, k) or None
        Class probabilities, if the model has them.
    classes : list or None
        The classes, for classifiers.
    scores : array of shape (n,), optional
        What a classifier of two classes without probabilities decides by: larger for the second class.

    Returns
    -------
    dict of str to float
        Classifiers: ``accuracy``, ``balanced_accuracy``; ``f1``, ``precision`` and ``recall`` (each the mean of all
        classes); with probabilities ``auc`` (area under the ROC curve) and ``average_precision`` (of the second
        class, or the mean of each class against the rest), ``log_loss`` and ``brier``.
        Several labels at once: ``accuracy`` (all labels of a row right), ``hamming_loss`` (share of wrong labels)
        and, of labels that are 0 or 1, ``f1``.
        Regressors: ``r2``, ``rmse``, ``mae``, ``median_ae`` and, where no true value is zero, ``mape``; of several
        outputs the mean.
        Rankings: ``ndcg`` and ``ndcg_at_10``, the mean of all groups of more than one row.
        A metric that is not defined for these rows (``r2`` of one row) is left out.

    Raises
    ------
    InvalidData
        If the truth is of another kind than the predictions (text for numbers), or of another length.
    """
    task = _task(truth, prediction, probability, classes, scores)
    return {} if task is None else _points(task, prediction, classes)


def measure(
    truth: Any, prediction: Any, probability: Any | None, classes: list[Any] | None, scores: Any | None = None
) -> Measured:
    """Score predictions as :func:`evaluate` does, with intervals.

    The intervals are percentiles (2.5 and 97.5) of the metrics of 200 resamples of the rows, drawn with replacement
    by a fixed seed [1]_; of a ranking, of its groups. Of more rows than 10,000 so many are resampled, and the
    distances from the metric shrink by the root of the ratio, as those of an m out of n bootstrap do [2]_.

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
    .. [2] P. Bickel, F. Götze, W. van Zwet, "Resampling fewer than n observations", Statistica Sinica 7, 1997.
    """
    task = _task(truth, prediction, probability, classes, scores)
    if task is None:
        return Measured()
    metrics = _points(task, prediction, classes)
    with np.errstate(all="ignore"):
        found = intervals(task, metrics)
    return Measured(metrics, found, {"rows": len(prediction), **task.details()})


def ordered(metrics: Mapping[str, float]) -> list[tuple[str, float]]:
    """Metrics, those that say most first.

    Examples
    --------
    >>> ordered({"accuracy": 0.9, "auc": 0.8, "zeal": 1.0})
    [('auc', 0.8), ('accuracy', 0.9), ('zeal', 1.0)]
    """
    return sorted(metrics.items(), key=lambda item: (_MAIN.index(item[0]) if item[0] in _MAIN else len(_MAIN), item[0]))


def _task(
    truth: Any, prediction: Any, probability: Any | None, classes: list[Any] | None, scores: Any | None
) -> Task | None:
    if len(truth) != len(prediction):
        raise InvalidData(f"the test labels have {len(truth)} rows, but the test data has {len(prediction)}")
    return task_of(truth, prediction, probability, classes, scores)


def _points(task: Task, prediction: Any, classes: Sequence[Any] | None) -> dict[str, float]:
    try:
        with warnings.catch_warnings(action="ignore"):  # what cannot be computed is left out
            found = task.points()
    except (TypeError, ValueError) as error:
        answers = prediction if classes is None else classes
        raise InvalidData(
            f"the test labels do not fit the model: they are like {_looks(task.truth)}, and the model answers like "
            f"{_looks(answers)} ({str(error).splitlines()[0]})"
        ) from error
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def _looks(values: Any) -> str:
    """Show the first few distinct values, and their type."""
    distinct = list(dict.fromkeys(np.asarray(values).ravel().tolist()))
    return f"{', '.join(map(repr, distinct[:3]))} ({type(distinct[0]).__name__})"
