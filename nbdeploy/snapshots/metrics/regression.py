"""Metrics of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Regression"]


@dataclass(frozen=True)
class Regression:
    """Numbers predicted. See :class:`nbdeploy.snapshots.metrics.tasks.Task`.

    Attributes
    ----------
    truth, guess : array of shape (n,) or (n, m)
    """

    truth: NDArray[Any]
    guess: NDArray[Any]

    @property
    def units(self) -> int:
        """Rows."""
        return len(self.truth)

    def points(self) -> dict[str, float]:
        """Return the metrics of all rows."""
        from sklearn import metrics

        y, guess = self.truth, self.guess
        found = {
            "r2": metrics.r2_score(y, guess),
            "rmse": metrics.root_mean_squared_error(y, guess),
            "mae": metrics.mean_absolute_error(y, guess),
            "median_ae": metrics.median_absolute_error(y, guess),
        }
        return found if (y == 0).any() else {**found, "mape": metrics.mean_absolute_percentage_error(y, guess)}

    def resampled(self, chosen: NDArray[np.intp], weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        """Return the metrics of resamples."""
        y = self.truth[chosen].astype(np.float64).reshape(len(chosen), -1)
        guess = self.guess[chosen].astype(np.float64).reshape(len(chosen), -1)
        outputs = [_resampled(a, b, weights) for a, b in zip(y.T, guess.T, strict=True)]
        return {name: np.mean([output[name] for output in outputs], axis=0) for name in outputs[0]}

    def details(self) -> dict[str, Any]:
        """Return nothing more."""
        return {}


def _resampled(
    y: NDArray[np.float64], guess: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    total = weights.sum(axis=1)
    error = y - guess
    squares = weights @ error**2
    centred = y - y.mean()  # the variance of small deviations does not cancel
    spread = weights @ centred**2 - (weights @ centred) ** 2 / total
    return {
        "r2": np.where(spread > 0.0, 1.0 - squares / spread, np.nan),
        "rmse": np.sqrt(squares / total),
        "mae": weights @ np.abs(error) / total,
        "median_ae": _medians(np.abs(error), weights),
        "mape": weights @ (np.abs(error) / np.abs(y)) / total,
    }


def _medians(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Medians of values that occur as often as whole-number weights say."""
    order = np.argsort(values)
    reached = np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1:]
    middle = [np.argmax(reached >= np.floor((total + step) / 2), axis=1) for step in (1, 2)]
    medians: NDArray[np.float64] = (values[order][middle[0]] + values[order][middle[1]]) / 2
    return medians
