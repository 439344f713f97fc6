"""scipy's sparse matrices and arrays: one wire column of sparse rows, never made dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from scipy import sparse

from nbdeploy.codecs.nested import sparse_series
from nbdeploy.codecs.numpy_tables import CONTAINER as NUMPY
from nbdeploy.codecs.parts import Part
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column, Signature

__all__ = ["CONTAINER", "matrix_of", "sparse_column"]

_NAME = "value"


class Scipy:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        if not sparse.issparse(data) or data.ndim != 2:
            raise InvalidData(f"a {type(data).__name__} is not a table; give a sparse matrix of rows and columns")
        return [_MatrixPart(data)]

    def placed(self, data: Any, signature: Signature) -> list[Part]:
        """Return the parts that stand for the signature's columns, by position."""
        only = signature.columns[0]
        if len(signature.columns) > 1 or only.type != "sparse":
            return NUMPY.placed(data.toarray(), signature)
        if data.shape[1] != (only.shape or [0])[0]:
            raise InvalidData(f"a matrix of {data.shape[1]} columns does not fit; the model takes {only.shape}")
        return self.parts(data)

    def form(self, data: Any) -> dict[str, Any]:
        return {"dtype": type(data).__name__}

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.tocsr()[rows].asformat(data.format)

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        matrix = matrix_of(wire[:, 0], signature.columns[0])
        form, _, kind = str(signature.dtype).partition("_")
        if form not in _FORMS:
            raise ValueError(f"{signature.dtype!r:.60} is no sparse form")
        return matrix.asformat(form) if kind == "array" else sparse.csr_matrix(matrix).asformat(form)


CONTAINER = Scipy()
_FORMS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")


class _MatrixPart(Part):
    """All of a sparse matrix. See :class:`nbdeploy.codecs.parts.Part`."""

    name = label = _NAME

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix

    def series(self) -> pl.Series:
        return sparse_series(_NAME, self._matrix)

    def described(self) -> tuple[Column, pl.Series]:
        return sparse_column(_NAME, self._matrix), self.series()


def sparse_column(name: str, matrix: Any) -> Column:
    """Describe the rows of a sparse matrix."""
    items = str(matrix.dtype.newbyteorder("="))
    return Column(name, "sparse", items, items=items, shape=[matrix.shape[1]])


def matrix_of(series: pl.Series, column: Column) -> Any:
    """Return sparse rows as a CSR array."""
    rows = series.rechunk().to_arrow()
    pairs = rows.flatten()
    starts = np.asarray(rows.offsets)
    width = (column.shape or [0])[0]
    values = pairs.field("value").to_numpy(zero_copy_only=False).astype(column.items, copy=False)
    small = np.int32 if max(width or 0, len(values)) < 2**31 else np.int64
    positions = pairs.field("index").to_numpy().astype(small)
    return sparse.csr_array((values, positions, (starts - starts[0]).astype(small)), shape=(len(series), width))
