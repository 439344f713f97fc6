"""Finding the rows for which a model raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from nbdeploy.errors import InvalidData, NbdeployError

__all__ = ["answered", "told"]

_PROBES = 64
_MANY = 1_000
_UNSEEN = re.compile(r"Found unknown categories \[(.+)\] in column \d+ during transform$")
"""What the encoders of scikit-learn raise."""

Predict = Callable[[pl.DataFrame], pl.DataFrame]


def answered(
    predict: Predict, wire: pl.DataFrame, known: Callable[[], pl.DataFrame]
) -> Iterator[tuple[int, pl.DataFrame | Exception]]:
    """Answer rows, and find those for which the model raises: by halves, so that few rows cost few calls.

    Parameters
    ----------
    predict : callable
        From bound rows to their answers.
    wire : polars.DataFrame, n rows
        The rows.
    known : callable
        Returns rows that the model is known to answer; none if no such rows are kept.

    Yields
    ------
    first : int
        Place of the first of some consecutive rows.
    answers : polars.DataFrame or Exception
        Their answers; or what the model raised for the one row at that place.

    Raises
    ------
    InvalidData
        If the model raises the same for every row tried, also for rows that it answered when the snapshot was
        made; or for all of a thousand rows and more. That is not about rows.
    """
    whole = _answer(predict, wire)
    if not isinstance(whole, Exception):
        yield 0, whole
        return
    _refuse_broken(predict, wire, known, whole)
    if wire.height > 1:
        yield from _halves(predict, wire, 0)
    else:
        yield 0, whole


def _halves(predict: Predict, wire: pl.DataFrame, first: int) -> Iterator[tuple[int, pl.DataFrame | Exception]]:
    """Answer rows for which the model raised as a whole."""
    middle = wire.height // 2
    for start, part in ((0, wire[:middle]), (middle, wire[middle:])):
        found = _answer(predict, part)
        if isinstance(found, Exception) and part.height > 1:
            yield from _halves(predict, part, first + start)
        else:
            yield first + start, found


def _refuse_broken(predict: Predict, wire: pl.DataFrame, known: Callable[[], pl.DataFrame], error: Exception) -> None:
    """Refuse to look for rows to blame where it is the model that is broken."""
    step = max(1, wire.height // _PROBES)
    first = _answer(predict, wire[:1])
    if not all(_alike(first, _answer(predict, wire[i : i + 1])) for i in range(0, wire.height, step)):
        return
    sample = known()
    broken = sample.height > 0 and isinstance(_answer(predict, sample[:1]), Exception)
    if broken or wire.height >= _MANY:
        which = "rows of its own sample" if broken else f"every row that was tried of {wire.height:,}"
        raise InvalidData(f"{told(error)}; it does so for {which}, so that no single rows are to blame") from error


def _answer(predict: Predict, wire: pl.DataFrame) -> pl.DataFrame | Exception:
    try:
        return predict(wire)
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        return error


def _alike(one: object, other: object) -> bool:
    return isinstance(one, Exception) and (type(one), str(one)) == (type(other), str(other))


def told(error: Exception) -> str:
    """Say what a model raised.

    Examples
    --------
    >>> told(ValueError("x must be positive"))
    'the model raised ValueError: x must be positive'
    >>> told(ValueError("Found unknown categories ['gold+'] in column 0 during transform"))
    "unseen 'gold+' (the model raised ValueError)"
    """
    if isinstance(error, NbdeployError):
        return str(error)
    if unseen := _UNSEEN.match(str(error)):  # the column's number is one among those of the encoder
        return f"unseen {unseen[1]} (the model raised {type(error).__name__})"
    said = f": {error}" if str(error) else ""
    return f"the model raised {type(error).__name__}{said}"
