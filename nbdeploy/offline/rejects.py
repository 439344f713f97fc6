"""Rows set aside: where they stood, what was wrong, and the rows as they were read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from nbdeploy.errors import WrongUsage
from nbdeploy.offline.fitting import Fault
from nbdeploy.tables import BadLine, Rows, Source

__all__ = ["FACTS", "Limit", "empty_rejects", "rejects_of", "written"]

FACTS = {"line": pl.Int64, "column": pl.String, "reason": pl.String}
"""The first columns of a file of rejects; the columns of the input follow."""

_RULE = re.compile(r"(\d{1,15})|(\d{1,3}(?:\.\d+)?)%")


@dataclass(frozen=True)
class Limit:
    """How many rows may be set aside: a number, or a share of all rows.

    Examples
    --------
    >>> Limit.parse("5%").exceeded(6, 100), Limit.parse("5").exceeded(6, None)
    (True, True)
    """

    text: str
    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Read ``100`` or ``2.5%``.

        Raises
        ------
        WrongUsage
            If it is neither.
        """
        found = _RULE.fullmatch(str(text).strip())
        if found is None or (found[2] and float(found[2]) > 100):
            raise WrongUsage(f"--max-rejects {text} is not understood: give a number of rows, or a share such as 2.5%")
        return cls(found[0], int(found[1])) if found[1] else cls(found[0], share=float(found[2]) / 100)

    def exceeded(self, rejected: int, total: int | None) -> bool:
        """Whether so many are too many of `total` rows; of a share nothing is known before the total is."""
        if self.count is not None:
            return rejected > self.count
        return total is not None and rejected > (self.share or 0.0) * total


def rejects_of(source: Source, rows: Rows, whole: pl.DataFrame, faults: Sequence[Fault]) -> pl.DataFrame | None:
    """Return what a span's rejects say, in the order of lines; None if there are none.

    Parameters
    ----------
    source : Source
        What was read.
    rows : Rows
        What reading the span gave.
    whole : polars.DataFrame
        Its rows with all their columns.
    faults : sequence of Fault
        Why rows of it are set aside.

    Returns
    -------
    polars.DataFrame
        ``line``, ``column``, ``reason``, the columns of the input, ``text`` for malformed lines, and the group that
        the reason belongs to.
    """
    if not faults and not rows.bad:
        return None
    empty = empty_rejects(source)
    lines = [rows.numbers[fault.row] for fault in faults]
    facts = pl.DataFrame(
        [[*lines], [f.column for f in faults], [f.reason for f in faults]], schema=FACTS, orient="col", strict=False
    )
    names = empty.columns
    read = [_plain(series) for series in whole[[fault.row for fault in faults]].get_columns()]
    tail = [pl.Series([None] * len(faults), dtype=pl.String)] if source.text else []
    groups = pl.Series([fault.group for fault in faults], dtype=pl.String)
    columns = [*facts.get_columns(), *read, *tail, groups]
    found = pl.DataFrame([series.alias(name) for series, name in zip(columns, names, strict=True)])
    together = pl.concat([found, *[_malformed(bad, empty) for bad in rows.bad]])
    return together[together.get_column(names[0]).arg_sort()]


def _malformed(bad: BadLine, empty: pl.DataFrame) -> pl.DataFrame:
    """A line that is no row, in the columns of those that are."""
    names = empty.columns
    facts = {names[0]: bad.number, names[1]: bad.column, names[2]: bad.reason, names[-2]: bad.text}
    facts[names[-1]] = bad.reason
    return pl.DataFrame([pl.Series(s.name, [facts.get(s.name)], dtype=s.dtype) for s in empty.get_columns()])


def empty_rejects(source: Source) -> pl.DataFrame:
    """Return no rejects, in the columns that rejects of a source have."""
    columns = [pl.Series(name, [], dtype=kind) for name, kind in FACTS.items()]
    taken = {*FACTS}
    tail = ["text", "group"] if source.text else ["group"]
    given = [_plain(series) for series in source.empty().get_columns()]
    given += [pl.Series(name, [], dtype=pl.String) for name in tail]
    for series in given:
        name = series.name
        while name in taken:
            name += "_"
        taken.add(name)
        columns.append(series.alias(name))
    return pl.DataFrame(columns)


def written(rejects: pl.DataFrame) -> pl.DataFrame:
    """Return what of rejects is written to their file: all but the groups."""
    return rejects.drop(rejects.columns[-1], strict=True)


def _plain(series: pl.Series) -> pl.Series:
    """A column as every kind of file can hold it: what is nested as JSON."""
    if not (series.dtype.is_nested() or series.dtype == pl.Object):
        return series
    texts = [None if v is None else msgspec.json.encode(_listed(v), enc_hook=str).decode() for v in series.to_list()]
    return pl.Series(series.name, texts, dtype=pl.String)


def _listed(value: object) -> object:
    return value.to_list() if isinstance(value, pl.Series) else value
