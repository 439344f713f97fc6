"""Tables of text, as a CSV file holds them: what a value is, is for the signature to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from nbdeploy.codecs.conforming import conform, parse
from nbdeploy.codecs.parts import Part, SeriesPart
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "Text"]


class Text:
    """A frame whose values are text still to be read.

    Parameters
    ----------
    frame : polars.DataFrame
        Columns of text; of numbers where whoever read them has found that parsing their text gives the same.
    where : callable, optional
        From a row's number to the words for where it stands, such as ``line 3``; ``row 1`` if not given.
    """

    def __init__(self, frame: pl.DataFrame, where: Callable[[int], str] = "row {}".format) -> None:
        self.frame = frame
        self.shape = frame.shape
        self.where = where


class _TextPart(SeriesPart):
    def bound(self, column: Column, unseen: str) -> pl.Series:
        series = self.series()
        return (parse if series.dtype == pl.String else conform)(series, column, unseen)


class _Texts:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Text) -> list[Part]:
        return [_TextPart(series) for series in data.frame.get_columns()]

    def form(self, _: Text) -> dict[str, Any]:
        raise InvalidData("a table of text does not say of which types its columns are; give the data itself")

    def take(self, data: Text, rows: list[int]) -> Text:
        return Text(data.frame[rows], lambda row: data.where(rows[row]))

    def rebuild(self, _: pl.DataFrame, __: Signature) -> Any:
        raise ValueError("no model is given a table of text")


CONTAINER = _Texts()
