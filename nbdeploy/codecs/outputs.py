"""What models answer, as columns: named by method, typed, and joined again from pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import column_of, series_of
from nbdeploy.codecs.frames import CONTAINERS
from nbdeploy.errors import InvalidData
from nbdeploy.types import MethodOutput

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
    """
    labels, parts = _parts(raw)
    columns = _names(method, labels, len(parts), classes)
    frame = pl.DataFrame(dict(zip(columns, parts, strict=True)))
    types = [column_of(series, "").type if series.dtype != pl.Null else "string" for series in frame.get_columns()]
    return MethodOutput(columns, types, dims=_dims(raw)), frame


def output_frame(raw: Any, output: MethodOutput) -> pl.DataFrame:
    """Return a method's answer in the columns that its description names.

    Raises
    ------
    InvalidData
        If it has another number of columns.
    """
    _, parts = _parts(raw)
    if len(parts) != len(output.columns):
        raise InvalidData(f"the model answered with {len(parts)} columns; the snapshot has {len(output.columns)}")
    return pl.DataFrame(dict(zip(output.columns, parts, strict=True)))


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
        return np.concatenate(pieces)[:rows]
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(pieces, ignore_index=True).iloc[:rows]
    if isinstance(first, (pl.DataFrame, pl.Series)):
        return pl.concat(pieces)[:rows]
    if hasattr(first, "tocsr"):
        from scipy import sparse

        return sparse.vstack(pieces, format="csr")[:rows]
    return [value for piece in pieces for value in piece][:rows]


def _parts(raw: Any) -> tuple[list[str] | None, list[pl.Series]]:
    """Take an answer apart into columns, with the labels it brings."""
    if hasattr(raw, "tocsr"):
        raw = raw.toarray()
    if isinstance(raw, list) and raw and isinstance(raw[0], np.ndarray) and raw[0].ndim == 2:
        blocks = [(i, block) for i, block in enumerate(raw)]
        labels = [f"{i}_{j}" for i, block in blocks for j in range(block.shape[1])]
        return labels, [_series(block[:, j]) for _, block in blocks for j in range(block.shape[1])]
    if type(raw).__module__.partition(".")[0] in {"pandas", "polars", "pyarrow"}:
        parts = CONTAINERS[type(raw).__module__.partition(".")[0]].columns(raw)
        return ([column.name for column, _ in parts] if _dims(raw) == 2 else None), [series for _, series in parts]
    if isinstance(raw, (list, tuple)) and (not raw or not isinstance(raw[0], (list, tuple, dict, np.ndarray))):
        return None, [series_of("", [v.item() if isinstance(v, np.generic) else v for v in raw])]
    if isinstance(raw, list) and raw and isinstance(raw[0], dict):
        parts = CONTAINERS["builtins"].columns(raw)
        return [column.name for column, _ in parts], [series for _, series in parts]
    array = np.asarray(raw)
    if array.ndim == 1:
        return None, [_series(array)]
    if array.ndim != 2:
        raise InvalidData(f"the model answered with {array.ndim} dimensions; rows and columns are understood")
    return None, [_series(array[:, i]) for i in range(array.shape[1])]


def _series(values: Any) -> pl.Series:
    if values.dtype.kind in "OUS":
        return series_of("", [None if value is None or value != value else value for value in values.tolist()])
    return pl.Series("", np.ascontiguousarray(values))


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
