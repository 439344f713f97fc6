"""Text that spreadsheets would run as a formula, made harmless."""

from __future__ import annotations

import polars as pl

__all__ = ["harmless"]

_FIRST = ("=", "+", "-", "@", "\t", "\r")
_BEGINS = r"^[=+\-@\t\r]"


def harmless(frame: pl.DataFrame) -> pl.DataFrame:
    r"""Put an apostrophe before text, column names too, that begins with ``=``, ``+``, ``-``, ``@``, tab or return.

    Numbers stay as they are: ``-1.5`` runs nothing. The characters are those that OWASP names under
    *CSV injection*.

    Examples
    --------
    >>> harmless(pl.DataFrame({"name": ["=1+1", "-1.5", "ann"]}))["name"].to_list()
    ["'=1+1", '-1.5', 'ann']
    """
    safe = frame.with_columns(
        pl.when(pl.col(name).str.contains(_BEGINS) & pl.col(name).cast(pl.Float64, strict=False).is_null())
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.String
    )
    safe.columns = [f"'{name}" if name.startswith(_FIRST) else name for name in frame.columns]
    return safe
