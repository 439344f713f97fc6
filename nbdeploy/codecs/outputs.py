"""What models answer, as columns: named by method, typed, and joined again from pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, series_of, typed
from nbdeploy.codecs.conforming import converted
from nbdeploy.codecs.frames import CONTAINERS
from nbdeploy.codecs.numpy_tables import array_series
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, MethodOutput

__all__ = ["describe_output", "join", "output_frame", "rows_of"]


def describe_output(method: str, raw: Any, classes: Sequence[Any] | None = None) -> tuple[MethodOutput, pl.DataFrame]:
    """Name and type the answer of a method.

    Parameters
    ----------
    method : str
        ``predict``, ``predict_proba`` …
    raw : array, series, frame, sparse matrix or list
        What the method returned.
    classes : sequence, optional
        The classes that probability columns belong to.

    Returns
    -------
    output : MethodOutput
        Column names (``prediction``, ``probability_<class>``, otherwise ``<method>_<index>``) and types.
    frame : polars.DataFrame
        The answer in those columns.

    Raises
    ------
    InvalidData
        If a column is of a type that no signature has.
    """
    labels, parts = _parts(raw)
    names = _names(method, labels, len(parts), classes)
    columns = [_described(part.alias(name)) for name, part in zip(names, parts, strict=True)]
    times = {column.name: column for column in columns if column.type in {"datetime", "duration"}}
    output = MethodOutput(names, [column.type for column in columns], dims=_dims(raw), times=times)
    return output, _frame(parts, output)


def output_frame(raw: Any, output: MethodOutput) -> pl.DataFrame:
    """Return a method's answer in the columns and types of its description, whatever values it has.

    Raises
    ------
    InvalidData
        If it has another number of columns, or a value that its column's type cannot hold exactly.
    """
    _, parts = _parts(raw)
    if len(parts) != len(output.columns):
        raise InvalidData(f"the model answered with {len(parts)} columns; the snapshot has {len(output.columns)}")
    return _frame(parts, output)


def rows_of(raw: Any) -> int:
    """Return the number of rows of a method's answer."""
    if isinstance(raw, list) and raw and isinstance(raw[0], np.ndarray):
        return len(raw[0])
    return int(raw.shape[0]) if hasattr(raw, "shape") else len(raw)


def join(pieces: list[Any], rows: int) -> Any:
    """Join the native answers of consecutive calls, and cut the padding off."""
    first = pieces[0]
    if isinstance(first, list) and first and isinstance(first[0], np.ndarray):
        return [join(list(group), rows) for group in zip(*pieces, strict=True)]
    if len(pieces) == 1:
        return first.iloc[:rows] if hasattr(first, "iloc") else first[:rows]
    if isinstance(first, np.ndarray):
        masked = any(isinstance(piece, np.ma.MaskedArray) for piece in pieces)
        return (np.ma if masked else np).concatenate(pieces)[:rows]
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(pieces, ignore_index=True).iloc[:rows]
    if isinstance(first, (pl.DataFrame, pl.Series)):
        return pl.concat(pieces)[:rows]
    if hasattr(first, "tocsr"):
        from scipy import sparse

        return sparse.vstack(pieces, format="csr")[:rows]
    return [value for piece in pieces for value in piece][:rows]


def _described(series: pl.Series) -> Column:
    """An answer's column; text if it has only missing values, or if it is categorical."""
    if isinstance(series.dtype, (pl.Null, pl.Categorical, pl.Enum)):
        return Column(series.name, "string", "string", nullable=True)
    column = typed(column_of(series, str(series.dtype)))
    return Column(column.name, column.type, column.dtype, nullable=True, unit=column.unit, timezone=column.timezone)


def _frame(parts: list[pl.Series], output: MethodOutput) -> pl.DataFrame:
    kinds = zip(output.columns, output.types, strict=True)
    columns = [output.times.get(name) or Column(name, kind, kind, nullable=True) for name, kind in kinds]
    return pl.DataFrame({c.name: _answer(part, c) for part, c in zip(parts, columns, strict=True)})


def _answer(part: pl.Series, column: Column) -> pl.Series:
    if part.dtype.is_float() and column.type not in {"float32", "float64"}:
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


def _parts(raw: Any) -> tuple[list[str] | None, list[pl.Series]]:
    """Take an answer apart into columns, with the labels it brings."""
    if hasattr(raw, "tocsr"):
        raw = raw.toarray()
    if isinstance(raw, list) and raw and isinstance(raw[0], np.ndarray) and raw[0].ndim == 2:
        blocks = [(i, block) for i, block in enumerate(raw)]
        labels = [f"{i}_{j}" for i, block in blocks for j in range(block.shape[1])]
        return labels, [array_series("", block[:, j]) for _, block in blocks for j in range(block.shape[1])]
    if type(raw).__module__.partition(".")[0] in {"pandas", "polars", "pyarrow"}:
        parts = CONTAINERS[type(raw).__module__.partition(".")[0]].columns(raw)
        return ([column.name for column, _ in parts] if _dims(raw) == 2 else None), [series for _, series in parts]
    if isinstance(raw, (list, tuple)) and (not raw or not isinstance(raw[0], (list, tuple, dict, np.ndarray))):
        return None, [series_of("", [v.item() if isinstance(v, np.generic) else v for v in raw])]
    if isinstance(raw, list) and raw and isinstance(raw[0], dict):
        parts = CONTAINERS["builtins"].columns(raw)
        return [column.name for column, _ in parts], [series for _, series in parts]
    array = np.asanyarray(raw)
    if array.ndim == 1:
        return None, [array_series("", array)]
    if array.ndim != 2:
        raise InvalidData(f"the model answered with {array.ndim} dimensions; rows and columns are understood")
    return None, [array_series("", array[:, i]) for i in range(array.shape[1])]


def _dims(raw: Any) -> int:
    if hasattr(raw, "shape"):
        return len(raw.shape)
    return 2 if isinstance(raw, list) and raw and isinstance(raw[0], (np.ndarray, list, tuple, dict)) else 1


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
