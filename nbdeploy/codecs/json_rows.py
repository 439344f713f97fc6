"""Rows as they stand in JSON: records, rows of values, columns; and answers in the same forms.

JSON has no infinities and no NaN: in columns of floats, the text ``"Infinity"``, ``"-Infinity"`` and ``"NaN"`` stands
for them. See :mod:`nbdeploy.codecs.strict_json`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import polars as pl

from nbdeploy.codecs.strict_json import INFINITE, listed, records
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["of_columns", "of_instances", "of_records", "of_rows", "predictions"]

Record = dict[Any, Any]


def of_records(given: Record | list[Record], signature: Signature) -> list[Record]:
    """Return records; a lone one is one row.

    Examples
    --------
    >>> of_records({"age": "Infinity"}, Signature("pandas", [Column("age", "float64", "float64")]))
    [{'age': inf}]
    """
    rows = [given] if isinstance(given, dict) else given
    floats = [column.name for column in signature.columns if _is_float(column)]
    for row in rows:
        for name in floats:
            if isinstance(row.get(name), (str, list)):
                row[name] = _number(row[name])
    return rows


def of_rows(rows: Sequence[Any], names: Sequence[Hashable], signature: Signature) -> list[Record]:
    """Return rows of values as records.

    Parameters
    ----------
    rows : sequence of list
        The values of each row.
    names : sequence
        The column of each value.
    signature : Signature
        What the model takes.

    Raises
    ------
    InvalidData
        If a row is no list, or has not one value for each name.
    """
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            found = f"{len(row)} values" if isinstance(row, list) else f"{row!r:.60}"
            shown = ", ".join(map(str, names[:12])) + (" …" if len(names) > 12 else "")
            raise InvalidData(f"row {number} has {found} where {len(names)} belong: {shown}", row=number)
    return of_records([dict(zip(names, row, strict=True)) for row in rows], signature)


def of_columns(columns: dict[str, Any], signature: Signature) -> Any:
    """Return columns of values, each a list; lists of one value each are that value, where the model takes no lists.

    Raises
    ------
    InvalidData
        If the columns have different lengths.
    """
    lists = {column.name for column in signature.columns if column.shape is not None}
    floats = {column.name for column in signature.columns if _is_float(column)}
    if not any(isinstance(values, list) for values in columns.values()):
        return of_records(columns, signature)
    found = {name: values if name in lists else _narrow(values) for name, values in columns.items()}
    return {name: _number(values) if name in floats else values for name, values in found.items()}


def of_instances(instances: list[Any], signature: Signature) -> list[Record]:
    """Return rows that are records, lists of values in the model's order, or values of its only column.

    Raises
    ------
    InvalidData
        If a row is none of those.
    """
    if all(isinstance(row, dict) for row in instances):
        return of_records(instances, signature)
    only = signature.columns[0] if len(signature.columns) == 1 else None
    if only is not None and (only.shape is not None or not any(isinstance(row, (list, dict)) for row in instances)):
        return of_records([{only.name: value} for value in instances], signature)
    return of_rows(instances, signature.names, signature)


def predictions(frame: pl.DataFrame, signature: Signature, methods: Sequence[str]) -> list[Any]:
    """Return answers as other servers write them: a value or a list for each row, or, of several methods, a record.

    Parameters
    ----------
    frame : polars.DataFrame, n rows
        The answers.
    signature : Signature
        What the model answers.
    methods : sequence of str
        The methods that answered; the default one, if none.

    Examples
    --------
    >>> from nbdeploy.types import MethodOutput
    >>> output = MethodOutput(["prediction"], ["int64"])
    >>> signature = Signature("pandas", [Column("age", "int64", "int64")], {"predict": output})
    >>> predictions(pl.DataFrame({"prediction": [1, 0]}), signature, [])
    [1, 0]
    """
    if len(methods) > 1:
        return records(frame)
    output = signature.outputs[methods[0] if methods else signature.default_method]
    columns = [listed(series) for series in frame.get_columns()]
    if len(columns) == 1 and (output.dims != 2 or output.types[0] in {"list", "sparse"}):
        return columns[0]
    return [list(row) for row in zip(*columns, strict=True)]


def _is_float(column: Column) -> bool:
    return (column.items or column.type).startswith("float")


def _number(value: Any) -> Any:
    """A value in which text that stands for an infinity is one."""
    if isinstance(value, list):
        return [_number(item) for item in value] if any(isinstance(item, (str, list)) for item in value) else value
    return INFINITE.get(value, value) if isinstance(value, str) else value


def _narrow(values: Any) -> Any:
    """Columns of one value each, as tensors of shape (rows, 1) are written."""
    if isinstance(values, list) and values and all(isinstance(value, list) and len(value) == 1 for value in values):
        return [value[0] for value in values]
    return values
