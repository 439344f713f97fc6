"""k nearest neighbours among few: distances to all of them, without a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nbdeploy.compare import ROUNDING
from nbdeploy.compilers.deciding import labels
from nbdeploy.compilers.stages import NotCompiled, Stage, all_finite, finite, floating, in_rows, only_exact
from nbdeploy.compilers.steps import Final
from nbdeploy.compilers.twin import Answer, Unsure

__all__ = ["classifier", "regressor"]

_MOST = 200_000
"""Numbers to compare a row with: beyond, the tree of the native model is faster."""


def _nearest(model: Any, given: Stage) -> Callable[[Any], tuple[Any, Any]]:
    """Return what finds the nearest rows: their numbers (…, k), and whether a distance too many is as near."""
    if model.effective_metric_ != "euclidean" or model.weights != "uniform":
        raise NotCompiled("its metric is not Euclidean, or its weights are not uniform")
    known = np.ascontiguousarray(model._fit_X, dtype=np.float64) if isinstance(model._fit_X, np.ndarray) else None
    if known is None or known.size > _MOST:
        raise NotCompiled(f"it has more than {_MOST} numbers to compare with; the native search is faster")
    numbers = only_exact(finite(floating(given)), "nearest neighbours")
    numbers.plan.count(cells=known.size)
    k = model.n_neighbors
    if k >= len(known):
        raise NotCompiled("every row is a neighbour")

    def run(rows: Any) -> tuple[Any, Any]:
        x = in_rows(numbers.run(rows))
        gap = known - x[..., None, :]
        distance = np.add.reduce(gap * gap, axis=-1)
        near = np.argpartition(distance, k, axis=-1)[..., : k + 1]
        found = np.take_along_axis(distance, near, axis=-1)
        if not all_finite(found):
            raise Unsure
        order = np.argsort(found, axis=-1, kind="stable")
        near, found = np.take_along_axis(near, order, axis=-1), np.take_along_axis(found, order, axis=-1)
        doubt = found[..., k] - found[..., k - 1] <= ROUNDING * found[..., k]
        return near[..., :k], doubt

    return run


def classifier(model: Any, given: Stage) -> Final:
    """Compile ``KNeighborsClassifier`` with uniform weights: shares of the neighbours' classes."""
    if model.outputs_2d_ or isinstance(model.classes_, list):
        raise NotCompiled("it answers several labels")
    nearest = _nearest(model, given)
    classes, known, count = np.asarray(model.classes_), np.asarray(model._y), len(model.classes_)
    one_hot = np.eye(count)

    def shares(rows: Any) -> Answer:
        near, doubt = nearest(rows)
        votes = one_hot[known[near]].sum(axis=-2)
        return votes / votes.sum(axis=-1, keepdims=True), doubt

    def predict(rows: Any) -> Answer:
        p, doubt = shares(rows)
        return labels(classes, p.argmax(axis=-1)), doubt

    return {"predict": (predict, True), "predict_proba": (shares, True)}


def regressor(model: Any, given: Stage) -> Final:
    """Compile ``KNeighborsRegressor`` with uniform weights: the mean of the neighbours."""
    nearest = _nearest(model, given)
    known = np.asarray(model._y)

    def predict(rows: Any) -> Answer:
        near, doubt = nearest(rows)
        return known[near].mean(axis=near.ndim - 1), doubt

    return {"predict": (predict, True)}
