"""Text that a spreadsheet would take for a formula, made plain text."""

from __future__ import annotations

import re

import polars as pl

from nbdeploy.errors import WrongUsage

__all__ = ["SUFFIXES", "check_safe", "safe"]

SUFFIXES = re.compile(r"\.(csv|tsv|xlsx)(\.(gz|zst))?$", re.IGNORECASE)
_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def safe(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text, and column names, that begin like a formula and are no number.

    Those are the characters that OWASP's page on CSV injection names: ``= + - @``, tab and carriage return.

    Examples
    --------
    >>> safe(pl.DataFrame({"x": ["=1+1", "-1.5", "a"], "+y": [1, 2, 3]})).to_dict(as_series=False)
    {'x': ["'=1+1", '-1.5', 'a'], "'+y": [1, 2, 3]}
    """
    names = _plain(pl.Series(frame.columns, dtype=pl.String)).to_list()
    return pl.DataFrame([_plain(series).alias(name) for series, name in zip(frame.get_columns(), names, strict=True)])


def _plain(series: pl.Series) -> pl.Series:
    if not isinstance(series.dtype, (pl.String, pl.Categorical, pl.Enum)):
        return series
    texts = series.cast(pl.String).alias("text")
    formula = texts.str.contains(_FORMULA) & ~texts.str.contains(_NUMBER)
    return pl.select(pl.when(formula).then("'" + texts).otherwise(texts)).to_series() if formula.any() else series


def check_safe(out: str) -> None:
    """Refuse to change text in files that no spreadsheet opens.

    Raises
    ------
    WrongUsage
        If the output is none that one does.
    """
    if out != "-" and not SUFFIXES.search(out):
        raise WrongUsage(f"--safe-csv is for CSV, TSV and Excel files, which spreadsheets open; {out} is none")
