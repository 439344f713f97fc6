"""Conditions about columns, as SQL writes them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

__all__ = ["column_name", "one_of"]

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def column_name(name: str) -> str:
    """Return a column's name, in quotes where SQL would take it for something else.

    Examples
    --------
    >>> column_name("age"), column_name("bill length"), column_name("order")
    ('age', '"bill length"', '"order"')
    """
    if _PLAIN.fullmatch(name):
        try:
            if pl.sql_expr(f"{name} is null").meta.root_names() == [name]:
                return name
        except pl.exceptions.PolarsError:
            pass
    return '"' + name.replace('"', '""') + '"'


def one_of(series: pl.Series, values: Sequence[str]) -> str:
    """Return the condition that a column has one of some values.

    Examples
    --------
    >>> one_of(pl.Series("plan", ["x"]), ["gold+", "it's"])
    "plan in ('gold+', 'it''s')"
    >>> one_of(pl.Series("rooms", [7]), ["7"])
    'rooms = 7'
    """
    quoted = ["'" + value.replace("'", "''") + "'" for value in values]
    shown = [*values] if series.dtype == pl.Boolean or series.dtype.is_numeric() else quoted
    name = column_name(series.name)
    return f"{name} = {shown[0]}" if len(shown) == 1 else f"{name} in ({', '.join(shown)})"
