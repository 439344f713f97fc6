"""How often values occur: the most frequent ones by name, all others by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

import msgspec
import polars as pl

__all__ = ["Frequencies"]

CAPACITY = 100
"""Most values that are kept by name."""

LONGEST = 100
"""Longest value that is kept by name; what is longer is text of somebody's own."""

Count = Annotated[int, msgspec.Meta(ge=0)]


class Frequencies(msgspec.Struct, frozen=True):
    """Counts of the most frequent values, at most 100 of them, and of all others together.

    A count is exact, or a lower bound after merging: short by fewer rows than `rare` per part in which
    the value was rare, and by less than the least count kept where there are more values than are kept.

    A library's frequent-items sketch would keep rare values too, which are nobody's business.

    Attributes
    ----------
    counts : dict of str to int
        By value.
    other : int
        Rows with another value.

    Examples
    --------
    >>> Frequencies.of(pl.Series(["a", "b", "a"]), rare=2)
    Frequencies(counts={'a': 2}, other=1)
    """

    counts: dict[str, Count] = {}
    other: Count = 0

    def __post_init__(self) -> None:
        if len(self.counts) > CAPACITY:
            raise ValueError(f"{len(self.counts)} values are more than the {CAPACITY} that are kept")

    @classmethod
    def of(cls, values: pl.Series, rare: int = 1) -> Frequencies:
        """Count text; values that fewer than `rare` rows have are counted among the others."""
        found = values.alias("value").value_counts(name="count")
        found = found.filter((pl.col("count") >= rare) & (pl.col("value").str.len_chars() <= LONGEST))
        return _kept(dict(found.sort(["count", "value"], descending=[True, False])[:CAPACITY].rows()), len(values))

    def merge(self, other: Frequencies) -> Frequencies:
        """Count both together."""
        return _kept(Counter(self.counts) + Counter(other.counts), self.total + other.total)

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.counts.values()) + self.other

    def shares(self) -> dict[str, float]:
        """Return the share of rows of each value that is kept by name, most frequent first; others have the rest."""
        most = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return {value: count / self.total for value, count in most} if self.total else {}


def _kept(counts: Mapping[str, int], total: int) -> Frequencies:
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:CAPACITY]
    return Frequencies(dict(most), total - sum(count for _, count in most))
