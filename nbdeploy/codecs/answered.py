"""What models return, in all its shapes: counted, joined from pieces, and taken apart into columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.frames import CONTAINERS
from nbdeploy.codecs.nested import sparse_series
from nbdeploy.codecs.numpy_tables import array_series
from nbdeploy.codecs.values import series_of
from nbdeploy.errors import InvalidData

__all__ = ["WIDE", "dims_of", "join", "rows_of", "take_apart"]

WIDE = 256
"""Sparse answers of more columns than this are one column of sparse rows."""

_TABLES = {"pandas", "polars", "pyarrow"}


def rows_of(raw: Any) -> int:
    """Return the number of rows of a method's answer."""
    if _blocks(raw):
        return len(raw[0])
    if isinstance(raw, dict):
        return max((rows_of(value) for value in raw.values()), default=0)
    return int(raw.shape[0]) if getattr(raw, "shape", None) else len(raw)


def dims_of(raw: Any) -> int:
    """Return the number of dimensions of a method's answer."""
    if hasattr(raw, "shape"):
        return len(raw.shape)
    nested = isinstance(raw, dict) or (isinstance(raw, list) and raw and isinstance(raw[0], _ROWS))
    return 2 if nested else 1


def join(pieces: list[Any], rows: int) -> Any:
    """Join the native answers of consecutive calls, and cut the padding off."""
    first = pieces[0]
    if _blocks(first):
        return [join(list(group), rows) for group in zip(*pieces, strict=True)]
    if isinstance(first, dict):
        return {key: join([piece[key] for piece in pieces], rows) for key in first}
    if len(pieces) == 1:
        return first.iloc[:rows] if hasattr(first, "iloc") else first.tocsr()[:rows] if _sparse(first) else first[:rows]
    if isinstance(first, np.ndarray):
        masked = any(isinstance(piece, np.ma.MaskedArray) for piece in pieces)
        return (np.ma if masked else np).concatenate(pieces)[:rows]
    if hasattr(first, "iloc"):
        import pandas as pd

        return pd.concat(pieces, ignore_index=True).iloc[:rows]
    if isinstance(first, (pl.DataFrame, pl.Series)):
        return pl.concat(pieces)[:rows]
    if type(first).__module__.partition(".")[0] == "pyarrow":
        import pyarrow as pa

        return pa.concat_tables([pa.table(piece) for piece in pieces]).slice(0, rows)
    if _sparse(first):
        from scipy import sparse

        return sparse.vstack(pieces, format="csr")[:rows]
    return [value for piece in pieces for value in piece][:rows]


def take_apart(raw: Any, *, whole: bool = False) -> tuple[list[str] | None, list[pl.Series]]:
    """Take an answer apart into columns, with the labels it brings.

    Parameters
    ----------
    raw : object
        What a method returned: an array of any number of dimensions, a series, a frame, a sparse matrix, a list of
        values, lists or dicts, a dict of those, or one array of two dimensions per output.
    whole : bool
        Whether lists are one column of lists, also where they happen to be of one length.

    Raises
    ------
    InvalidData
        If it is none of those.
    """
    if _sparse(raw):
        if raw.shape[1] > WIDE:
            return None, [sparse_series("", raw)]
        raw = raw.toarray()
    if _blocks(raw):
        found = [(f"{i}_{j}", block[:, j]) for i, block in enumerate(raw) for j in range(block.shape[1])]
        return [label for label, _ in found], [array_series("", column) for _, column in found]
    if isinstance(raw, dict):
        return _of_dict(raw)
    if type(raw).__module__.partition(".")[0] in _TABLES:
        parts = CONTAINERS[type(raw).__module__.partition(".")[0]].parts(raw)
        return ([part.name for part in parts] if dims_of(raw) == 2 else None), [part.series() for part in parts]
    if isinstance(raw, list) and raw and isinstance(raw[0], dict):
        parts = CONTAINERS["builtins"].parts(raw)
        return [part.name for part in parts], [part.series() for part in parts]
    if isinstance(raw, (list, tuple)) and (whole or not _is_matrix(raw)):
        return None, [series_of("", [v.item() if isinstance(v, np.generic) else v for v in raw])]
    array = np.asanyarray(raw)
    if array.ndim == 0:
        raise InvalidData(
            f"the model answered with a {type(raw).__name__}; an answer has a row for each row it was given"
        )
    if array.ndim == 2 and not whole:
        return None, [array_series("", array[:, i]) for i in range(array.shape[1])]
    return None, [array_series("", array)]


def _of_dict(raw: dict[Any, Any]) -> tuple[list[str], list[pl.Series]]:
    names, columns = list[str](), list[pl.Series]()
    for key, value in raw.items():
        labels, found = take_apart(value)
        single = labels is None and len(found) == 1
        names += [str(key)] if single else [f"{key}_{label}" for label in labels or range(len(found))]
        columns += found
    if len({len(column) for column in columns}) > 1:
        raise InvalidData(f"the model answered with different numbers of rows: {[len(column) for column in columns]}")
    return names, columns


def _is_matrix(rows: Any) -> bool:
    """Whether rows are lists of one length, which are columns; anything else is one column."""
    if not rows or not all(isinstance(row, _ROWS) and not isinstance(row, dict) for row in rows):
        return False
    return len({len(row) for row in rows}) == 1


def _blocks(raw: Any) -> bool:
    """Whether an answer is one table per output, as scikit-learn's classifiers of several outputs give."""
    return isinstance(raw, list) and bool(raw) and isinstance(raw[0], np.ndarray) and raw[0].ndim == 2


def _sparse(raw: Any) -> bool:
    return hasattr(raw, "tocsr")


_ROWS = (np.ndarray, list, tuple, dict)
