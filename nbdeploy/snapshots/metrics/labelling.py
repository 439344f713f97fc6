"""Metrics of several labels at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Labelling"]


@dataclass(frozen=True)
class Labelling:
    """Several labels predicted for each row. See :class:`nbdeploy.snapshots.metrics.tasks.Task`.

    Attributes
    ----------
    truth, guess : array of shape (n, m)
    """

    truth: NDArray[Any]
    guess: NDArray[Any]

    @property
    def units(self) -> int:
        """Rows."""
        return len(self.truth)

    @cached_property
    def _binary(self) -> bool:
        """Whether every label is 0 or 1."""
        return all(set(np.unique(part).tolist()) <= {0, 1} for part in (self.truth, self.guess))

    def points(self) -> dict[str, float]:
        """Return the metrics of all rows."""
        from sklearn import metrics

        if self.truth.shape != self.guess.shape:
            raise ValueError(f"{self.truth.shape[1]} labels for {self.guess.shape[1]} outputs")
        wrong = self.truth != self.guess
        found = {"accuracy": 1.0 - wrong.any(axis=1).mean(), "hamming_loss": wrong.mean()}
        if self._binary:
            found["f1"] = metrics.f1_score(self.truth, self.guess, average="macro", zero_division=0.0)
        return found

    def resampled(self, chosen: NDArray[np.intp], weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        """Return the metrics of resamples."""
        truth, guess = self.truth[chosen], self.guess[chosen]
        wrong, total = truth != guess, weights.sum(axis=1)
        found = {
            "accuracy": 1.0 - weights @ wrong.any(axis=1) / total,
            "hamming_loss": weights @ wrong.mean(axis=1) / total,
        }
        if self._binary:
            y, z = truth.astype(np.float64), guess.astype(np.float64)
            either = weights @ (y + z)
            found["f1"] = np.where(either > 0.0, 2.0 * (weights @ (y * z)) / np.maximum(either, 1.0), 0.0).mean(axis=1)
        return found

    def details(self) -> dict[str, Any]:
        """Return nothing more."""
        return {}
