"""A table as tensors, for JSON or raw."""

from __future__ import annotations

from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.oip.datatypes import datatype_name
from nbdeploy.codecs.oip.messages import Tensor
from nbdeploy.codecs.oip.raw import MISSING, series_bytes
from nbdeploy.codecs.strict_json import encode, listed, plain_series

__all__ = ["raw_tensor", "raw_tensors", "tensors"]


def tensors(frame: pl.DataFrame) -> list[Tensor]:
    """Return a table as one tensor per column.

    Examples
    --------
    >>> tensors(pl.DataFrame({"age": [41, None]}))
    [Tensor(name='age', shape=[2], datatype='INT64', data=[41, None], parameters={})]
    """
    return [_tensor(series) for series in frame.get_columns()]


def raw_tensors(frame: pl.DataFrame) -> list[Tensor]:
    """Return a table as one tensor of raw data per column."""
    return [raw_tensor(series) for series in frame.get_columns()]


def raw_tensor(series: pl.Series) -> Tensor:
    r"""Return a column as a tensor of raw data.

    Examples
    --------
    >>> raw_tensor(pl.Series("age", [41, None], dtype=pl.Int8))
    Tensor(name='age', shape=[2], datatype='INT8', data=b')\x00', parameters={'missing': '[1]'})
    """
    flat, shape = _flat(series)
    if not isinstance(flat.dtype, pl.Binary):
        flat = plain_series(flat)
    data, missing = series_bytes(flat)
    parameters: dict[str, Any] = {MISSING: msgspec.json.encode(missing).decode()} if missing else {}
    return Tensor(series.name, shape, datatype_name(flat.dtype), data, parameters)


def _tensor(series: pl.Series) -> Tensor:
    flat, shape = _flat(series)
    plain = plain_series(flat)
    return Tensor(series.name, shape, datatype_name(plain.dtype), listed(plain))


def _flat(series: pl.Series) -> tuple[pl.Series, list[int]]:
    """All values in row order, and the shape; lists of several lengths as JSON text, durations as whole units."""
    kind = series.dtype
    if isinstance(kind, pl.List) or (isinstance(kind, pl.Array) and series.null_count()):
        texts = [None if value is None else encode(value).decode() for value in listed(series)]
        return pl.Series(series.name, texts, dtype=pl.String), [len(series)]
    if isinstance(kind, pl.Array):
        return series.reshape((-1,)), [len(series), *kind.shape]
    return (series.to_physical() if isinstance(kind, pl.Duration) else series), [len(series)]
