"""What SQLite's declared types mean, and values as these types have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any

import polars as pl

__all__ = ["KINDS", "column", "declared"]

KINDS: Sequence[tuple[type[pl.DataType] | tuple[type[pl.DataType], ...], str]] = (
    ((pl.Int8, pl.Int16, pl.Int32, pl.Int64), "INTEGER"),
    ((pl.Float32, pl.Float64), "REAL"),
    (pl.Boolean, "BOOLEAN"),
    (pl.String, "TEXT"),
    (pl.Date, "DATE"),
    (pl.Datetime, "TIMESTAMP"),
    (pl.Time, "TIME"),
    (pl.Decimal, "NUMERIC"),
    (pl.Binary, "BLOB"),
)
"""Types of values, and what a new table declares for them."""

# In this order, as rules 1 to 5 of SQLite's "Datatypes", with the names of dates and truth values before.
_DECLARED: Sequence[tuple[tuple[str, ...], pl.DataType]] = (
    (("bool",), pl.Boolean()),
    (("datetime", "timestamp"), pl.Datetime("us")),
    (("date",), pl.Date()),
    (("time",), pl.Time()),
    (("int",), pl.Int64()),
    (("char", "clob", "text"), pl.String()),
    (("blob",), pl.Binary()),
    (("real", "floa", "doub", "numeric", "decimal"), pl.Float64()),
)


def declared(text: str | None) -> pl.DataType | None:
    """Return what a declared type means; None if nothing is declared, or nothing that is known.

    Examples
    --------
    >>> declared("VARCHAR(20)"), declared("unsigned big int"), declared("")
    (String, Int64, None)
    """
    name = (text or "").lower()
    return next((kind for words, kind in _DECLARED if any(word in name for word in words)), None)


def column(name: str, kind: pl.DataType, values: Sequence[Any]) -> tuple[pl.Series, dict[int, str]]:
    """Return values as a column, and what is wrong with those that are not of its type, by row.

    Examples
    --------
    >>> series, wrong = column("n", pl.Int64(), [1, None, "x"])
    >>> series.to_list(), wrong
    ([1, None, None], {2: "'x' is no integer, as the column is declared"})
    """
    read = next((read for one, read in _READ.items() if isinstance(kind, one)), None)
    if read is None:
        return pl.Series(name, values, dtype=kind), {}
    taken, wrong = list[Any](), dict[int, str]()
    try:
        taken = [None if value is None else read[0](value) for value in values]
    except (ValueError, TypeError):
        taken = []
        for row, value in enumerate(values):
            try:
                taken.append(None if value is None else read[0](value))
            except (ValueError, TypeError):
                taken.append(None)
                wrong[row] = f"{value!r:.80} is no {read[1]}, as the column is declared"
    return pl.Series(name, taken, dtype=kind), wrong


def _only(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise TypeError
        return value

    return read


def _number(value: Any) -> float:
    return float(_only(float, int)(value))


def _boolean(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value)
    if found.tzinfo is not None:
        raise ValueError
    return found


_READ: dict[type[pl.DataType], tuple[Callable[[Any], Any], str]] = {
    pl.Int64: (_only(int), "integer"),
    pl.Float64: (_number, "number"),
    pl.String: (_only(str), "text"),
    pl.Binary: (_only(bytes), "bytes"),
    pl.Boolean: (_boolean, "truth value (0 or 1)"),
    pl.Date: (date.fromisoformat, "date (YYYY-MM-DD)"),
    pl.Datetime: (_moment, "time (YYYY-MM-DD HH:MM:SS, without zone)"),
    pl.Time: (time.fromisoformat, "time of day (HH:MM:SS)"),
}
