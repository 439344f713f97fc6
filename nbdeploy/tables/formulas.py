"""Text that spreadsheets would run as a formula, made harmless."""

from __future__ import annotations

import polars as pl

__all__ = ["harmless"]

_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


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
        _marked(series) for series in frame.get_columns() if series.dtype in (pl.String, pl.Categorical, pl.Enum)
    )
    safe.columns = _marked(pl.Series(frame.columns, dtype=pl.String)).to_list()
    return safe


def _marked(series: pl.Series) -> pl.Series:
    text = series.cast(pl.String)
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    if not formula.any():
        return text
    return pl.select(pl.when(formula).then(pl.lit("'") + text).otherwise(text).alias(series.name)).to_series()
