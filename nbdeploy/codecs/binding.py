"""Data of any kind fitted to a signature: its columns by name, in its order and types."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from typing import Any

import polars as pl

from nbdeploy.codecs.columns import frame_of, wire_dtype
from nbdeploy.codecs.conforming import conform
from nbdeploy.codecs.frames import CONTAINERS, container_of
from nbdeploy.codecs.labels import labels, live_label, unique, wire_name
from nbdeploy.codecs.parts import Part
from nbdeploy.codecs.refusals import Refused
from nbdeploy.codecs.text_tables import Text
from nbdeploy.codecs.values import series_of
from nbdeploy.codecs.veiled import veiled
from nbdeploy.errors import InvalidData, alternatives
from nbdeploy.types import Column, Signature

__all__ = ["UnknownColumns", "bind", "bind_text", "default", "empty", "height_of", "number_types", "unknown_columns"]


class UnknownColumns(UserWarning):
    """The data has columns that the model does not take."""


def bind(data: Any, signature: Signature) -> pl.DataFrame:
    """Fit data of any kind to a signature: its columns by name, in its order and types.

    Parameters
    ----------
    data : table
        pandas, Polars, Arrow, NumPy, a scipy sparse matrix, a list of dicts or a dict of lists. Columns that the
        signature does not name are ignored, warned of or rejected, as it says; NumPy columns go by position.
    signature : Signature
        What the model takes.

    Returns
    -------
    polars.DataFrame
        One column per input of the signature.

    Raises
    ------
    InvalidData
        Naming the missing columns, or the row, column, value and expected type.
    """
    try:
        return _bound(data, signature)
    except InvalidData as error:
        hidden = veiled(error, signature)
        if hidden is None and not isinstance(data, Text):
            raise
        raise _placed(hidden or error, data) from None


def _placed(error: InvalidData, data: Any) -> InvalidData:
    """A refusal that says where the row stands in a file."""
    row, message = error.facts.get("row"), str(error)
    if not isinstance(data, Text) or not isinstance(row, int) or not message.startswith(f"row {row},"):
        return error
    return InvalidData(data.where(row) + message.removeprefix(f"row {row}"), **error.facts)


def _bound(data: Any, signature: Signature) -> pl.DataFrame:
    name = container_of(data)
    quick = _quick(name, data, signature)
    if quick is not None:
        return quick
    if isinstance(data, (list, tuple)) and not data:
        return empty(signature)
    container: Any = CONTAINERS[name]
    if hasattr(container, "placed"):
        chosen: list[Part | None] = [*_by_position(container.placed(data, signature), signature)]
        return _joined(chosen, signature, data)
    inside = signature.columns[0].labels
    if inside is not None and hasattr(container, "whole"):
        return _joined([container.whole(data, [live_label(label) for label in inside])], signature, data)
    parts = container.parts(data)
    if any(column.level for column in signature.columns) and hasattr(container, "levels"):
        parts = [*container.levels(data), *parts]
    if signature.dims != 2 and len(parts) == 1 and not isinstance(data, Text):
        return _joined([parts[0]], signature, data)
    if signature.unknown != "ignore":
        _tell_unknown(_unknown(parts, signature), signature)
    return _joined(_by_name(parts, signature), signature, data)


def bind_text(frame: pl.DataFrame, signature: Signature) -> pl.DataFrame:
    """Fit a frame of text, as read from a CSV file, to a signature. See :func:`bind`."""
    return bind(Text(frame), signature)


def number_types(signature: Signature) -> dict[str, Any]:
    """Return the columns whose text may be read as numbers at once, and of which type.

    Examples
    --------
    >>> from nbdeploy.codecs import describe
    >>> number_types(describe([{"age": 41, "plan": "gold"}]))
    {'age': Int64}
    """
    types = {column.name: wire_dtype(column) for column in signature.columns}
    return {
        name: pl.Float64 if kind.is_float() else kind
        for name, kind in types.items()
        if kind.is_float() or kind.is_integer()
    }


def empty(signature: Signature) -> pl.DataFrame:
    """Return no rows, in the signature's columns and types."""
    return pl.DataFrame(schema={column.name: wire_dtype(column) for column in signature.columns})


def unknown_columns(data: Any, signature: Signature) -> list[str]:
    """Name the columns of data that a signature does not take.

    Examples
    --------
    >>> from nbdeploy.codecs import describe
    >>> unknown_columns([{"id": 7, "age": 41}], describe([{"age": 41}]))
    ['id']
    """
    container: Any = CONTAINERS[container_of(data)]
    if hasattr(container, "placed") or signature.dims != 2 or signature.columns[0].labels is not None:
        return []
    names = {*signature.names}
    if isinstance(data, list) and all(isinstance(row, dict) and row.keys() <= names for row in data):
        return []  # the usual request, quickly
    return _unknown(container.parts(data), signature)


def _quick(name: str, data: Any, signature: Signature) -> pl.DataFrame | None:
    """Bind what needs no closer look: the few floats that an endpoint is asked for most."""
    if signature.unknown != "ignore":
        return None
    if name == "builtins" and signature.dims == 2:
        from nbdeploy.codecs.builtin_tables import quick_rows

        return quick_rows(data, signature.columns)
    if name == "pandas":
        from nbdeploy.codecs.pandas_tables import quick_floats

        return quick_floats(data, signature)
    if name == "numpy":
        from nbdeploy.codecs.numpy_tables import quick_matrix

        return quick_matrix(data, signature)
    return None


def _joined(parts: list[Part | None], signature: Signature, data: Any) -> pl.DataFrame:
    together = list(zip(parts, signature.columns, strict=True))
    made = [None if part is None else _column(part, column, signature.unseen) for part, column in together]
    height = next((len(series) for series in made if series is not None), None)
    if any(series is None for series in made):
        height = height_of(data) if height is None else height
        made = [default(c, height) if s is None else s for s, (_, c) in zip(made, together, strict=True)]
    return frame_of([series for series in made if series is not None])


def height_of(data: Any) -> int:
    """Return the number of rows of data in any container."""
    if isinstance(data, dict):
        first: Any = next(iter(data.values()), None)
        return len(first) if hasattr(first, "__len__") and not isinstance(first, (str, bytes)) else 1
    return int(data.shape[0]) if hasattr(data, "shape") else len(data)


def _column(part: Part, column: Column, unseen: str) -> pl.Series:
    absent = None if column.required else part.absent()
    if absent is None or not absent.any():
        return part.bound(column, unseen).alias(column.name)
    values = default(column, len(absent))
    given = part.series()
    rows = (~absent).arg_true()
    if not len(rows):
        return values
    try:
        there = conform(given.gather(rows), column, unseen)
    except InvalidData as error:
        refused = error.facts.get("refused")
        if not isinstance(refused, Refused):
            raise
        raise refused.at(rows.to_list()).error() from None
    places = pl.Series([0] * len(absent), dtype=pl.UInt32)
    places = places.scatter(rows, range(1, len(rows) + 1))
    return pl.concat([values[:1], there.alias(column.name)]).gather(places)


def default(column: Column, height: int) -> pl.Series:
    """Return what stands for a column that is absent."""
    if column.default is None:
        value = pl.Series(column.name, [None], dtype=wire_dtype(column))
    else:
        value = conform(series_of(column.name, [column.default]), column)
    return value.alias(column.name).new_from_index(0, height)


def _by_position(parts: list[Part], signature: Signature) -> list[Part]:
    if len(parts) != len(signature.columns):
        raise InvalidData(
            f"the data has {len(parts)} columns, but the model takes {len(signature.columns)}: "
            f"{', '.join(signature.names[:12])}{' …' if len(signature.names) > 12 else ''}",
            expected=signature.names,
        )
    return parts


def _by_name(parts: list[Part], signature: Signature) -> list[Part | None]:
    found = _named(parts, signature)
    _refuse_missing(signature, found)
    return [found.get(name) for name in signature.names]


def _named(parts: list[Part], signature: Signature) -> dict[str, Part]:
    """The parts by the signature's names for them."""
    found = dict(zip(unique([part.name for part in parts]), parts, strict=True))
    if not any(column.label is not None for column in signature.columns):
        return found
    # Labels that are written alike (1 and "1") and repeated ones are told apart by what they are, in their order.
    waiting: dict[Any, list[Part]] = {}
    for part in parts:
        waiting.setdefault((type(part.label) is str, part.label), []).append(part)
    meant = dict[str, Part]()
    for name, label in zip(signature.names, labels(signature.columns), strict=True):
        same = waiting.get((type(label) is str, label))
        if same:
            meant[name] = same.pop(0)
    taken = {id(part) for part in meant.values()}
    return {name: part for name, part in found.items() if id(part) not in taken and name not in meant} | meant


def _unknown(parts: list[Part], signature: Signature) -> list[str]:
    found = _named(parts, signature)
    names = {*signature.names}
    return [wire_name(part.label) for name, part in found.items() if name not in names and not part.level]


def _tell_unknown(names: list[str], signature: Signature) -> None:
    if not names:
        return
    shown = ", ".join(repr(name) for name in names[:8]) + (" …" if len(names) > 8 else "")
    told = f"the data has {len(names)} columns that the model does not take: {shown}"
    if signature.unknown == "reject":
        raise InvalidData(f"{told}; leave them out (this snapshot rejects unknown columns)", unknown=names)
    warnings.warn(f"{told}; they are ignored", UnknownColumns, stacklevel=4)


def _refuse_missing(signature: Signature, available: Collection[str]) -> None:
    missing = [c.name for c in signature.columns if c.required and c.name not in available]
    if missing:
        told = alternatives(missing[0], sorted(available))
        if signature.container in {"numpy", "torch"}:
            told = "the model was given an array, so its columns are x0, x1 …: give an array, or columns of those names"
        shown = ", ".join(missing[:8]) + (f" … ({len(missing)})" if len(missing) > 8 else "")
        raise InvalidData(
            "; ".join(filter(None, [f"missing columns: {shown}", told])),
            missing=missing,
            available=sorted(available),
        )
