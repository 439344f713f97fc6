"""Labels of columns and levels: kept in JSON, named on the wire, and put back as they were."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

__all__ = ["labels", "live_label", "plain_label", "unique", "wire_name"]

_SPECIAL = {"none": None, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def plain_label(label: Any) -> Any:
    """Return a label as JSON can hold it: text and numbers as they are, tuples as lists, others as objects.

    Raises
    ------
    InvalidData
        If it is none of those.

    Examples
    --------
    >>> plain_label(("price", 2))
    ['price', 2]
    """
    label = label.item() if hasattr(label, "dtype") and hasattr(label, "item") else label
    if isinstance(label, tuple):
        return [plain_label(part) for part in label]
    if isinstance(label, float) and not math.isfinite(label):
        return {"special": str(label)}
    if label is None:
        return {"special": "none"}
    if isinstance(label, dt.datetime) and label.tzinfo is None:
        return {"datetime": label.isoformat()}
    if isinstance(label, dt.date) and not isinstance(label, dt.datetime):
        return {"date": label.isoformat()}
    if isinstance(label, (str, bool, int, float)):
        return label
    raise InvalidData(
        f"column label {label!r} is a {type(label).__name__}; labels are text, numbers, dates, or tuples of them: "
        "rename the columns, for example df.columns = df.columns.map(str)",
        column=str(label),
    )


def live_label(plain: Any) -> Any:
    """Return the label that :func:`plain_label` made plain.

    Raises
    ------
    ValueError
        If it made no such thing.
    """
    if isinstance(plain, list):
        return tuple(live_label(part) for part in plain)
    if not isinstance(plain, dict):
        return plain
    (kind, text), *more = plain.items()
    if more or kind not in {"special", "datetime", "date"} or not isinstance(text, str):
        raise ValueError(f"{plain!r:.60} is no label")
    if kind == "special":
        return _SPECIAL[text]
    return (dt.datetime if kind == "datetime" else dt.date).fromisoformat(text)


def labels(columns: list[Column]) -> list[Any]:
    """Return the container's own labels of columns.

    Examples
    --------
    >>> labels([Column("age", "int64", "int64"), Column("7", "int64", "int64", label=7)])
    ['age', 7]
    """
    return [column.name if column.label is None else live_label(column.label) for column in columns]


def wire_name(label: Any) -> str:
    """Return the text by which other containers know a label.

    Examples
    --------
    >>> wire_name(("price", "mean"))
    'price_mean'
    """
    if isinstance(label, tuple):
        return "_".join(wire_name(part) for part in label if part != "")
    return str(label)


def unique(names: list[str]) -> list[str]:
    """Number repeated names: ``x``, ``x.1``, ``x.2``, as pandas reads them from a file."""
    if len({*names}) == len(names):
        return names
    given, taken = {*names}, set[str]()
    out = []
    for name in names:
        candidate, n = name, 0
        while candidate in taken or (candidate != name and candidate in given):
            n += 1
            candidate = f"{name}.{n}"
        taken.add(candidate)
        out.append(candidate)
    return out
