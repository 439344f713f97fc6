"""What models answer, as columns: named by method, and typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.answered import dims_of, join, rows_of, take_apart
from nbdeploy.codecs.columns import column_of, frame_of, wire_dtype
from nbdeploy.codecs.conforming import converted
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, MethodOutput

__all__ = ["describe_output", "join", "output_frame", "output_types", "rows_of"]

_DETAILED = {"datetime", "decimal", "duration", "list", "sparse"}


def describe_output(method: str, raw: Any, classes: Sequence[Any] | None = None) -> tuple[MethodOutput, pl.DataFrame]:
    """Name and type the answer of a method.

    Parameters
    ----------
    method : str
        ``predict``, ``predict_proba`` …
    raw : array, series, frame, sparse matrix, list or dict
        What the method returned.
    classes : sequence, optional
        The classes that probability columns belong to.

    Returns
    -------
    output : MethodOutput
        Column names (``prediction``, ``probability_<class>``, otherwise ``<method>_<index>``) and types. An array
        of more than two dimensions, lists of several lengths and a wide sparse matrix are one column.
    frame : polars.DataFrame
        The answer in those columns.

    Raises
    ------
    InvalidData
        If a column is of a type that no signature has.
    """
    labels, parts = take_apart(raw)
    names = _names(method, labels, len(parts), classes)
    columns = [_described(part.alias(name), raw) for name, part in zip(names, parts, strict=True)]
    details = {column.name: column for column in columns if column.type in _DETAILED}
    output = MethodOutput(names, [column.type for column in columns], dims=dims_of(raw), details=details)
    return output, _frame(parts, output)


def output_frame(raw: Any, output: MethodOutput) -> pl.DataFrame:
    """Return a method's answer in the columns and types of its description, whatever values it has.

    Raises
    ------
    InvalidData
        If it has another number of columns, or a value that its column's type cannot hold exactly.
    """
    lists = len(output.types) == 1 and output.types[0] == "list"
    _, parts = take_apart(raw, whole=lists)
    if len(parts) != len(output.columns):
        raise InvalidData(f"the model answered with {len(parts)} columns; the snapshot has {len(output.columns)}")
    return _frame(parts, output)


def output_types(output: MethodOutput) -> dict[str, Any]:
    """Return the Polars types of a method's answers, by column.

    Examples
    --------
    >>> output_types(MethodOutput(["prediction"], ["int64"]))
    {'prediction': Int64}
    """
    return {column.name: wire_dtype(column) for column in _columns(output)}


def _described(series: pl.Series, raw: Any) -> Column:
    """An answer's column; text if it has only missing values, or if it is categorical."""
    kind = series.dtype
    if isinstance(kind, (pl.Null, pl.Categorical, pl.Enum)):
        return Column(series.name, "string", "string", nullable=True)
    if isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
        items = str(raw.dtype)
        return Column(series.name, "sparse", items, nullable=True, items=items, shape=[raw.shape[1]])
    column = column_of(series.name, series.fill_nan(None) if kind.is_float() else series, str(kind))
    gaps = column.items is not None and column.items.startswith("float")
    return msgspec.structs.replace(column, nullable=True, missing=None, gaps=gaps)


def _columns(output: MethodOutput) -> list[Column]:
    kinds = zip(output.columns, output.types, strict=True)
    return [output.details.get(name) or Column(name, kind, kind, nullable=True) for name, kind in kinds]


def _frame(parts: list[pl.Series], output: MethodOutput) -> pl.DataFrame:
    return frame_of([_answer(part, c).alias(c.name) for part, c in zip(parts, _columns(output), strict=True)])


def _answer(part: pl.Series, column: Column) -> pl.Series:
    if part.dtype.is_float() and column.type not in {"float16", "float32", "float64", "list"}:
        part = part.fill_nan(None)
    try:
        return converted(part, column, exact=True)
    except InvalidData as error:
        raise InvalidData(
            f"the model answered {error.value!r:.60} in column {column.name!r}, but answered {column.type} "
            "when the snapshot was made",
            column=column.name,
            value=error.value,
            expected=column.type,
        ) from None


def _names(method: str, labels: list[str] | None, width: int, classes: Sequence[Any] | None) -> list[str]:
    if method == "predict":
        if labels is None:
            return ["prediction"] if width == 1 else [f"prediction_{i}" for i in range(width)]
        return [f"prediction_{label}" for label in labels]
    if method == "predict_proba":
        if classes is not None and labels is None and len(classes) == width:
            return [f"probability_{label}" for label in classes]
        return [f"probability_{label}" for label in labels or range(width)]
    return [f"{method}_{label}" for label in labels or range(width)]
