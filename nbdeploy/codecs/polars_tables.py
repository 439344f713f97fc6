"""Polars frames and series."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.columns import frame_of, nameless
from nbdeploy.codecs.parts import Part, SeriesPart
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "native"]


class Polars:
    """See :class:`nbdeploy.codecs.frames.Container`. A lazy frame is one that is collected."""

    def parts(self, data: Any) -> list[Part]:
        if isinstance(data, pl.LazyFrame):
            data = data.collect()
        if isinstance(data, pl.Series):
            return [SeriesPart(data, data.name or "value")]
        if not isinstance(data, pl.DataFrame):
            raise InvalidData(f"a Polars {type(data).__name__} is not a table; give a DataFrame or a Series")
        return [SeriesPart(series) for series in data.get_columns()]

    def form(self, data: Any) -> dict[str, Any]:
        return {"dims": 1, "dtype": data.name or None} if isinstance(data, pl.Series) else {}

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.collect()[rows] if isinstance(data, pl.LazyFrame) else data[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        frame = frame_of([native(s, c).alias(c.name) for s, c in zip(nameless(wire), signature.columns, strict=True)])
        return frame.to_series(0).alias(signature.dtype or "") if signature.dims == 1 else frame


CONTAINER = Polars()


def native(series: pl.Series, column: Column) -> pl.Series:
    """Return wire values with Polars' own categorical types, and NaN where the data had NaN for missing."""
    if column.missing == "nan":
        return series.fill_null(float("nan"))
    if column.categories is None:
        return series
    if column.dtype.startswith("Categorical"):
        return series.cast(pl.Categorical)
    return series.cast(pl.String).cast(pl.Enum([str(value) for value in column.categories]))
