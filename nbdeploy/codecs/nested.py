"""Lists, arrays and sparse rows made to conform to a column's type, if that loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import SIMPLE, item_column, nested_type, wire_dtype
from nbdeploy.codecs.refusals import Refused, expectation, refuse, refuse_rows
from nbdeploy.codecs.scalars import converted
from nbdeploy.codecs.values import series_of
from nbdeploy.codecs.written import read_lists
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["nested", "sparse_series"]


def nested(series: pl.Series, column: Column, *, exact: bool = False) -> pl.Series:
    """Return lists or sparse rows in the column's wire type. See :func:`nbdeploy.codecs.scalars.converted`.

    A sparse row may come as its positions and values, or as a list as long as it is wide.
    """
    series = series.alias("")
    target = wire_dtype(column)
    if series.dtype in (pl.Null, target) and not len(series):
        return series.cast(target)
    if series.dtype == pl.String:
        series = _of_text(series, column)
    if column.type == "sparse" and isinstance(series.dtype, pl.List) and isinstance(series.dtype.inner, pl.Struct):
        return _sparse_rows(series, column)
    if not isinstance(series.dtype, (pl.List, pl.Array)):
        if series.null_count() < len(series):
            refuse(series, series.is_not_null(), column, f"is not {expectation(column)}")
        return series.cast(target)
    as_list = column if column.type == "list" else _dense(column)
    values = _lists(series, as_list, exact=exact)
    return values if column.type == "list" else _sparsely(values, column)


def _of_text(series: pl.Series, column: Column) -> pl.Series:
    values = read_lists(series)
    unread = [row for row, value in enumerate(values) if isinstance(value, str)]
    if unread:
        refuse_rows(unread, lambda place: values[unread[place]], column, f"is not {expectation(column)} in JSON")
    if column.type == "sparse" and any(value and isinstance(value[0], dict) for value in values):
        try:
            return pl.Series(values, dtype=wire_dtype(column), strict=True)
        except (TypeError, OverflowError, pl.exceptions.PolarsError) as error:
            raise InvalidData(f"column {column.name!r}: sparse rows are lists of index and value: {error}") from None
    return series_of(column.name, values)


def _dense(column: Column) -> Column:
    return Column(column.name, "list", column.dtype, items=column.items, shape=column.shape, nullable=column.nullable)


def _lists(series: pl.Series, column: Column, *, exact: bool) -> pl.Series:
    target = wire_dtype(column)
    shape = column.shape or []
    if len(nested_type(series.dtype)[1]) != len(shape) and nested_type(series.dtype)[0] != pl.Null:
        refuse(series, series.is_not_null(), column, f"is not {expectation(column)}")
    flat, owners = _flattened(series, column)
    kind = item_column(column)
    try:
        items = converted(flat, kind, exact=exact)
    except InvalidData as error:
        refused = error.facts.get("refused")
        if not isinstance(refused, Refused):
            raise
        refuse_rows(_owned(owners, refused.rows), refused.value, column, f"in a list is not {expectation(kind)}")
    if items.null_count() and (not items.dtype.is_float() or not column.gaps):
        refuse_rows(owners.filter(items.is_null()).to_list(), lambda _: None, column, "is missing in a list")
    if items.dtype.is_float() and not column.gaps and items.is_nan().any():
        refuse_rows(owners.filter(items.is_nan()).to_list(), lambda _: float("nan"), column, "is in a list")
    if items.null_count():
        return _with_nan(series, target)
    return series.cast(target)


def _with_nan(series: pl.Series, target: Any) -> pl.Series:
    """Lists with null items, which are NaN on the wire: JSON has no other form for it."""
    depth_of_items = len(nested_type(series.dtype)[1])

    def filled(value: Any, depth: int) -> Any:
        if value is None:
            return None if depth == 0 else float("nan")
        return [filled(item, depth + 1) for item in value] if depth < depth_of_items else value

    return pl.Series(series.name, [filled(value, 0) for value in _plain(series)], dtype=target)


def _plain(series: pl.Series) -> list[Any]:
    return series.to_list() if isinstance(series.dtype, pl.List) else series.arr.to_list().to_list()


def _flattened(series: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """All items of all lists, and the row that each is in; lengths are checked on the way."""
    level = series
    owners = pl.Series(np.arange(len(series)))
    for size in column.shape or ():
        if not isinstance(level.dtype, (pl.List, pl.Array)):  # every list is empty
            return pl.Series([], dtype=SIMPLE[str(column.items)]), owners[:0]
        there = level.is_not_null()
        if level is not series and not there.all():
            refuse_rows(owners.filter(~there).to_list(), lambda _: None, column, "is missing in a list")
        level, owners = level.filter(there), owners.filter(there)
        kind = level.dtype
        fixed = pl.Series(kind.shape[:1]) if isinstance(kind, pl.Array) else None
        lengths = level.list.len() if fixed is None else fixed.new_from_index(0, len(level))
        if size is not None and (lengths != size).any():
            _refuse_length(level, lengths, size, owners, column)
        owners = pl.Series(np.repeat(owners.to_numpy(), lengths.to_numpy()))
        level = level.explode(empty_as_null=False, keep_nulls=True)
    return level, owners


def _refuse_length(level: pl.Series, lengths: pl.Series, size: int, owners: pl.Series, column: Column) -> NoReturn:
    """Refuse the lists that are as wrong in length as the first wrong one."""
    length = lengths.filter(lengths != size)[0]
    places = (lengths == length).arg_true().to_list()
    refuse_rows(_owned(owners, places), lambda place: level[places[place]], column, f"has {length} items")


def _owned(owners: pl.Series, places: Sequence[int]) -> list[int]:
    """The rows that items are in."""
    return owners.gather([*places]).to_list()


def sparse_series(name: str, matrix: Any) -> pl.Series:
    """Return a scipy sparse matrix as sparse rows, without making it dense.

    Raises
    ------
    InvalidData
        If its values are not numbers or booleans.
    """
    import pyarrow as pa

    if matrix.dtype.kind not in "biuf":
        raise InvalidData(f"a sparse matrix of {matrix.dtype} is not understood; it holds numbers or booleans")
    rows = matrix.tocsr(copy=True)
    rows.sum_duplicates()  # sorts the positions of a row, too
    positions = pa.array(rows.indices.astype(np.uint32, copy=False))
    pairs = pa.StructArray.from_arrays([positions, pa.array(rows.data)], ["index", "value"])
    lists = pa.LargeListArray.from_arrays(pa.array(rows.indptr.astype(np.int64, copy=False)), pairs)
    return pl.Series(name, lists)


def _sparsely(values: pl.Series, column: Column) -> pl.Series:
    """Sparse rows of lists as long as they are wide."""
    from scipy import sparse

    missing = values.is_null()
    if missing.any():
        refuse(values, missing, column, "is missing: a sparse row is never")
    return sparse_series(column.name, sparse.csr_array(values.to_numpy()))


def _sparse_rows(series: pl.Series, column: Column) -> pl.Series:
    """Sparse rows with their positions in range and in order, each once."""
    target, width = wire_dtype(column), (column.shape or [0])[0] or 0
    try:
        values = series.cast(target, strict=True)
    except pl.exceptions.PolarsError as error:
        raise InvalidData(f"column {column.name!r}: sparse rows are lists of index and value: {error}") from None
    table = values.to_frame("row").with_row_index("owner").explode("row", empty_as_null=False, keep_nulls=False)
    table = table.unnest("row")
    before = series.explode(empty_as_null=False, keep_nulls=False).struct.field("value")
    if before.dtype != table["value"].dtype:
        converted(before, item_column(column))
    bad = table["index"].is_null() | table["value"].is_null() | (table["index"] >= width)
    unordered = (table["index"].shift(1) >= table["index"]) & (table["owner"].shift(1) == table["owner"])
    bad |= unordered.fill_null(False)
    if bad.any():
        refuse_rows(
            table["owner"].filter(bad).to_list(),
            lambda _: None,
            column,
            f"has a position that is not one of 0 to {width - 1}, or not in order, or no value",
        )
    return values
