"""How a value that does not fit is refused: row, column, value, and what was expected."""

from __future__ import annotations

from typing import Any, NoReturn

import polars as pl

from nbdeploy.codecs.veiled import HIDDEN
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["article", "expectation", "refuse", "refuse_value", "some"]


def refuse(series: pl.Series, bad: pl.Series, column: Column, why: str) -> NoReturn:
    """Refuse the first of the bad rows."""
    rows = bad.arg_true()
    refuse_value(int(rows[0]), series[int(rows[0])], column, why, others=len(rows) - 1)


def refuse_value(row: int, value: Any, column: Column, why: str, others: int = 0) -> NoReturn:
    """Refuse one value.

    Raises
    ------
    InvalidData
        Naming it. Its ``detail`` is the message without the row, for those who know a better name of that.
    """
    value = value.to_list() if isinstance(value, pl.Series) else value
    if column.private:
        value = HIDDEN if value is not None else None
    more = f" (and {others} more rows)" if others else ""
    detail = f"{_shown(value)} {why}{more}; expected {expectation(column)}"
    raise InvalidData(
        f"row {row}, column {column.name!r}: {detail}",
        row=row,
        column=column.name,
        value=value,
        expected=column.type,
        detail=detail,
    )


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
