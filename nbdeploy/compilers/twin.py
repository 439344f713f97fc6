"""Twins, and the rows they read: one record as Python values, or a batch as wire columns or as a matrix."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

__all__ = ["Answer", "Matrix", "Method", "Row", "Rows", "Twin", "Unsure"]

_log = logging.getLogger(__name__)

_QUICK, _CELLS = 2**17, 2**22
"""Numbers at once that stay in the processor's cache, and that memory has room for."""

_FEWEST = 256  # rows at once that make up for the calls

Answer = tuple[Any, Any]
"""What a method answers, and which rows it is not sure of: None for none, a truth value per row otherwise."""


class Unsure(Exception):
    """The twin leaves this record to native code: it may be an error there, or too close to a border."""


class Row:
    """One record.

    Parameters
    ----------
    values : sequence
        Python's own values as on the wire, in the order of the signature; missing is None.

    Attributes
    ----------
    lead : tuple of int
        The shape of what is computed from it, before the last axis: none.
    """

    __slots__ = ("values",)
    lead: tuple[int, ...] = ()

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values

    def numbers(self, positions: Sequence[int] | None, dtype: Any) -> Any:
        """Return columns as an array of shape (k,); all of them if `positions` is None. Missing is NaN."""
        values = self.values
        return np.array(values if positions is None else [values[i] for i in positions], dtype=dtype)

    def codes(self, position: int, table: Mapping[Any, int], other: int) -> Any:
        """Look a value up."""
        return table.get(self.values[position], other)

    def column(self, position: int) -> list[Any]:
        """Return the values of a column."""
        return [self.values[position]]


class Rows:
    """A batch of records, as wire columns. It offers the same as :class:`Row`, with an axis of rows before.

    Parameters
    ----------
    wire : polars.DataFrame, n rows
        Bound rows.
    """

    __slots__ = ("lead", "wire")

    def __init__(self, wire: pl.DataFrame) -> None:
        self.wire = wire
        self.lead = (wire.height,)

    def numbers(self, positions: Sequence[int] | None, dtype: Any) -> Any:
        """Return columns as an array of shape (n, k) in row order."""
        dtype = np.dtype(dtype)
        columns = self.wire.get_columns()
        if positions is None and dtype.kind == "f" and all(column.dtype == pl.Float64 for column in columns):
            return np.array(self.wire.to_numpy(), dtype, order="C")  # missing becomes NaN
        chosen = columns if positions is None else [columns[i] for i in positions]
        out = np.empty((self.wire.height, len(chosen)), dtype)
        for i, column in enumerate(chosen):
            if dtype.kind == "f":
                column = column.cast(pl.Float64)
                column = column.fill_null(float("nan")) if column.null_count() else column
            out[:, i] = column.to_numpy()
        return out

    def codes(self, position: int, table: Mapping[Any, int], other: int) -> Any:
        """Look values up; an array of shape (n,)."""
        get = table.get
        return np.fromiter((get(v, other) for v in self.column(position)), np.intp, self.wire.height)

    def column(self, position: int) -> list[Any]:
        """Return the values of a column."""
        return self.wire.to_series(position).to_list()


class Matrix:
    """A batch of records whose columns are all floats of one type, none missing. It offers the same as :class:`Rows`.

    Parameters
    ----------
    values : numpy.ndarray, shape (n, k)
        The records, in the order of the signature. It is not written to.
    """

    __slots__ = ("lead", "values")

    def __init__(self, values: Any) -> None:
        self.values = values
        self.lead = (len(values),)

    def numbers(self, positions: Sequence[int] | None, dtype: Any) -> Any:
        """Return columns as an array of shape (n, k) in row order, which the caller may write to."""
        values = self.values if positions is None else self.values[:, positions]
        return np.array(values, dtype, order="C")

    def codes(self, position: int, table: Mapping[Any, int], other: int) -> Any:
        """Look values up; an array of shape (n,)."""
        return np.array([table.get(value, other) for value in self.column(position)], np.intp)

    def column(self, position: int) -> list[Any]:
        """Return the values of a column."""
        found: list[Any] = self.values[:, position].tolist()
        return found


Method = Callable[[Any], Answer]
"""Answers a :class:`Row` (without the axis of rows), :class:`Rows` or a :class:`Matrix`."""


@dataclass(frozen=True)
class Twin:
    """A compiled model.

    Attributes
    ----------
    methods : mapping of str to callable
        What it answers; other methods of the model stay native.
    exact : mapping of str to bool
        Whether each is meant to give the very bits of the native answer. The proof decides.
    native : tuple of str
        Names of the steps that it calls natively.
    cells : int
        Numbers that it holds per row, at most: batches are cut by it.
    work : int
        Products that it sums per row.

    Examples
    --------
    >>> twin = Twin({"predict": lambda rows: (rows.numbers(None, float)[..., 0] * 2, None)}, {"predict": True})
    >>> twin.one("predict", [21.0])
    array([42.])
    >>> twin.many("predict", pl.DataFrame({"x": [1.0, 2.0]}))
    (array([2., 4.]), None)
    """

    methods: Mapping[str, Method]
    exact: Mapping[str, bool]
    native: tuple[str, ...] = ()
    cells: int = 1
    work: int = 0

    def one(self, method: str, values: Sequence[Any]) -> Any:
        """Answer one record, as the native method answers a batch of one.

        Parameters
        ----------
        method : str
            One of :attr:`methods`.
        values : sequence
            Bound values in the order of the signature; missing is None.

        Raises
        ------
        Unsure
            If native code has to answer.
        """
        try:
            answer, doubt = self.methods[method](Row(values))
        except Unsure:
            raise
        except Exception as error:
            _log.debug("a twin fails on a row, and native code is asked", exc_info=True)
            raise Unsure from error
        if doubt is not None and doubt:
            raise Unsure
        return [part[None] for part in answer] if type(answer) is list else np.asarray(answer)[None]

    def many(self, method: str, wire: pl.DataFrame | np.ndarray[Any, Any]) -> Answer:
        """Answer bound rows, and say of which rows it is not sure: None, or truth values of shape (n,).

        Parameters
        ----------
        method : str
            One of :attr:`methods`.
        wire : polars.DataFrame or numpy.ndarray
            The rows; an array is what a :class:`Matrix` takes.

        Raises
        ------
        Unsure
            If native code has to answer them all.
        """
        ask = self.methods[method]
        try:
            of = Matrix if isinstance(wire, np.ndarray) else Rows
            pieces = [ask(of(piece)) for piece in self._pieces(wire)]
        except Unsure:
            raise
        except Exception as error:
            _log.debug("a twin fails on a batch, and native code is asked", exc_info=True)
            raise Unsure from error
        if len(pieces) == 1:
            return pieces[0]
        answers = [answer for answer, _ in pieces]
        doubts = [doubt for _, doubt in pieces]
        doubt = None if doubts[0] is None else np.concatenate(doubts)
        if isinstance(answers[0], list):
            return [np.concatenate(parts) for parts in zip(*answers, strict=True)], doubt
        return np.concatenate(answers), doubt

    def _pieces(self, wire: Any) -> Iterator[Any]:
        cells = max(1, self.cells)
        step = max(1, min(_CELLS // cells, max(_FEWEST, _QUICK // cells)))
        for start in range(0, len(wire), step):
            yield wire[start : start + step]
