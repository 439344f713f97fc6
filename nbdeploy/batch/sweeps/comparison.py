"""Which run of a sweep is the best."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbdeploy.errors import WrongUsage

__all__ = ["Pick"]

_COSTS = re.compile(r"(?<![a-z])(loss|error|mae|mse|rmse|rmsle|mape|deviance|brier|seconds|cost|regret)(?![a-z])")
"""What is better when there is less of it."""


@dataclass(frozen=True)
class Pick:
    """A metric, and which end of it is the better one.

    Attributes
    ----------
    metric : str
        Its name.
    highest : bool
        Whether more of it is better.
    """

    metric: str
    highest: bool = True

    @classmethod
    def parse(cls, text: str) -> Pick:
        """Read ``max:auc`` or ``min:loss``.

        Raises
        ------
        WrongUsage
            If it is neither.

        Examples
        --------
        >>> Pick.parse("min:log loss")
        Pick(metric='log loss', highest=False)
        """
        end, _, metric = text.partition(":")
        if end not in {"max", "min"} or not metric.strip():
            raise WrongUsage(f"{text!r} does not say which run is best: write max:METRIC or min:METRIC")
        return cls(metric.strip(), end == "max")

    @classmethod
    def likely(cls, metrics: Iterable[Mapping[str, Any]]) -> Pick | None:
        """The first metric that was published; more is better, unless its name is that of a cost.

        Examples
        --------
        >>> Pick.likely([{}, {"val_loss": 0.2}]), Pick.likely([{"closs": 1}])
        (Pick(metric='val_loss', highest=False), Pick(metric='closs', highest=True))
        """
        name = next((name for each in metrics for name in each), None)
        return None if name is None else cls(name, not _COSTS.search(name.lower()))

    def __str__(self) -> str:
        return f"{'max' if self.highest else 'min'}:{self.metric}"

    def value(self, metrics: Mapping[str, Any]) -> float | None:
        """The metric, if it was published and is a number."""
        found = metrics.get(self.metric)
        return None if found is None or math.isnan(found) else float(found)

    def order(self, metrics: Sequence[Mapping[str, Any]]) -> list[int]:
        """The positions of some metrics, best first; those without this one keep their order at the end.

        Examples
        --------
        >>> Pick("auc").order([{"auc": 0.5}, {}, {"auc": 0.9}])
        [2, 0, 1]
        """

        def rank(position: int) -> tuple[bool, float]:
            value = self.value(metrics[position])
            return value is None, 0.0 if value is None else (-value if self.highest else value)

        return sorted(range(len(metrics)), key=rank)
