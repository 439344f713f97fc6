"""Linear models: a product with coefficients, and what each model makes of it."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, sqrt
from typing import Any

import numpy as np
from scipy.special import expit

from nbdeploy.compare import ROUNDING
from nbdeploy.compilers.deciding import above_zero, best, settled, softmax, two_columns
from nbdeploy.compilers.stages import NotCompiled, Numbers, Stage, all_finite, dot, floating, in_rows
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Method, Unsure

__all__ = ["classifier", "discriminant", "logistic", "regressor", "sgd"]

_MARGIN = 1.001
"""What more than makes up for rounding, where one size is held against another."""


def regressor(model: Any, given: Stage) -> Final:
    """Compile a linear regressor: ``predict`` is the product."""
    numbers = floating(given)
    coefficients = np.asarray(model.coef_)
    product = dot(numbers, np.atleast_2d(coefficients))
    intercept = np.asarray(model.intercept_)
    flat = coefficients.ndim == 1 or "SGD" in type(model).__name__
    inner = numbers.run

    def compute(rows: Any) -> Any:
        out = product(inner(rows)) + intercept
        return out[..., 0] if flat else out

    run = settled(compute)
    return {"predict": (lambda rows: (run(rows), None), numbers.exact and numbers.sparse)}


class _Scores:
    """The scores of a linear classifier, with the size of what was summed where they may differ in last bits."""

    def __init__(self, model: Any, given: Stage) -> None:
        numbers = floating(given)
        self.classes = np.asarray(model.classes_)
        self.binary = len(self.classes) == 2
        weights = np.atleast_2d(np.asarray(model.coef_))
        if len(weights) != (1 if self.binary else len(self.classes)):
            raise NotCompiled(f"{len(weights)} rows of coefficients for {len(self.classes)} classes")
        self.exact = numbers.exact and numbers.sparse
        self._numbers: Numbers = numbers
        self._product = dot(numbers, weights)
        self._weights = np.ascontiguousarray(weights[0])
        self._intercept = np.atleast_1d(np.asarray(model.intercept_))
        self._sizes = np.ascontiguousarray(np.abs(weights).T)
        self._length = float(np.linalg.norm(weights[0])) * _MARGIN

    def both(self, rows: Any) -> tuple[Any, Any]:
        """Return the scores, and the size of what was summed (None if they have the native bits, or are far larger)."""
        x = self._numbers.run(rows)
        scores = self._scored(x)
        if self.exact or (self.binary and x.ndim == 1 and self._is_clear(x, scores)):
            return scores, None
        # How the sizes are summed does not matter: they are compared with a far larger margin.
        sizes = np.abs(x) @ self._sizes
        return scores, sizes[..., 0] if self.binary else sizes.max(axis=-1)

    def _is_clear(self, x: Any, score: Any) -> bool:
        """Whether a score is too large to be in doubt: what was summed is at most as large as both vectors."""
        return bool(abs(float(score)) > ROUNDING * max(1.0, sqrt(float(x.dot(x))) * self._length))

    def scores(self, rows: Any) -> Any:
        """Return the scores."""
        return self._scored(self._numbers.run(rows))

    def _scored(self, x: Any) -> Any:
        if self.binary and x.ndim == 1 and not self._numbers.sparse:
            scores = np.add.reduce(in_rows(x) * self._weights) + self._intercept[0]  # without axes: half the time
        else:
            scores = self._product(x) + self._intercept
            scores = scores[..., 0] if self.binary else scores
        if not (isfinite(scores) if scores.ndim == 0 else all_finite(scores)):
            raise Unsure
        return scores

    def predict(self, rows: Any) -> Answer:
        """Return the class that scores highest."""
        scores, size = self.both(rows)
        return above_zero(self.classes, scores, size) if self.binary else best(self.classes, scores, size)

    def methods(self, probability: Callable[[Any], Any] | None, **more: Method) -> Final:
        """Return the methods of a classifier with such scores."""
        found: dict[str, Method] = {
            "predict": self.predict,
            "decision_function": lambda rows: (self.scores(rows), None),
            **more,
        }
        if probability is not None:
            found["predict_proba"] = lambda rows: (probability(self.scores(rows)), None)
            found.setdefault(
                "predict_log_proba", lambda rows: (np.log(_positive(probability(self.scores(rows)))), None)
            )
        return {name: (method, self.exact) for name, method in found.items()}


def classifier(model: Any, given: Stage) -> Final:
    """Compile a linear classifier without probabilities."""
    binarizer = getattr(model, "_label_binarizer", None)
    if binarizer is not None and str(getattr(binarizer, "y_type_", "")).startswith("multilabel"):
        raise NotCompiled("it answers several labels")
    return _Scores(model, given).methods(None)


def logistic(model: Any, given: Stage) -> Final:
    """Compile logistic regression: two classes by the logistic function, more by softmax."""
    scores = _Scores(model, given)
    return scores.methods(_logistic if scores.binary else softmax)


def discriminant(model: Any, given: Stage) -> Final:
    """Compile linear discriminant analysis; its projection stays native."""
    scores = _Scores(model, given)
    probability = _logistic if scores.binary else softmax
    smallest = np.finfo(float).smallest_normal

    def logarithm(rows: Any) -> Answer:
        p = probability(scores.scores(rows))
        return np.log(np.where(p == 0.0, smallest, p)), None

    return scores.methods(probability, predict_log_proba=logarithm)


def sgd(model: Any, given: Stage) -> Final:
    """Compile a linear classifier trained by gradient descent."""
    scores = _Scores(model, given)
    if model.loss == "log_loss":
        return scores.methods(_logistic if scores.binary else _one_against_rest)
    if model.loss == "modified_huber" and scores.binary:
        return scores.methods(_huber)
    return scores.methods(None)


def _logistic(score: Any) -> Any:
    return two_columns(expit(score))


def _huber(score: Any) -> Any:
    return two_columns((np.clip(score, -1, 1) + 1.0) / 2.0)


def _one_against_rest(scores: Any) -> Any:
    out = expit(scores)
    total = out.sum(axis=-1, keepdims=True)
    if not total.all():
        raise Unsure
    out /= total
    return out


def _positive(probability: Any) -> Any:
    """Probabilities of zero have logarithms that native code warns of."""
    if not probability.all():
        raise Unsure
    return probability
