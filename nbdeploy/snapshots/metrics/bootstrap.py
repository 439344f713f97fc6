"""Intervals of metrics: how much they change when the test rows are drawn again."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from nbdeploy.snapshots.metrics.tasks import Task

__all__ = ["intervals"]

_RESAMPLES = 200
_MOST = 10_000
_SEED = 20_240_229
_FEWEST_DEFINED = 0.8


def intervals(task: Task, metrics: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return the 2.5 and 97.5 percentiles of each metric. See :func:`nbdeploy.snapshots.metrics.measure`.

    A metric that is not defined for a fifth of the resamples has none, nor has any of a single unit.
    """
    if task.units < 2 or not metrics:
        return {}
    rng = np.random.default_rng(_SEED)
    size = min(task.units, _MOST)
    chosen = np.arange(task.units) if size == task.units else rng.choice(task.units, size, replace=False)
    drawn = rng.integers(0, size, (_RESAMPLES, size)) + np.arange(_RESAMPLES)[:, None] * size
    weights = np.bincount(drawn.ravel(), minlength=_RESAMPLES * size).reshape(_RESAMPLES, size).astype(np.float64)
    resampled = task.resampled(chosen, weights)
    shrink = math.sqrt(size / task.units)
    found = {}
    for name, point in metrics.items():
        values = resampled.get(name, np.empty(0))
        defined = values[np.isfinite(values)]
        if len(defined) >= _FEWEST_DEFINED * _RESAMPLES:
            low, high = np.percentile(defined, (2.5, 97.5))
            # Of fewer rows than there are, the spread is about their own centre.
            centre = float(np.median(defined)) if shrink < 1.0 else point
            found[name] = (point + (float(low) - centre) * shrink, point + (float(high) - centre) * shrink)
    return found
