"""Tables made of Python's own types: a list of dicts, a dict of lists, a list of values."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.codecs.columns import column_of, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]


class Builtin:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        kind = _kind(data)
        if kind == "columns":
            lengths = {len(values) for values in data.values()}
            if len(lengths) > 1:
                raise InvalidData(f"the columns have different lengths: {sorted(lengths)}")
            lists = {str(name): list(values) for name, values in data.items()}
        elif kind == "records":
            names = dict.fromkeys(str(name) for row in data for name in row)
            lists = {name: [row.get(name) for row in data] for name in names}
        else:
            lists = {"value": list(data)}
        return [(_column(series), series) for series in (series_of(name, values) for name, values in lists.items())]

    def shape(self, data: Any) -> tuple[int, str | None]:
        kind = _kind(data)
        return (1 if kind == "values" else 2), kind

    def take(self, data: Any, rows: list[int]) -> Any:
        if isinstance(data, dict):
            return {name: [values[row] for row in rows] for name, values in data.items()}
        return [data[row] for row in rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        if signature.dtype == "records":
            return wire.to_dicts()
        if signature.dtype == "columns":
            return wire.to_dict(as_series=False)
        return wire[:, 0].to_list()


CONTAINER = Builtin()


def _kind(data: Any) -> str:
    if isinstance(data, dict):
        return "columns"
    if not isinstance(data, (list, tuple)):
        raise InvalidData(f"{type(data).__name__} is not a table; give a list of dicts or a dict of lists")
    if all(isinstance(row, dict) for row in data):
        return "records"
    for row, value in enumerate(data):
        if isinstance(value, (dict, list, tuple, set)):
            raise InvalidData(f"row {row} is a {type(value).__name__}, but other rows are not; give a list of dicts")
    return "values"


def _column(series: pl.Series) -> Column:
    """A column without values has no type of its own, which matters to a signature but not to binding."""
    if series.dtype == pl.Null:
        return Column(series.name, "string", "null", nullable=True)
    return column_of(series, str(series.dtype))
