"""The parts of a table: its columns, each read only when it is asked for."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.columns import column_of
from nbdeploy.codecs.conforming import conform
from nbdeploy.types import Column

__all__ = ["Part", "SeriesPart"]


class Part:
    """One column of a table, or one level of its index.

    Attributes
    ----------
    name : str
        What other containers call it; need not be unique.
    label : Any
        What its own container calls it.
    level : bool
        Whether it is a level of the index.
    """

    name: str
    label: Any
    level: bool = False

    def series(self) -> pl.Series:
        """Read the values, nameless, for a signature that has such a column.

        Raises
        ------
        InvalidData
            If they are no column of any type.
        """
        raise NotImplementedError

    def described(self) -> tuple[Column, pl.Series]:
        """Describe the column, and return its values as on the wire, nameless.

        Raises
        ------
        InvalidData
            If it is of a type that no signature has.
        """
        series = self.series()
        return column_of(self.name, series, str(series.dtype)), series

    def bound(self, column: Column, unseen: str) -> pl.Series:
        """Fit the values to a column. See :func:`nbdeploy.codecs.conforming.conform`."""
        return conform(self.series(), column, unseen)

    def absent(self) -> pl.Series | None:
        """Return which rows lack the column altogether, if rows can."""
        return None


class SeriesPart(Part):
    """A column that is a Polars series already."""

    def __init__(self, series: pl.Series, name: str = "") -> None:
        self.name = self.label = name or series.name
        self._series = series.alias("")

    def series(self) -> pl.Series:
        """Return it."""
        return self._series
