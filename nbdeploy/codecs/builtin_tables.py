"""Tables made of Python's own types: a list of dicts, a dict of lists, a list of values; one dict is one row."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.columns import column_of, labels, plain_label, series_of
from nbdeploy.codecs.polars_tables import native
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER"]


class Builtin:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def columns(self, data: Any) -> list[tuple[Column, pl.Series]]:
        kind, table = _table(data)
        lists: list[tuple[Any, list[Any]]]
        if kind == "columns":
            lists = [(name, list(values)) for name, values in table.items()]
            if len({len(values) for _, values in lists}) > 1:
                raise InvalidData(f"the columns have different lengths: {sorted({len(v) for _, v in lists})}")
        elif kind == "records":
            names = dict.fromkeys(name for row in table for name in row)
            lists = [(name, [row.get(name) for row in table]) for name in names]
        else:
            lists = [("value", list(table))]
        return [_take(label, values) for label, values in lists]

    def shape(self, data: Any) -> tuple[int, str | None]:
        kind, _ = _table(data)
        return (1 if kind == "values" else 2), kind

    def take(self, data: Any, rows: list[int]) -> Any:
        kind, table = _table(data)
        if kind == "columns":
            return {name: [values[row] for row in rows] for name, values in table.items()}
        return [table[row] for row in rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        frame = native(wire, signature)
        names = labels(signature.columns)
        if signature.dtype == "records":
            return [dict(zip(names, row, strict=True)) for row in frame.iter_rows()]
        if signature.dtype == "columns":
            return {name: series.to_list() for name, series in zip(names, frame.get_columns(), strict=True)}
        return frame[:, 0].to_list()


CONTAINER = Builtin()


def _table(data: Any) -> tuple[str, Any]:
    """The kind of a table, and the table; one record is a list of one."""
    if isinstance(data, dict):
        return _of_dict(data)
    if not isinstance(data, (list, tuple)):
        raise InvalidData(f"{type(data).__name__} is not a table; give a list of dicts or a dict of lists")
    if all(isinstance(row, dict) for row in data):
        return "records", data
    for row, value in enumerate(data):
        if isinstance(value, (dict, list, tuple, set)):
            raise InvalidData(
                f"row {row} is a {type(value).__name__}, not a row with column names; "
                "give a list of dicts, or a NumPy array of rows and columns",
                row=row,
            )
    return "values", data


def _of_dict(data: dict[Any, Any]) -> tuple[str, Any]:
    for name, values in data.items():
        if isinstance(values, (dict, set)):
            raise InvalidData(f"column {name!r} is a {type(values).__name__}; give a dict of lists, or a list of dicts")
    single = [
        name for name, values in data.items() if isinstance(values, (str, bytes)) or not hasattr(values, "__iter__")
    ]
    if single and len(single) < len(data):
        listed = next(name for name in data if name not in single)
        raise InvalidData(
            f"column {single[0]!r} is one value, {data[single[0]]!r:.60}, but column {listed!r} is a list; "
            "give lists only, or one record without lists"
        )
    return ("records", [data]) if single else ("columns", data)


def _take(label: Any, values: list[Any]) -> tuple[Column, pl.Series]:
    series = series_of(str(label), values)
    return msgspec.structs.replace(column_of(series, str(series.dtype)), label=plain_label(label)), series
