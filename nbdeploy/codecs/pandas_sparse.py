"""pandas frames of very many sparse columns, such as features of text: one wire column of sparse rows."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
from scipy import sparse

from nbdeploy.codecs.labels import live_label, plain_label, wire_name
from nbdeploy.codecs.nested import sparse_series
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.scipy_tables import matrix_of, sparse_column
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["SparseFramePart", "inner_labels", "sparse_frame"]


class SparseFramePart(Part):
    """The columns of a frame with certain labels, as one part.

    Parameters
    ----------
    frame : pandas.DataFrame
        The frame; it need not be sparse.
    labels : list
        The columns, in order.

    Raises
    ------
    InvalidData
        If it lacks one of them.
    """

    def __init__(self, frame: Any, labels: list[Any]) -> None:
        known = {*frame.columns} if isinstance(frame, pd.DataFrame) else set()
        missing = [wire_name(label) for label in labels if label not in known]
        if missing:
            shown = ", ".join(missing[:8]) + (f" … ({len(missing)})" if len(missing) > 8 else "")
            raise InvalidData(
                f"missing columns: {shown}; the model takes {len(labels)} by their names", missing=missing
            )
        self.name = self.label = "value"
        self._frame = frame[labels]

    def series(self) -> pl.Series:
        """Read all columns, without making them dense."""
        return sparse_series(self.name, self._matrix())

    def described(self) -> tuple[Column, pl.Series]:
        """Describe them as one column."""
        matrix = self._matrix()
        plain = [plain_label(label) for label in self._frame.columns]
        return msgspec.structs.replace(sparse_column(self.name, matrix), labels=plain), self.series()

    def _matrix(self) -> Any:
        if all(isinstance(kind, pd.SparseDtype) for kind in self._frame.dtypes):
            return sparse.csr_array(self._frame.sparse.to_coo())
        return sparse.csr_array(np.ascontiguousarray(self._frame.to_numpy()))


def inner_labels(column: Column) -> list[Any]:
    """Return the labels of the columns that a sparse row stands for."""
    return [live_label(label) for label in column.labels or ()]


def sparse_frame(series: pl.Series, column: Column, header: Any) -> Any:
    """Return sparse rows as a frame of sparse columns."""
    return pd.DataFrame.sparse.from_spmatrix(matrix_of(series, column), columns=header)
