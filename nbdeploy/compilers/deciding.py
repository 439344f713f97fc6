"""From scores to answers: labels, probabilities, and how close the best two are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compare import ROUNDING
from nbdeploy.compilers.stages import all_finite
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["above_zero", "best", "labels", "settled", "softmax", "two_columns"]


def labels(classes: Any, index: Any) -> Any:
    """Return classes by index: one, as an array without axes, or one per row."""
    return classes[int(index), ...] if index.ndim == 0 else classes.take(index, axis=0)


def best(classes: Any, scores: Any, size: Any | None) -> Answer:
    """Return the class with the highest score, the first of equals.

    Parameters
    ----------
    classes : array of shape (c,)
        The classes.
    scores : array of shape (c,) or (n, c)
        Their scores.
    size : array of shape () or (n,), or None
        What was summed, without signs, where scores are equal to the native ones only to rounding: rows whose
        best two are within 1e-9 of it are doubtful. None where scores have the native bits.
    """
    answer = labels(classes, scores.argmax(axis=-1))
    if size is None or len(classes) < 2:
        return answer, None
    top = np.partition(scores, -2, axis=-1)[..., -2:]
    return answer, top[..., 1] - top[..., 0] <= ROUNDING * np.maximum(1.0, size)


def above_zero(classes: Any, score: Any, size: Any | None) -> Answer:
    """Return the second class where the score is above zero, else the first. See :func:`best`."""
    if score.ndim == 0:  # plain numbers take a tenth of the time of arrays without axes
        one = float(score)
        return classes[int(one > 0), ...], None if size is None else abs(one) <= ROUNDING * max(1.0, float(size))
    answer = labels(classes, (score > 0).astype(np.intp))
    return answer, None if size is None else np.abs(score) <= ROUNDING * np.maximum(1.0, size)


def two_columns(second: Any) -> Any:
    """Return the probabilities of both classes, from that of the second."""
    out = np.empty((*np.shape(second), 2), second.dtype)
    out[..., 1] = second
    np.subtract(1, second, out=out[..., 0])
    return out


def softmax(scores: Any) -> Any:
    """Return exponentials that sum to one along the last axis."""
    out = np.exp(scores - scores.max(axis=-1, keepdims=True))
    out /= out.sum(axis=-1, keepdims=True)
    return out


def settled(compute: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Wrap what computes scores: where one is not finite, native code has to say what is wrong."""

    def run(rows: Any) -> Any:
        scores = compute(rows)
        if not all_finite(scores):
            raise Unsure
        return scores

    return run
