"""Rows that stand for the data: spread evenly, with a missing value of every column that has one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Kept", "choose_rows"]


@dataclass(frozen=True)
class Kept:
    """The rows that stay in the bundle; a model may have been proven with others, that leave no trace.

    Attributes
    ----------
    sample : polars.DataFrame, n rows
        The rows, as on the wire.
    expected : polars.DataFrame, n rows
        The canonical answers of every method.
    privacy : mapping
        For the version record: where the rows come from, and how many are the user's own.
    """

    sample: pl.DataFrame
    expected: pl.DataFrame
    privacy: Mapping[str, Any] = field(default_factory=dict)


def choose_rows(wire: pl.DataFrame, n: int) -> list[int]:
    """Choose up to `n` row numbers: one with a missing value per column that has any, and others evenly spread.

    Examples
    --------
    >>> choose_rows(pl.DataFrame({"x": range(10)}), 5)
    [0, 2, 4, 6, 8]
    >>> choose_rows(pl.DataFrame({"x": [1, 2, None, 4, 5, 6]}), 3)
    [0, 2, 3]
    """
    gaps = sorted({int(column.is_null().arg_true()[0]) for column in wire.get_columns() if column.null_count()})[:n]
    others = np.delete(np.arange(wire.height), gaps)
    count = min(n, wire.height) - len(gaps)
    return sorted([*gaps, *(int(others[i * len(others) // count]) for i in range(count))])
