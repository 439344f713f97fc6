"""Tables made of Python's own types: a list of dicts, a dict of lists, a list of values; one dict is one row."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, nameless, wire_dtype
from nbdeploy.codecs.labels import labels, plain_label, wire_name
from nbdeploy.codecs.numpy_tables import ArrayPart, object_values
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.polars_tables import native
from nbdeploy.codecs.values import holds, series_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "quick_rows"]

_EXACT = {"bool": bool, "float64": float, "int64": int, "string": str}
_QUICK = 64
_ABSENT: Any = object()


class Builtin:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        kind, table = _table(data)
        if kind == "columns":
            heights = {len(values) for values in table.values()}
            if len(heights) > 1:
                raise InvalidData(f"the columns have different lengths: {sorted(heights)}")
            return [_column(label, values) for label, values in table.items()]
        if kind == "records":
            return [ListPart(label, rows=table) for label in dict.fromkeys(name for row in table for name in row)]
        return [ListPart("value", list(table))]

    def form(self, data: Any) -> dict[str, Any]:
        kind, _ = _table(data)
        return {"dims": 1 if kind == "values" else 2, "dtype": kind}

    def take(self, data: Any, rows: list[int]) -> Any:
        kind, table = _table(data)
        if kind == "columns":
            return {
                name: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
                for name, values in table.items()
            }
        return [table[row] for row in rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        columns = zip(nameless(wire), signature.columns, strict=True)
        values = [_values(series, column) for series, column in columns]
        names = labels(signature.columns)
        if signature.dtype == "columns":
            return dict(zip(names, values, strict=True))
        if signature.dtype != "records":
            return values[0]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
        for name, column in zip(names, signature.columns, strict=True):
            if column.missing == "absent":
                for row in rows:
                    if row[name] is None:
                        del row[name]
        return rows


CONTAINER = Builtin()


class ListPart(Part):
    """A column of Python values, of a list or out of records. See :class:`nbdeploy.codecs.parts.Part`."""

    def __init__(self, label: Any, values: list[Any] | None = None, rows: list[Any] | None = None) -> None:
        self.name = wire_name(label)
        self.label = label
        self._rows = rows
        self._own = values

    @property
    def _values(self) -> list[Any]:
        return [row.get(self.label) for row in self._rows] if self._own is None and self._rows else self._own or []

    def series(self) -> pl.Series:
        return series_of(self.name, self._values)

    def described(self) -> tuple[Column, pl.Series]:
        values = self._values
        series = series_of(self.name, values)
        column = column_of(self.name, series, str(series.dtype))
        facts: dict[str, Any] = {"holds": holds(values), "label": _label(self.label)}
        absent = self.absent()
        if absent is not None and absent.any():
            if series.filter(~absent).null_count():
                raise InvalidData(
                    f"column {self.name!r} is None in some rows and absent from others, which would become one: "
                    "leave it out, or give None, in all of them",
                    column=self.name,
                )
            facts |= {"missing": "absent", "required": False}
        return msgspec.structs.replace(column, **facts), series

    def absent(self) -> pl.Series | None:
        return None if self._rows is None else pl.Series([self.label not in row for row in self._rows])


class _ArrayColumn(ArrayPart):
    """A column that is an array, in a dict of columns."""

    def described(self) -> tuple[Column, pl.Series]:
        column, series = super().described()
        return msgspec.structs.replace(column, dtype=f"ndarray[{column.dtype}]", label=_label(self.label)), series


def quick_rows(data: Any, columns: list[Column]) -> pl.DataFrame | None:
    """Bind a few records whose values are exactly of their columns' types; None if they need a closer look."""
    if type(data) is not list or not 0 < len(data) <= _QUICK:
        return None
    kinds = [(column.name, _kind(column), column.categories) for column in columns if column.label is None]
    if len(kinds) < len(columns):
        return None
    for row in data:
        if type(row) is not dict:
            return None
        for name, kind, categories in kinds:
            value = row.get(name)
            if type(value) is not kind or value != value or (categories is not None and value not in categories):
                return None
    try:
        # A series for each column would take four times as long.
        return pl.DataFrame(data, schema={column.name: wire_dtype(column) for column in columns})
    except (TypeError, OverflowError, UnicodeError, pl.exceptions.PolarsError):
        return None


def _kind(column: Column) -> type | None:
    """The class of the values that need no closer look."""
    if column.categories is None:
        return _EXACT.get(column.type)
    return type(column.categories[0]) if 0 < len(column.categories) <= _QUICK else None


def _label(label: Any) -> Any:
    return None if isinstance(label, str) else plain_label(label)


def _column(label: Any, values: Any) -> Part:
    if isinstance(values, np.ndarray):
        part = _ArrayColumn(wire_name(label), values)
        part.label = label
        return part
    return ListPart(label, list(values))


def _values(series: pl.Series, column: Column) -> Any:
    if column.dtype.startswith("ndarray["):
        dtype = np.dtype(column.dtype[8:-1])
        if dtype.kind == "O":
            return object_values(series, column, None if column.missing == "none" else np.nan)
        return series.to_numpy().astype(dtype, copy=False)
    if column.holds in {"tuple", "ndarray"}:
        return object_values(series, column, None).tolist()
    return native(series, column).to_list()


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
