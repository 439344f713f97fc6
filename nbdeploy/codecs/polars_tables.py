"""Polars frames and series."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.columns import column_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "native"]


class Polars:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        if isinstance(data, pl.LazyFrame):
            data = data.collect()
        if isinstance(data, pl.Series):
            data = data.alias(data.name or "value").to_frame()
        if not isinstance(data, pl.DataFrame):
            raise InvalidData(f"a Polars {type(data).__name__} is not a table; give a DataFrame or a Series")
        return [(column_of(series, str(series.dtype)), series) for series in data.get_columns()]

    def shape(self, data: Any) -> tuple[int, str | None]:
        return (1 if isinstance(data, pl.Series) else 2), None

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.collect()[rows] if isinstance(data, pl.LazyFrame) else data[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        frame = native(wire, signature)
        return frame.to_series(0) if signature.dims == 1 else frame


CONTAINER = Polars()


def native(wire: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Return wire rows with Polars' own categorical types, and NaN where the data had NaN for missing."""
    enums = {
        column.name: pl.Enum([str(value) for value in column.categories])
        for column in signature.columns
        if column.categories is not None
    }
    nans = [pl.col(column.name).fill_null(float("nan")) for column in signature.columns if column.missing == "nan"]
    return wire.with_columns(nans).cast(enums)  # type: ignore[arg-type]
