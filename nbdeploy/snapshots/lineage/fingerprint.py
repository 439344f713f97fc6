"""A fingerprint of data: the same for the same values, in whatever library they came, on every run and version."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import polars as pl

__all__ = ["fingerprint"]

_LARGEST = 32_000_000


def fingerprint(wire: pl.DataFrame, largest: int = _LARGEST) -> dict[str, Any]:
    """Hash the names, types and values of a table.

    Parameters
    ----------
    wire : polars.DataFrame, n rows
        The rows, as on the wire.
    largest : int
        About how many bytes to read; of a larger table rows are taken, evenly spread.

    Returns
    -------
    dict
        ``sha256``, ``rows``, and ``rows_hashed`` where those are fewer.

    Examples
    --------
    >>> fingerprint(pl.DataFrame({"age": [41, None]}))["rows"]
    2
    """
    every = max(1, -(-int(wire.estimated_size()) // largest)) if wire.height else 1
    rows = wire.gather_every(every) if every > 1 else wire
    digest = hashlib.sha256(f"{wire.height} {rows.height}".encode())
    for column in rows.get_columns():
        text = isinstance(column.dtype, (pl.Categorical, pl.Enum, pl.String))
        digest.update(f"\0{column.name}\0{'text' if text else column.dtype}\0".encode())
        _update(digest, column)
    facts: dict[str, Any] = {"sha256": digest.hexdigest(), "rows": wire.height}
    return facts if rows.height == wire.height else {**facts, "rows_hashed": rows.height}


def _update(digest: Any, column: pl.Series) -> None:
    """Hash which values are missing, and the bytes of the others."""
    present = column.is_not_null()
    digest.update(np.packbits(present.to_numpy()))
    values = column.drop_nulls() if column.null_count() else column
    dtype: Any = values.dtype
    if isinstance(dtype, (pl.List, pl.Array)):
        lists = values.cast(pl.List(dtype.inner))
        digest.update(lists.list.len().cast(pl.Int64).to_numpy().tobytes())
        if len(inner := lists.explode()):
            _update(digest, inner)
    elif isinstance(dtype, (pl.Categorical, pl.Enum, pl.String)):
        _update_texts(digest, values.cast(pl.String))
    elif dtype == pl.Boolean:
        digest.update(np.packbits(values.to_numpy()))
    elif isinstance(dtype, pl.Decimal) or not (dtype.is_numeric() or dtype.is_temporal()):
        _update_texts(digest, pl.Series([repr(value) for value in values], dtype=pl.String))
    else:
        numbers = values.fill_nan(float("nan")) if dtype.is_float() else values.to_physical()
        digest.update(np.ascontiguousarray(numbers.to_numpy()))


def _update_texts(digest: Any, texts: pl.Series) -> None:
    digest.update(texts.str.len_bytes().cast(pl.Int64).to_numpy().tobytes())
    digest.update("".join(texts.to_list()).encode())
