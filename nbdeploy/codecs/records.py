"""Single records bound without a table on the way: what an endpoint is asked for most.

What it binds has the very values that :func:`nbdeploy.codecs.bind` puts on the wire. It knows the usual types and
values only; everything else, wrong values among them, it leaves to the binding of tables, which knows all of them and
says what is wrong.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from nbdeploy.types import Column, Signature

__all__ = ["RecordBinder", "Unusual", "record_binder", "value_reader"]

_WHOLE, _WHOLE_SINGLE = 2**53, 2**24
"""Up to here a float holds every whole number, and one of single precision."""

_INTEGERS = {
    f"{sign}int{bits}": (0 if sign else -(2 ** (bits - 1)), 2 ** (bits if sign else bits - 1) - 1)
    for bits in (8, 16, 32, 64)
    for sign in ("", "u")
}
_KINDS: dict[str, type] = {
    "bool": bool,
    "float32": float,
    "float64": float,
    "string": str,
    **dict.fromkeys(_INTEGERS, int),
}
_SINGLE = struct.Struct("f")

Conversion = Callable[[Any], Any]


class Unusual(Exception):
    """The record needs the binding of tables: it may be wrong, or only written in another way."""


class RecordBinder:
    """Binds records of one signature.

    Parameters
    ----------
    signature : Signature
        One that :func:`record_binder` took.

    Examples
    --------
    >>> from nbdeploy.codecs import describe
    >>> binder = record_binder(describe([{"age": 41.5, "plan": "gold"}]))
    >>> binder.record({"plan": "basic", "age": 7, "id": 1})
    [7.0, 'basic']
    """

    def __init__(self, signature: Signature) -> None:
        columns, missing = signature.columns, signature.unseen == "missing"
        self.names = signature.names
        self._all = itemgetter(*self.names) if len(columns) > 1 else _only(self.names[0])
        self._strict = signature.unknown != "ignore"
        self._kinds = tuple(_kind(column) for column in columns)
        self._conversions = [_conversion(column, missing) for column in columns]
        # A value of exactly its column's type is most often on the wire what it is.
        self._narrow = [(i, self._conversions[i]) for i, column in enumerate(columns) if not _plain(column)]

    def record(self, record: Mapping[str, Any]) -> list[Any]:
        """Return the values of one record, in the order of the signature, as on the wire; missing is None.

        Raises
        ------
        Unusual
            If it lacks a column, or has a value that needs a closer look.
        """
        try:
            values = self._all(record)
        except KeyError:
            raise Unusual from None
        if self._strict and len(record) > len(values):
            raise Unusual
        return self.values(values)

    def values(self, values: Sequence[Any]) -> list[Any]:
        """Return values in the order of the signature as they are on the wire. See :meth:`record`."""
        if tuple(map(type, values)) == self._kinds:
            bound = list(values)
            for i, conversion in self._narrow:
                bound[i] = conversion(bound[i])
            return bound
        return [conversion(value) for conversion, value in zip(self._conversions, values, strict=True)]

    def unknown(self, records: Sequence[Mapping[str, Any]]) -> int:
        """How many columns bound records have that the signature does not name."""
        width = len(self.names)
        if {*map(len, records)} == {width}:
            return 0
        return len({name for record in records for name in record}) - width


def record_binder(signature: Signature) -> RecordBinder | None:
    """Return what binds records of a signature, if its columns are all of the usual types.

    Parameters
    ----------
    signature : Signature
        What the model takes.
    """
    usual = signature.dims == 2 and all(map(_is_usual, signature.columns))
    return RecordBinder(signature) if usual else None


def value_reader(kind: str) -> Callable[[Any], Any]:
    """Return what makes a value of one of the usual types, or raises :class:`Unusual`; None stays None.

    Examples
    --------
    >>> value_reader("float64")(7)
    7.0
    """
    return _conversion(Column("", kind, kind, nullable=True), missing=False)


def _only(name: str) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    return lambda record: (record[name],)


def _is_usual(column: Column) -> bool:
    """Whether values have no form of their own in JSON, and the column goes by its name in a record."""
    if isinstance(column.label, str):
        return False
    return column.type in _KINDS or (column.categories is not None and _one_kind(column.categories))


def _one_kind(categories: list[Any]) -> bool:
    return len({type(value) for value in categories}) == 1 and type(categories[0]) in {bool, int, str}


def _kind(column: Column) -> type:
    return type(column.categories[0]) if column.categories is not None else _KINDS[column.type]


def _plain(column: Column) -> bool:
    return column.type in {"bool", "float64", "string"}


def _conversion(column: Column, missing: bool) -> Conversion:
    """What makes of a value the one on the wire, or raises :class:`Unusual`."""
    if column.categories is not None:
        convert = _category(column.categories, missing)
    elif column.type in _INTEGERS:
        convert = _integer(*_INTEGERS[column.type])
    else:
        convert = _CONVERSIONS[column.type]
    if not column.nullable:
        return convert
    return lambda value: None if value is None else convert(value)


def _integer(low: int, high: int) -> Conversion:
    def integer(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise Unusual
        return value

    return integer


def _category(categories: list[Any], missing: bool) -> Conversion:
    kind, known = type(categories[0]), frozenset(categories)

    def category(value: Any) -> Any:
        if type(value) is not kind:
            raise Unusual
        if value in known:
            return value
        if missing:
            return None
        raise Unusual

    return category


def _float(value: Any) -> float:
    if type(value) is float and value == value:
        return value
    if type(value) is int and -_WHOLE <= value <= _WHOLE:
        return float(value)
    raise Unusual


def _single(value: Any) -> float:
    if type(value) is int and not -_WHOLE_SINGLE <= value <= _WHOLE_SINGLE:
        raise Unusual
    try:
        single: float = _SINGLE.unpack(_SINGLE.pack(_float(value)))[0]
    except OverflowError:
        raise Unusual from None
    if math.isinf(single):
        raise Unusual
    return single


def _same(kind: type) -> Conversion:
    def same(value: Any) -> Any:
        if type(value) is not kind:
            raise Unusual
        return value

    return same


_CONVERSIONS: dict[str, Conversion] = {"bool": _same(bool), "float32": _single, "float64": _float, "string": _same(str)}
