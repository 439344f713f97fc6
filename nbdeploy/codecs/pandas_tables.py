"""pandas frames and series, versions 2 and 3, rebuilt with their exact dtypes, labels and, where it matters, index."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from nbdeploy.codecs.columns import frame_of
from nbdeploy.codecs.labels import labels, live_label, plain_label
from nbdeploy.codecs.pandas_columns import PandasPart, values
from nbdeploy.codecs.parts import Part
from nbdeploy.errors import InvalidData
from nbdeploy.types import Axis, Signature

__all__ = ["CONTAINER", "quick_floats"]

_WIDE = 256
"""Frames of more sparse columns than this are one column of sparse rows."""


class Pandas:
    """See :class:`nbdeploy.codecs.frames.Container`."""

    def parts(self, data: Any) -> list[Part]:
        if isinstance(data, pd.Series):
            part = PandasPart(lambda: data, data.name)
            part.name = "value" if data.name is None else part.name
            return [part]
        if not isinstance(data, pd.DataFrame):
            raise InvalidData(f"a pandas {type(data).__name__} is not a table; give a DataFrame or a Series")
        return [PandasPart(partial(_column, data, i), label) for i, label in enumerate(data.columns)]

    def whole(self, data: Any, labels: list[Any] | None = None) -> Part | None:
        """Return a frame of very many sparse columns as one part; with labels, those columns of any frame."""
        wide = isinstance(data, pd.DataFrame) and data.shape[1] > _WIDE and data.columns.is_unique
        kinds = {*data.dtypes} if wide else set()
        sparse = len(kinds) == 1 and isinstance(kind := kinds.pop(), pd.SparseDtype) and kind.fill_value == 0
        if labels is None and not sparse:
            return None
        from nbdeploy.codecs.pandas_sparse import SparseFramePart

        return SparseFramePart(data, data.columns.tolist() if labels is None else labels)

    def levels(self, data: Any) -> list[Part]:
        """Return the levels of the index, as far as they are more than row numbers."""
        if _is_row_numbers(data.index):
            return []
        names = [f"level_{i}" if name is None else name for i, name in enumerate(data.index.names)]
        if data.index.nlevels == 1 and data.index.name is None:
            names = ["index"]
        found = [data.index.get_level_values(i) for i in range(data.index.nlevels)]
        return [PandasPart(level.to_series, name, level=True) for name, level in zip(names, found, strict=True)]

    def form(self, data: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {"dims": data.ndim}
        if not _is_row_numbers(data.index):
            names = [plain_label(name) for name in data.index.names]
            facts["index"] = Axis(type(data.index).__name__, names, str(data.index.dtype))
        return facts | (_header(data.columns) if data.ndim == 2 else {})

    def take(self, data: Any, rows: list[int]) -> Any:
        return data.iloc[rows]

    def rebuild(self, wire: pl.DataFrame, signature: Signature) -> Any:
        columns = [column for column in signature.columns if not column.level]
        levels = [column for column in signature.columns if column.level]
        index = _index(wire, levels, signature) if levels else None
        if signature.dims == 1:
            series = pd.Series(values(wire[columns[0].name].alias(""), columns[0]), name=labels(columns)[0])
            return series if index is None else series.set_axis(index)
        if columns[0].labels is not None:
            from nbdeploy.codecs.pandas_sparse import inner_labels, sparse_frame

            header = header_of(inner_labels(columns[0]), signature.header)
            return sparse_frame(wire[columns[0].name], columns[0], header)
        header = header_of(labels(columns), signature.header)
        if not levels and {column.dtype for column in columns} in ({"float64"}, {"float32"}):
            # One block in row order: linear algebra reads it as it stands, so a row's bits stay its own.
            # Missing values become NaN.
            return pd.DataFrame(np.ascontiguousarray(wire.to_numpy()), columns=header, copy=False)
        frame = pd.DataFrame({i: values(wire[c.name].alias(""), c) for i, c in enumerate(columns)}, copy=False)
        frame.columns = header
        return frame if index is None else frame.set_axis(index)


CONTAINER = Pandas()


def _column(data: Any, i: int) -> Any:
    return data.iloc[:, i]


def quick_floats(data: Any, signature: Signature) -> pl.DataFrame | None:
    """Bind a frame of exactly the signature's columns, all of one type of float and without missing values."""
    kinds = {column.type for column in signature.columns}
    if type(data) is not pd.DataFrame or len(kinds) > 1 or not kinds <= {"float32", "float64"} or not len(data):
        return None
    if data.columns.tolist() != signature.names or {str(kind) for kind in data.dtypes.tolist()} != kinds:
        return None
    block = data.to_numpy()
    if block.dtype != kinds.pop() or np.isnan(block).any():
        return None
    return frame_of([pl.Series(name, np.ascontiguousarray(block[:, i])) for i, name in enumerate(signature.names)])


def _is_row_numbers(index: Any) -> bool:
    """Whether an index says nothing: RangeIndex, or whole numbers without a name, as a selection of rows leaves."""
    return index.nlevels == 1 and index.name is None and isinstance(index.dtype, np.dtype) and index.dtype.kind in "iu"


def _header(columns: Any) -> dict[str, Any]:
    """The column labels' kind, names and dtype, unless plain labels give the same."""
    live = [live_label(plain_label(label)) for label in columns]
    made = _made(live, None)
    same = type(made) is type(columns) or isinstance(columns, pd.RangeIndex)
    if same and (made.dtype == columns.dtype) and list(made.names) == list(columns.names):
        return {}
    names = [plain_label(name) for name in columns.names]
    return {"header": Axis(type(columns).__name__, names, None if columns.nlevels > 1 else str(columns.dtype))}


def header_of(live: list[Any], header: Axis | None) -> Any:
    index = _made(live, header.dtype if header else None)
    if header is not None:
        index.names = [live_label(name) for name in header.names]
    return index


def _made(live: list[Any], dtype: str | None) -> Any:
    return pd.Index(live) if dtype is None else pd.Index(live, dtype=dtype)


def _index(wire: pl.DataFrame, levels: list[Any], signature: Signature) -> Any:
    axis = signature.index
    if axis is None or len(axis.names) != len(levels):
        raise ValueError("the signature's index has other levels than its columns say")
    names = [live_label(name) for name in axis.names]
    arrays = [values(wire[column.name].alias(""), column) for column in levels]
    if axis.kind == "MultiIndex":
        return pd.MultiIndex.from_arrays(arrays, names=names)
    return pd.Index(arrays[0], name=names[0])
