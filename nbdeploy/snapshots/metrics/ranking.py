"""Metrics of rankings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ranking", "groups_of"]

GROUPS = ("group", "qid", "query")


@dataclass(frozen=True)
class Ranking:
    """Rows ranked within groups. See :class:`nbdeploy.snapshots.metrics.tasks.Task`.

    Attributes
    ----------
    truth : array of shape (n,)
        Relevance, not negative.
    groups : array of shape (n,)
        Which rows are ranked against each other.
    guess : array of shape (n,)
        Larger is ranked higher.
    """

    truth: NDArray[Any]
    groups: NDArray[Any]
    guess: NDArray[Any]

    @property
    def units(self) -> int:
        """Groups of more than one row."""
        return len(self._gains)

    @cached_property
    def _gains(self) -> NDArray[np.float64]:
        """Both metrics of each group, shape (g, 2)."""
        from sklearn.metrics import ndcg_score

        order = np.argsort(self.groups, kind="stable")
        starts = np.flatnonzero(np.r_[True, self.groups[order][1:] != self.groups[order][:-1]])
        found = [
            [ndcg_score([self.truth[rows]], [self.guess[rows]], k=k) for k in (None, 10)]
            for rows in np.split(order, starts[1:])
            if len(rows) > 1
        ]
        return np.array(found, dtype=np.float64).reshape(-1, 2)

    def points(self) -> dict[str, float]:
        """Return the metrics of all rows."""
        if not self.units:
            return {}
        ndcg, at_10 = self._gains.mean(axis=0)
        return {"ndcg": ndcg, "ndcg_at_10": at_10}

    def resampled(self, chosen: NDArray[np.intp], weights: NDArray[np.float64]) -> Mapping[str, NDArray[np.float64]]:
        """Return the metrics of resamples."""
        ndcg, at_10 = (weights @ self._gains[chosen] / weights.sum(axis=1)[:, None]).T
        return {"ndcg": ndcg, "ndcg_at_10": at_10}

    def details(self) -> dict[str, Any]:
        """How many groups were ranked."""
        return {"groups": self.units}


def groups_of(truth: Any) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Take relevance and groups out of a table that has a column for each, or return None."""
    names = list(getattr(truth, "columns", ()))
    by_name = [name for name in names if str(name).lower() in GROUPS]
    if len(names) != 2 or len(by_name) != 1:
        return None
    other = next(name for name in names if name not in by_name)
    return np.asarray(truth[other]), np.asarray(truth[by_name[0]])
