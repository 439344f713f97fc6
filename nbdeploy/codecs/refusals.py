"""How a value that does not fit is refused: row, column, value, and what was expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import polars as pl

from nbdeploy.codecs.veiled import HIDDEN
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["Refused", "article", "expectation", "refuse", "refuse_rows", "some"]


@dataclass(frozen=True)
class Refused:
    """Every row that one check of a column refuses: the fact ``refused`` of an :class:`InvalidData`.

    Attributes
    ----------
    rows : sequence of int
        The rows, from 0, in order, each once.
    value : callable
        From a place among `rows` to the value there; only asked where it is to be shown.
    column : Column
        The column.
    why : str
        What is wrong, to be read after a value.
    brief : str
        The same in a word, to be read before a value.
    """

    rows: Sequence[int]
    value: Callable[[int], Any]
    column: Column
    why: str
    brief: str = ""

    def detail(self, place: int = 0, others: int = 0) -> str:
        """What is wrong with one of the rows, in words that do not name it."""
        more = f" (and {others} more rows)" if others else ""
        return f"{_shown(self.shown(place))} {self.why}{more}; expected {expectation(self.column)}"

    def reason(self, place: int = 0) -> str:
        """What is wrong with one of the rows, where many such reasons are listed beside the names of columns."""
        value, expected = _shown(self.shown(place)), expectation(self.column)
        if self.brief:
            return f"{self.brief} {value.removeprefix('the ')}"
        return f"{value} {self.why}" if expected in self.why else self.detail(place)

    def shown(self, place: int = 0) -> Any:
        """The value of one of the rows; of a private column only whether there is one."""
        value = self.value(place)
        value = value.to_list() if isinstance(value, pl.Series) else value
        return HIDDEN if self.column.private and value is not None else value

    def at(self, rows: Sequence[int]) -> Refused:
        """The same, of rows that have other numbers."""
        return Refused([int(rows[row]) for row in self.rows], self.value, self.column, self.why, self.brief)

    def error(self) -> InvalidData:
        """The refusal of the first row. Its ``detail`` is the message without the row."""
        row, detail = int(self.rows[0]), self.detail(others=len(self.rows) - 1)
        return InvalidData(
            f"row {row}, column {self.column.name!r}: {detail}",
            row=row,
            column=self.column.name,
            value=self.shown(),
            expected=self.column.type,
            detail=detail,
            refused=self,
        )


def refuse(series: pl.Series, bad: pl.Series, column: Column, why: str, brief: str = "") -> NoReturn:
    """Refuse all the bad rows, naming the first.

    Raises
    ------
    InvalidData
        Whose ``refused`` says which rows they are.
    """
    rows = bad.arg_true()
    raise Refused(rows.to_list(), lambda place: series[int(rows[place])], column, why, brief).error()


def refuse_rows(rows: Sequence[int], value: Callable[[int], Any], column: Column, why: str) -> NoReturn:
    """Refuse rows by number, each once however often it is named. See :func:`refuse`.

    Parameters
    ----------
    rows : sequence of int
        The rows, in order.
    value : callable
        From a place among `rows` to what is wrong there.
    column : Column
        The column.
    why : str
        What is wrong, to be read after a value.
    """
    first = {row: place for place, row in reversed([*enumerate(rows)])}
    each = sorted(first)
    raise Refused(each, lambda place: value(first[each[place]]), column, why).error()


def _shown(value: Any) -> str:
    return "the value" if value is None or value == HIDDEN else f"{value!r:.120}"


def expectation(column: Column) -> str:
    """Say in words what a column takes.

    Examples
    --------
    >>> expectation(Column("v", "list", "float64", items="float64", shape=[3]))
    'a list of 3 float64'
    """
    if column.type == "decimal":
        return f"a decimal of {column.precision} digits, {column.scale} after the point"
    if column.type == "sparse":
        return f"a row of {(column.shape or [0])[0]} {column.items}"
    if column.type != "list":
        return article(column.type)
    sizes = ["any number" if size is None else str(size) for size in column.shape or ()]
    return f"a list of {' × '.join(sizes)} {column.items}"


def article(type_name: str) -> str:
    """Put the article before the name of a type."""
    return f"{'an' if type_name[0] in 'aeio' else 'a'} {type_name}"


def some(values: list[Any]) -> str:
    """Name the first few of many values."""
    shown = ", ".join(repr(value) for value in values[:8])
    return shown if len(values) <= 8 else f"{shown} … ({len(values)})"
