"""What kind of task a model does, with scikit-learn's metrics for it, and the same metrics of resampled rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nbdeploy.snapshots.metrics.classification import Classification
from nbdeploy.snapshots.metrics.labelling import Labelling
from nbdeploy.snapshots.metrics.ranking import Ranking, groups_of
from nbdeploy.snapshots.metrics.regression import Regression

__all__ = ["Task", "task_of"]

_FEW = 20


class Task(Protocol):
    """Truth and answers of one kind of task."""

    @property
    def truth(self) -> Any:
        """What really was."""

    @property
    def units(self) -> int:
        """Number of what is resampled: rows, or groups of a ranking."""

    def points(self) -> dict[str, float]:
        """Return the metrics of all rows; NaN where one is not defined."""

    def resampled(self, chosen: NDArray[np.intp], weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        """Return the metrics of resamples.

        Parameters
        ----------
        chosen : array of shape (m,)
            The units that are resampled at all.
        weights : array of shape (b, m)
            How often each of them is in each resample.

        Returns
        -------
        mapping of str to array of shape (b,)
            By metric; NaN where it is not defined for a resample.
        """

    def details(self) -> dict[str, Any]:
        """Return more facts of the test rows, for the version record."""


def task_of(truth: Any, prediction: Any, probability: Any, classes: list[Any] | None, scores: Any) -> Task | None:
    """Recognise the task, or return None if no metric is apt."""
    grouped = groups_of(truth)
    if grouped is not None:
        return Ranking(*grouped, np.asarray(prediction))
    y, guess = np.asarray(truth), np.asarray(prediction)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if guess.ndim == 2 and guess.shape[1] == 1:
        guess = guess[:, 0]
    if y.ndim != guess.ndim or y.ndim not in {1, 2}:
        return None
    if y.ndim == 2:
        discrete = probability is not None or classes is not None or guess.dtype.kind not in "fc"
        return Labelling(y, guess) if discrete else Regression(y, guess)
    if classes is not None or _names_classes(y, guess):
        return Classification(y, guess, probability, classes, scores)
    return Regression(y, guess) if y.dtype.kind in "fiub" else None


def _names_classes(y: NDArray[Any], guess: NDArray[Any]) -> bool:
    """Whether a model without known classes answers with a few of the truth's own labels."""
    if guess.dtype.kind not in "OUSTiub" or (guess.dtype.kind in "iub") != (y.dtype.kind in "iub"):
        return False
    labels = set(y.tolist())
    return len(labels) <= _FEW and set(guess.tolist()) <= labels
