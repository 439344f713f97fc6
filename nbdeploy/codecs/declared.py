"""What the author of a model says of its inputs, beyond what the data shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs.conforming import conform, parse
from nbdeploy.codecs.strict_json import plain_series
from nbdeploy.codecs.values import series_of
from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.signatures import UNKNOWN, UNSEEN
from nbdeploy.types import Column, Signature

__all__ = ["declare"]


def declare(
    signature: Signature,
    *,
    defaults: Mapping[str, Any] | None = None,
    nullable: Collection[str] = (),
    private: Collection[str] = (),
    unknown: str = UNKNOWN[0],
    unseen: str = UNSEEN[0],
) -> Signature:
    """Add to a signature what data cannot show.

    Parameters
    ----------
    signature : Signature
        What :func:`nbdeploy.codecs.describe` found.
    defaults : mapping of str to value, optional
        Columns that callers may leave out, with the value that stands for them then; None is a missing value, and
        text is read as in a CSV file. A value that is sent as missing is missing all the same.
    nullable : collection of str
        Columns whose values may be missing, although none was in the data.
    private : collection of str
        Columns whose values shall be shown nowhere; no range of them is kept.
    unknown : str
        What to do with columns that the model does not take: ``ignore``, ``warn`` or ``reject``.
    unseen : str
        What to do with a value that is not one of its column's categories: ``reject``, or take it as ``missing``.

    Raises
    ------
    NotFound
        If there is no such column.
    InvalidData
        If a default does not fit its column, or a column's type has no missing values.

    Examples
    --------
    >>> from nbdeploy.codecs import bind, describe
    >>> signature = declare(describe([{"age": 41, "plan": "gold"}]), defaults={"plan": "basic"})
    >>> bind([{"age": 7}], signature).to_dicts()
    [{'age': 7, 'plan': 'basic'}]
    """
    defaults = defaults or {}
    for name in (*defaults, *nullable, *private):
        if name not in signature.names:
            raise NotFound("column", name, signature.names)
    numpy = signature.container in {"numpy", "pandas"}
    columns = []
    for column in signature.columns:
        if column.name in nullable or (column.name in defaults and defaults[column.name] is None):
            column = _nullable(column, numpy)
        if column.name in defaults:
            column = _defaulted(column, defaults[column.name])
        if column.name in private:
            column = msgspec.structs.replace(column, low=None, high=None, private=True)
        columns.append(column)
    try:
        return msgspec.structs.replace(signature, columns=columns, unknown=unknown, unseen=unseen)
    except ValueError as error:
        raise InvalidData(str(error)) from error


def _nullable(column: Column, numpy: bool) -> Column:
    if column.nullable or not numpy or column.dtype not in _NEVER_MISSING:
        return msgspec.structs.replace(column, nullable=True)
    raise InvalidData(
        f"column {column.name!r} has type {column.dtype}, which has no missing values; "
        f"give the model a type that has, such as pandas' {_NEVER_MISSING[column.dtype]!r}",
        column=column.name,
    )


def _defaulted(column: Column, value: Any) -> Column:
    if value is None:
        return msgspec.structs.replace(column, required=False, default=None)
    try:
        given = series_of(column.name, [value])
        bound = parse(given, column) if isinstance(value, str) else conform(given, column)
    except InvalidData as error:
        detail = error.facts.get("detail", error)
        raise InvalidData(f"the default of column {column.name!r} does not fit: {detail}", **error.facts) from error
    plain = plain_series(bound).to_list()[0]
    plain = plain.to_list() if isinstance(plain, pl.Series) else plain
    if isinstance(plain, float) and plain - plain != 0:
        raise InvalidData(f"the default of column {column.name!r} is {plain}: give a finite number", column=column.name)
    return msgspec.structs.replace(column, required=False, default=plain)


_NEVER_MISSING = {
    "bool": "boolean",
    **{f"{sign}int{bits}": f"{sign.upper()}Int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
