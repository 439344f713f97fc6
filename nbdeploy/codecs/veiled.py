"""Values of private columns, taken out of what is said about them."""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from nbdeploy.errors import InvalidData
from nbdeploy.types import Signature

__all__ = ["HIDDEN", "veil", "veiled"]

HIDDEN = "(private)"
_SHORTEST = 3


def veil(text: str, wire: pl.DataFrame, signature: Signature) -> str:
    """Replace the values of private columns wherever a text shows one.

    A model that refuses rows may quote them in its error. Values of less than three characters say too little to be
    told from other words; quoted they are replaced too.

    Parameters
    ----------
    text : str
        What is about to be said or logged.
    wire : polars.DataFrame, n rows
        The rows that it is about, as on the wire.
    signature : Signature
        Which columns are private.

    Examples
    --------
    >>> from nbdeploy.codecs import describe
    >>> from nbdeploy.codecs.declared import declare
    >>> signature = declare(describe([{"name": "Ann"}]), private=["name"])
    >>> veil("unknown category 'Ann'", pl.DataFrame({"name": ["Ann"]}), signature)
    'unknown category (private)'
    """
    shown: set[str] = set()
    for column in signature.columns:
        if column.private and column.name in wire.columns:
            values = wire[column.name].drop_nulls().to_list()
            shown.update(form for value in values for form in _forms(value))
    for form in sorted(shown, key=len, reverse=True):
        text = re.sub(rf"(?<!\w)(?:np\.\w+\()?{re.escape(form)}\)?(?!\w)", HIDDEN, text) if form in text else text
    return text


def _forms(value: Any) -> list[str]:
    """How a value may be written in a message."""
    values = value if isinstance(value, list) else [value]
    forms = [form for each in values for form in (repr(each), str(each), f'"{each}"', f"'{each}'")]
    forms += [str(int(each)) for each in values if isinstance(each, float) and each.is_integer()]
    return [form for form in forms if len(form) >= _SHORTEST and form not in {"None", "True", "False", "nan"}]


def veiled(error: InvalidData, signature: Signature) -> InvalidData | None:
    """A refusal that shows a value of a private column, without it; None for any other."""
    name = error.facts.get("column", error.facts.get("input"))
    private = {column.name for column in signature.columns if column.private}
    if name not in private or "value" not in error.facts or error.facts["value"] == HIDDEN:
        return None
    shown = f"{error.facts['value']!r:.60}"
    return InvalidData(str(error).replace(shown, HIDDEN), **{**error.facts, "value": HIDDEN})
