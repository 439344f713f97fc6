"""Conditions about logged rows, as SQL writes them: parsed by Polars, and never executed as Python."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from nbdeploy.errors import NotFound, WrongUsage

__all__ = ["Where"]

_LONGEST = 2000
_EXAMPLE = "write it as in SQL: tenure_days is null and plan = 'gold'"
_BROKEN = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError)


@dataclass(frozen=True)
class Where:
    """A condition that rows can be asked about.

    Parameters
    ----------
    text : str
        Comparisons, ``is null``, ``in``, ``between``, ``like``, ``and``, ``or``, ``not``, arithmetic and functions, as
        SQL has them; names with odd characters are in double quotes, text is in single ones.

    Raises
    ------
    WrongUsage
        If it is no condition.

    Examples
    --------
    >>> frame = pl.DataFrame({"age": [41, None], "plan": ["gold", "basic"]})
    >>> Where("age is null or plan = 'gold'").of(frame).height
    2
    """

    text: str

    def __post_init__(self) -> None:
        self.names  # noqa: B018 - reads the text

    @property
    def names(self) -> list[str]:
        """The columns that it is about."""
        return list(dict.fromkeys(self._expression().meta.root_names()))

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of which it is true.

        Raises
        ------
        NotFound
            If it names a column that is not there.
        WrongUsage
            If it means nothing for the columns' types.
        """
        self.check(frame.columns)
        try:
            return frame.filter(self._expression())
        except _BROKEN as error:
            raise self._refused(error) from error

    def check(self, columns: Collection[str]) -> None:
        """Refuse names that none of these columns has."""
        for name in self.names:
            if name not in columns:
                raise NotFound("column", name, columns, hint="text is written in single quotes, as 'gold'")

    def _expression(self) -> pl.Expr:
        if len(self.text) > _LONGEST:
            raise WrongUsage(f"a condition has at most {_LONGEST} characters, and this one {len(self.text)}")
        try:
            return pl.sql_expr(self.text)
        except _BROKEN as error:
            raise self._refused(error) from error

    def _refused(self, error: BaseException) -> WrongUsage:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return WrongUsage(f"the condition {self.text[:200]!r} is not understood: {reason}; {_EXAMPLE}")
