"""Metrics of classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Classification"]

_SHOWN = 30
_MOST_CURVES = 30
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Classification:
    """Classes predicted. See :class:`nbdeploy.snapshots.metrics.tasks.Task`.

    Attributes
    ----------
    truth, guess : array of shape (n,)
    probability : array of shape (n, k) or None
    classes : list of k labels, or None where only the labels are known
    scores : array of shape (n,) or None
        Of two classes without probabilities.
    """

    truth: NDArray[Any]
    guess: NDArray[Any]
    probability: Any = None
    classes: list[Any] | None = None
    scores: Any = None

    @property
    def units(self) -> int:
        """Rows."""
        return len(self.truth)

    @cached_property
    def _curves(self) -> list[tuple[NDArray[np.bool_], _Array]]:
        """Whether each row is of a class, and its score: of the second of two classes, or of each."""
        classes = self.classes or []
        if len(classes) < 2 or set(self.truth.tolist()) != set(classes):
            return []
        if self._chances is not None:
            places = [1] if len(classes) == 2 else range(len(classes))
            return [(self.truth == classes[i], self._chances[:, i]) for i in places]
        if self.scores is None or np.ndim(self.scores) != 1 or len(classes) != 2:
            return []
        return [(self.truth == classes[1], np.asarray(self.scores, dtype=np.float64))]

    @cached_property
    def _chances(self) -> _Array | None:
        """Probabilities, if there is one column for each class."""
        if self.probability is None or self.classes is None or np.ndim(self.probability) != 2:
            return None
        chances = np.asarray(self.probability, dtype=np.float64)
        return chances if chances.shape[1] == len(self.classes) else None

    @cached_property
    def _codes(self) -> tuple[list[Any], NDArray[np.intp], NDArray[np.intp]]:
        """Labels of both, and each row's true and predicted one as its place among them."""
        labels, codes = np.unique(np.concatenate([self.truth, self.guess]), return_inverse=True)
        return labels.tolist(), codes[: self.units], codes[self.units :]

    def points(self) -> dict[str, float]:
        """Return the metrics of all rows."""
        from sklearn import metrics

        y, guess = self.truth, self.guess
        found = {
            "accuracy": metrics.accuracy_score(y, guess),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, guess),
            "f1": metrics.f1_score(y, guess, average="macro", zero_division=0.0),
            "precision": metrics.precision_score(y, guess, average="macro", zero_division=0.0),
            "recall": metrics.recall_score(y, guess, average="macro", zero_division=0.0),
        }
        if self._curves:
            found["auc"] = np.mean([metrics.roc_auc_score(*curve) for curve in self._curves])
            found["average_precision"] = np.mean([metrics.average_precision_score(*curve) for curve in self._curves])
        if self._chances is not None and set(y.tolist()) <= set(self.classes or []):
            chances = self._chances / self._chances.sum(axis=1, keepdims=True)
            found["log_loss"] = metrics.log_loss(y, chances, labels=self.classes)
            found["brier"] = float(_brier(y, chances, self.classes or []).mean())
        return found

    def resampled(self, chosen: NDArray[np.intp], weights: _Array) -> Mapping[str, _Array]:
        """Return the metrics of resamples."""
        found = self._counted(chosen, weights)
        if self._curves and len(self._curves) <= _MOST_CURVES:
            areas = [_areas(of_class[chosen], scores[chosen], weights) for of_class, scores in self._curves]
            found["auc"], found["average_precision"] = np.mean(areas, axis=0)
        if self._chances is not None and set(self.truth.tolist()) <= set(self.classes or []):
            chances = self._chances[chosen] / self._chances[chosen].sum(axis=1, keepdims=True)
            y, classes = self.truth[chosen], self.classes or []
            places = {label: i for i, label in enumerate(classes)}
            own = chances[np.arange(len(y)), [places[label] for label in y.tolist()]]
            least = np.finfo(np.float64).eps  # as scikit-learn: no certainty is infinitely wrong
            total = weights.sum(axis=1)
            found["log_loss"] = weights @ -np.log(np.clip(own, least, 1.0 - least)) / total
            found["brier"] = weights @ _brier(y, chances, classes) / total
        return found

    def _counted(self, chosen: NDArray[np.intp], weights: _Array) -> dict[str, _Array]:
        """Metrics of right and wrong answers, from the counts of each class."""
        labels, y, guess = self._codes
        y, guess = y[chosen], guess[chosen]
        total = weights.sum(axis=1)
        right = _counts(weights, y, len(labels), y == guess)
        actual, answered = _counts(weights, y, len(labels)), _counts(weights, guess, len(labels))
        seen = (actual + answered) > 0.0
        recall = right / np.maximum(actual, 1.0)
        return {
            "accuracy": right.sum(axis=1) / total,
            "balanced_accuracy": (recall.sum(axis=1)) / (actual > 0.0).sum(axis=1),
            "f1": (2.0 * right / np.maximum(actual + answered, 1.0)).sum(axis=1) / seen.sum(axis=1),
            "precision": (right / np.maximum(answered, 1.0)).sum(axis=1) / seen.sum(axis=1),
            "recall": recall.sum(axis=1) / seen.sum(axis=1),
        }

    def details(self) -> dict[str, Any]:
        """Support, precision, recall and f1 of each class, if there are not too many."""
        from sklearn.metrics import precision_recall_fscore_support

        labels = self._codes[0]
        if len(labels) > _SHOWN:
            return {}
        columns = precision_recall_fscore_support(self.truth, self.guess, labels=labels, zero_division=0.0)
        rows = zip(labels, *(column.tolist() for column in columns), strict=True)
        return {
            "classes": {
                str(label): {"support": int(n), "precision": p, "recall": r, "f1": f} for label, p, r, f, n in rows
            }
        }


def _brier(y: NDArray[Any], chances: _Array, classes: list[Any]) -> _Array:
    """Squared distance of each row's probabilities from certainty; of two classes, that of one (Brier, 1950)."""
    truth = np.stack([y == label for label in classes], axis=1)
    distance: _Array = ((chances - truth) ** 2).sum(axis=1)
    return distance / 2.0 if len(classes) == 2 else distance


def _counts(weights: _Array, codes: NDArray[np.intp], k: int, only: NDArray[np.bool_] | None = None) -> _Array:
    """Sum the weights of each class, shape (b, k)."""
    from scipy import sparse

    values = np.ones(len(codes)) if only is None else only.astype(np.float64)
    table = sparse.csr_array((values, codes, np.arange(len(codes) + 1)), shape=(len(codes), k))
    return np.asarray(weights @ table)


def _areas(of_class: NDArray[np.bool_], scores: _Array, weights: _Array) -> tuple[_Array, _Array]:
    """Areas under the ROC curve and average precisions of all resamples; equal scores are one step.

    The area is the share of pairs that are ordered rightly, ties counting half (Hanley, McNeil, 1982); the average
    precision is the sum of precisions weighted by the recall that each step gains.
    """
    order = np.argsort(-scores, kind="stable")
    steps = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0.0])
    positive = np.add.reduceat(weights[:, order] * of_class[order], steps, axis=1)
    every = np.add.reduceat(weights[:, order], steps, axis=1)
    negative = every - positive
    hits, misses = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
    positives, negatives = hits[:, -1], misses[:, -1]
    pairs = (positive * (negatives[:, None] - misses + negative / 2.0)).sum(axis=1)
    precision = hits / np.maximum(hits + misses, 1.0)
    return pairs / (positives * negatives), (positive * precision).sum(axis=1) / positives
