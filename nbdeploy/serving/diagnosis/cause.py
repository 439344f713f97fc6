"""Since when something shows in rows, and whose rows they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Cause", "cause_of"]

MOST = 0.8
"""From this share of the rows in which it shows, they are somebody's."""

_GAIN = 12.0
"""By how much a change must explain the rows better (in natural logarithms of likelihood) than no change at all."""


@dataclass(frozen=True)
class Cause:
    """Since when, and whose.

    Attributes
    ----------
    since : datetime or None
        When it began; None if it is in all rows alike.
    caller : str
        Whose rows most of them are; empty if they are many callers'.
    share : float
        In what share of those rows, since then, it shows.
    """

    since: datetime | None = None
    caller: str = ""
    share: float = 0.0

    def words(self, today: datetime | None = None) -> str:
        """The same as part of a sentence.

        Examples
        --------
        >>> Cause(None, "crm-batch", 0.92).words()
        ', caller crm-batch (in 92 % of its rows)'
        """
        since = f" since {moment(self.since, today)}" if self.since is not None else ""
        return since + (
            f", caller {self.caller} (in {self.share:.0%} of its rows)".replace("%", " %") if self.caller else ""
        )


def cause_of(hits: pl.Series, times: pl.Series, callers: pl.Series) -> Cause:
    """Find since when something shows, and in whose rows.

    Parameters
    ----------
    hits : polars.Series of bool, n rows
        Where it shows.
    times, callers : polars.Series, n rows
        When they were asked, and by whom.

    Examples
    --------
    >>> from datetime import timedelta
    >>> times = pl.Series([datetime(2026, 11, 21) + timedelta(minutes=m) for m in range(60)])
    >>> hits = pl.Series([m >= 40 for m in range(60)])
    >>> cause_of(hits, times, pl.Series(["crm"] * 60)).since.minute
    40
    """
    if not hits.any():
        return Cause()
    table = pl.DataFrame({"hit": hits, "time": times, "caller": callers})
    most = table.filter(pl.col("hit")).group_by("caller").len().sort("len", "caller", descending=[True, False])
    caller = str(most["caller"][0]) if most["len"][0] >= MOST * float(hits.sum()) else ""
    mine = table.filter(pl.col("caller") == caller) if caller else table
    since = _onset(mine.sort("time"))
    later = mine if since is None else mine.filter(pl.col("time") >= since)
    return Cause(since, caller, float(later["hit"].mean() or 0.0))  # type: ignore[arg-type]


def _onset(table: pl.DataFrame) -> datetime | None:
    """Split the rows in time where both parts are most unlike (a binary segmentation by likelihood, once)."""
    hits = table["hit"].to_numpy().astype(float)
    n, total = len(hits), hits.sum()
    if n < 2:
        return None
    before, size = np.cumsum(hits)[:-1], np.arange(1, n)
    both = _likelihood(before, size) + _likelihood(total - before, n - size)
    # Rows of one request, or of one moment, are not to be told apart.
    both[(table["time"].diff().cast(pl.Int64).fill_null(0).to_numpy()[1:] == 0)] = -np.inf
    best = int(np.argmax(both))
    later = (total - before[best]) / (n - size[best])
    if both[best] - _likelihood(total, n) < _GAIN or later <= before[best] / size[best]:
        return None
    moment: datetime = table["time"][best + 1]
    return moment


def _likelihood(hits: Any, rows: Any) -> Any:
    """Logarithm of the likelihood of so many hits at their own rate."""
    rate = hits / rows
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(hits * np.log(rate)) + np.nan_to_num((rows - hits) * np.log1p(-rate))


def moment(when: datetime, today: datetime | None = None) -> str:
    """A moment as people here read it: the time of today, the day as well of others."""
    here, now = when.astimezone(), (today or datetime.now(when.tzinfo)).astimezone()
    return f"{here:%H:%M}" if here.date() == now.date() else f"{here.day} {here:%b %H:%M}"
