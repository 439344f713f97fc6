"""The rows of a table that fit a signature, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nbdeploy.codecs.refusals import Refused
from nbdeploy.errors import InvalidData

__all__ = ["Fault", "Fitted", "fit"]


@dataclass(frozen=True)
class Fault:
    """Why a row is set aside.

    Attributes
    ----------
    row : int
        Its place in the table.
    column : str
        The column that is to blame, or nothing.
    reason : str
        What is wrong, in words.
    group : str
        The same for all rows in which the same is wrong.
    error : Exception or None
        What the model raised.
    """

    row: int
    column: str
    reason: str
    group: str
    error: Exception | None = None


@dataclass(frozen=True)
class Fitted:
    """The rows that fit.

    Attributes
    ----------
    wire : polars.DataFrame
        Those rows, bound.
    places : array of int
        Where each of them is in the table.
    faults : list of Fault
        The others.
    """

    wire: pl.DataFrame
    places: NDArray[np.intp]
    faults: list[Fault] = field(default_factory=list)


def fit(
    bind: Callable[[Any], pl.DataFrame], take: Callable[[Any, Sequence[int]], Any], data: Any, height: int
) -> Fitted:
    """Bind the rows of a table that can be bound.

    It is bound once more for each check of a column that refuses rows, not for each row.

    Parameters
    ----------
    bind : callable
        From data to bound rows; see :func:`nbdeploy.codecs.bind`.
    take : callable
        From data and places to the rows at those places.
    data : table, n rows
        The data.
    height : int
        `n`.

    Raises
    ------
    InvalidData
        If something else than rows is wrong, such as a missing column.
    """
    places = np.arange(height)
    faults = list[Fault]()
    while True:
        try:
            return Fitted(bind(data), places, sorted(faults, key=lambda fault: fault.row))
        except InvalidData as error:
            found = _faults(error)
            if not found:
                raise
        faults += [Fault(int(places[one.row]), one.column, one.reason, one.group) for one in found]
        left = np.setdiff1d(np.arange(len(places)), [one.row for one in found])
        data, places = take(data, left.tolist()), places[left]


def _faults(error: InvalidData) -> list[Fault]:
    refused, row = error.facts.get("refused"), error.facts.get("row")
    if isinstance(refused, Refused):
        column = refused.column.name
        return [Fault(at, column, refused.reason(i), refused.why) for i, at in enumerate(refused.rows)]
    if isinstance(row, int):
        # Of Python objects only the first row that no column can hold is known.
        reason = str(error).removeprefix(f"row {row}").removeprefix(", ")
        return [Fault(row, str(error.facts.get("column", "")), reason, "is no value of a column")]
    return []
