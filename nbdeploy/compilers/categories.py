"""Rows for trees that have categories of their own: numbers, and the codes of categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nbdeploy.compilers.stages import Fields, NotCompiled, Numbers, Stage, as_numbers, only_exact
from nbdeploy.compilers.twin import Unsure

__all__ = ["with_codes"]

_UNKNOWN = -1


def with_codes(
    given: Stage, known: Mapping[int, Sequence[Any]], dtype: Any, *, unknown_is_error: bool = False
) -> Numbers:
    """Return rows as numbers, where columns of categories hold the codes of their values.

    Parameters
    ----------
    given : Fields or Numbers
        The rows.
    known : mapping of int to sequence
        Column to its categories, in the order of their codes.
    dtype : numpy.dtype
        The type that the trees compare.
    unknown_is_error : bool
        Whether rows with a category that is not known are left to native code. Else it is NaN, as a missing one is.

    Raises
    ------
    NotCompiled
        If other columns have categories in the data than in the trees.
    """
    dtype = np.dtype(dtype)
    if isinstance(given, Fields) and any(field.column.type == "categorical" for field in given.fields):
        numbers = _coded(given, known, unknown_is_error)
    elif known:
        raise NotCompiled("its categories are numbers in the data")
    else:
        numbers = only_exact(as_numbers(given), "a tree")

    def run(x: Any) -> Any:
        with np.errstate(over="ignore"):
            return x.astype(dtype)

    return numbers.then(run, dtype=dtype)


def _coded(given: Fields, known: Mapping[int, Sequence[Any]], unknown_is_error: bool) -> Numbers:
    if given.before is not None or any(field.filled is not None for field in given.fields):
        raise NotCompiled("another step filled or made its categories")
    for i, field in enumerate(given.fields):
        if (field.column.type == "categorical") != (i in known):
            raise NotCompiled(
                f"column {field.column.name!r} has categories in the data or in the trees, but not in both"
            )
    rest = [i for i in range(len(given.fields)) if i not in known]
    numbers = as_numbers(given.take(rest)).run if rest else None
    columns = [(i, given.fields[i].position, *_codes(values)) for i, values in known.items()]

    def run(rows: Any) -> Any:
        out = np.empty((*rows.lead, len(given.fields)))
        if numbers is not None:
            out[..., rest] = numbers(rows)
        for i, position, codes, values in columns:
            at = rows.codes(position, codes, _UNKNOWN)
            if unknown_is_error and np.any(at == _UNKNOWN):
                raise Unsure
            out[..., i] = values[at]
        return out

    return Numbers(run, len(given.fields), np.dtype(np.float64), given.plan)


def _codes(categories: Sequence[Any]) -> tuple[dict[Any, int], Any]:
    """Value to place, and what is at each place: the code, or NaN for missing and unknown values."""
    count = len(categories)
    places: dict[Any, int] = {value: i for i, value in enumerate(categories)}
    return {**places, None: count}, np.append(np.arange(count, dtype=float), [np.nan, np.nan])
