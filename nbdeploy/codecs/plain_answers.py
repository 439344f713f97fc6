"""A model's own answer to a few records as values that JSON holds, without a table on the way."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from nbdeploy.types import MethodOutput

__all__ = ["PlainAnswer", "beside", "plain_answer"]

_NUMBERS = {
    name: np.dtype(name)
    for name in ("bool", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
}


class PlainAnswer:
    """Reads the answers of one method.

    Attributes
    ----------
    columns : list of str
        Their columns.

    Examples
    --------
    >>> PlainAnswer(MethodOutput(["prediction"], ["float64"])).rows(np.array([0.5]))
    [(0.5,)]
    """

    def __init__(self, output: MethodOutput) -> None:
        self.columns = output.columns
        self._width = len(output.columns)
        self._dtype = _NUMBERS.get(output.types[0])
        self._is_float = self._dtype is not None and self._dtype.kind == "f"

    def rows(self, raw: Any) -> list[Sequence[Any]] | None:
        """Return the values of each row, as :func:`nbdeploy.codecs.outputs.output_frame` has them.

        Parameters
        ----------
        raw : object
            What the method returned.

        Returns
        -------
        list of sequences, or None
            None if it is not an array of the usual kind, or holds an infinity; NaN stays NaN.
        """
        if type(raw) is not np.ndarray or not self._fits(raw):
            return None
        rows: list[Sequence[Any]]
        if raw.ndim == 1 and self._width == 1:
            rows = [(value,) for value in raw.tolist()]
        elif raw.ndim == 2 and raw.shape[1] == self._width:
            rows = raw.tolist()
        else:
            return None
        if self._is_float and any(inf in row or -inf in row for row in rows):
            return None  # JSON has a text for them, which is made elsewhere
        return rows

    def _fits(self, raw: Any) -> bool:
        if self._dtype is not None:
            return bool(raw.dtype == self._dtype)
        return raw.dtype.kind == "U" or (raw.dtype.kind == "O" and all(type(value) is str for value in raw.flat))


def plain_answer(output: MethodOutput) -> PlainAnswer | None:
    """Return what reads the answers of a method, if they are numbers of one type, truth values or text."""
    kinds = {*output.types}
    usual = len(kinds) == 1 and (kinds <= {*_NUMBERS} or kinds == {"string"}) and not output.details
    return PlainAnswer(output) if usual else None


def beside(parts: Sequence[list[Sequence[Any]]]) -> list[Sequence[Any]]:
    """Return the rows of several methods as rows of all their columns.

    Examples
    --------
    >>> beside([[("a",), ("b",)], [[1, 2], [3, 4]]])
    [['a', 1, 2], ['b', 3, 4]]
    """
    if len(parts) == 1:
        return parts[0]
    return [[value for part in row for value in part] for row in zip(*parts, strict=True)]
