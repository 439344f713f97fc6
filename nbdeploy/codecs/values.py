"""Python values as typed series; what does not go together is named with its row."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.errors import InvalidData

__all__ = ["holds", "series_of"]

_LISTS = (list, tuple, np.ndarray)
_LARGEST = 64
_LEAVES: dict[frozenset[type], Any] = {
    frozenset(): pl.Null,
    frozenset({bool}): pl.Boolean,
    frozenset({float}): pl.Float64,
    frozenset({int}): pl.Int64,
    frozenset({int, float}): pl.Float64,
    frozenset({str}): pl.String,
}


def series_of(name: str, values: list[Any]) -> pl.Series:
    """Make a typed, nameless series of Python values, None being missing; integers among floats become floats.

    Raises
    ------
    InvalidData
        If the values are of kinds that do not go together, or one is more than a column can hold.
    """
    kinds = {type(value) for value in values}
    kinds.discard(type(None))
    if len(kinds) > 1:
        values, kinds = _alike(name, values, kinds)
    if kinds == {float} or kinds == {str}:
        return pl.Series("", values, dtype=pl.Float64) if kinds == {float} else _made(name, values, kinds, pl.String)
    if any(issubclass(kind, _LISTS) for kind in kinds):
        return _lists(name, values, kinds)
    if kinds == {Decimal}:
        return _decimals(name, values)
    return _made(name, values, kinds, pl.Float64 if kinds == {int, float} else None)


def holds(values: list[Any]) -> str | None:
    """Name of the class of the lists among Python values, if they are lists."""
    first = next((value for value in values if value is not None), None)
    return next((cls.__name__ for cls in _LISTS if isinstance(first, cls)), None)


def _alike(name: str, values: list[Any], kinds: set[type]) -> tuple[list[Any], set[type]]:
    """Turn NumPy's scalars into Python's, and refuse booleans among others."""
    if any(issubclass(kind, np.generic) for kind in kinds):
        values = [value.item() if isinstance(value, np.generic) else value for value in values]
        kinds = {type(value) for value in values if value is not None}
    if bool in kinds and len(kinds) > 1:
        raise _mixed(name, values, bool)
    return values, kinds


def _made(name: str, values: list[Any], kinds: set[type], dtype: Any) -> pl.Series:
    try:
        return pl.Series("", values, dtype=dtype, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError, UnicodeError):
        if len(kinds) == 1:
            raise _beyond(name, values) from None
        raise _mixed(name, values, type(next(value for value in values if value is not None))) from None


def _decimals(name: str, values: list[Any]) -> pl.Series:
    strange = next((row for row, v in enumerate(values) if v is not None and not v.is_finite()), None)
    if strange is not None:
        raise _refused(name, values, strange, "is no decimal number: give None for a missing one")
    try:
        return pl.Series("", values, dtype=None, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        row = next((row for row, v in enumerate(values) if v is not None and len(v.as_tuple().digits) > 38), 0)
        raise _refused(name, values, row, "has more than 38 digits") from None


def _lists(name: str, values: list[Any], kinds: set[type]) -> pl.Series:
    """Lists in rows; arrays of one shape and type become arrays."""
    if not all(issubclass(kind, _LISTS) for kind in kinds):
        first = next(value for value in values if value is not None)
        raise _mixed(name, values, type(first))
    arrays = [value for value in values if value is not None]
    plain = kinds == {np.ndarray} and all(array.dtype != object for array in arrays)
    if plain and len({(a.shape, a.dtype) for a in arrays}) == 1 and arrays[0].ndim:
        return _arrays(name, values, arrays)
    dtype: Any = None
    if plain and len({a.dtype for a in arrays}) == 1 and arrays[0].dtype.kind in "biuf":
        dtype = pl.Series(np.zeros(0, arrays[0].dtype)).dtype
    values = [_listed(value) if isinstance(value, np.ndarray) else value for value in values]
    depth, leaves = _leaves(values)
    if leaves == {dict} and depth == 1:
        return _positions(name, values)
    if dtype is None:
        dtype = _LEAVES.get(frozenset(leaves))
    if depth is None or dtype is None or depth > 16:
        raise InvalidData(
            f"column {name!r} has lists of {' and '.join(sorted(leaf.__name__ for leaf in leaves)) or 'nothing'}"
            f"{' at different depths' if depth is None else ''}; lists hold numbers, text or booleans, of one kind",
            column=name,
        )
    for _ in range(depth):
        dtype = pl.List(dtype)
    return _made(name, values, {list}, dtype)


def _arrays(name: str, values: list[Any], arrays: list[Any]) -> pl.Series:
    if arrays[0].dtype.kind not in "biufU":
        raise InvalidData(f"column {name!r} has arrays of {arrays[0].dtype}; they hold numbers, text or booleans")
    stacked = pl.Series("", np.stack(arrays))
    if len(arrays) == len(values):
        return stacked
    places = iter(range(len(arrays)))
    return stacked.gather(pl.Series([None if v is None else next(places) for v in values], dtype=pl.UInt32))


def _positions(name: str, values: list[Any]) -> pl.Series:
    """Rows that say what is not zero, and where: lists of ``{"index": 3, "value": 0.5}``."""
    pairs = [pair for value in values if value is not None for pair in value]
    if any(pair.keys() != {"index", "value"} for pair in pairs):
        raise InvalidData(f"column {name!r} has lists of dicts; those of a sparse row have an index and a value each")
    kinds = _LEAVES.get(frozenset(type(pair["value"]) for pair in pairs), pl.Float64)
    return _made(name, values, {list}, pl.List(pl.Struct({"index": pl.Int64, "value": kinds})))


def _listed(value: Any) -> Any:
    """Arrays in a value as lists."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [_listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _leaves(values: list[Any]) -> tuple[int | None, set[type]]:
    """How deep lists are nested in rows (None if differently), and the types at their ends, without None."""
    level: list[Any] = [value for value in values if value is not None]
    depth = 0
    while True:
        inner = [item for value in level for item in value if item is not None]
        depth += 1
        nested = [isinstance(item, (list, tuple)) for item in inner]
        if not any(nested):
            return depth, {type(item) for item in inner}
        if not all(nested) or depth > _LARGEST:
            return None, {type(item) for item in inner}
        level = inner


def _mixed(name: str, values: list[Any], kind: type) -> InvalidData:
    row, value = next(
        ((row, value) for row, value in enumerate(values) if value is not None and type(value) is not kind),
        (0, values[0]),
    )
    return InvalidData(
        f"row {row}, column {name!r}: {value!r:.60} is a {type(value).__name__}, but other rows have {kind.__name__}",
        row=row,
        column=name,
        value=value,
    )


def _beyond(name: str, values: list[Any]) -> InvalidData:
    row = next((row for row, value in enumerate(values) if not _fits(value)), 0)
    why = {int: "has more than 64 bits", str: "is not valid Unicode text"}.get(type(values[row]), "cannot be read")
    return _refused(name, values, row, why)


def _refused(name: str, values: list[Any], row: int, why: str) -> InvalidData:
    value = values[row]
    return InvalidData(f"row {row}, column {name!r}: {value!r:.60} {why}", row=row, column=name, value=value)


def _fits(value: Any) -> bool:
    try:
        pl.Series([value], strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError, UnicodeError):
        return False
    return True
