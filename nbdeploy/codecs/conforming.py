"""Values made to conform to a column: its type, whether they may be missing, its categories."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs import nested, scalars
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.codecs.refusals import article, refuse, some
from nbdeploy.types import Column

__all__ = ["MISSING", "SURELY_WHOLE", "conform", "converted", "parse"]

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "NaT")
"""What stands for a missing value in a file of text, where the signature lets it: see :func:`parse`."""

_FEW = 64
SURELY_WHOLE = 1e15
"""Whole numbers below it are floats; of larger ones only some."""
_WORDS = {"true": True, "1": True, "false": False, "0": False}


def conform(series: pl.Series, column: Column, unseen: str = "reject") -> pl.Series:
    """Return the series in the column's wire type, if that loses nothing.

    Parameters
    ----------
    series : polars.Series
        The values; NaN is missing.
    column : Column
        What they are to be.
    unseen : str
        Whether to ``reject`` what is not one of the column's categories, or to take it as ``missing``.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    series = series.alias("")
    values = converted(_without_nan(series) if series.dtype.is_float() else series, column)
    if not column.nullable and values.null_count():
        refuse(values, values.is_null(), column, "is missing, and the model was given no missing values there")
    if column.categories is None or (
        # Polars takes a hundred times as long to find out for one row.
        len(values) <= _FEW >= len(column.categories)
        and all(value in column.categories for value in values.drop_nulls())
    ):
        return values.alias(column.name)
    known = values.is_in(pl.Series(column.categories, dtype=values.dtype).implode()) | values.is_null()
    if unseen != "missing" and not known.all():
        these = "" if column.private else f" {some(column.categories)}"
        refuse(series, ~known, column, f"is not one of the categories{these}", "unseen")
    return (values if known.all() else values.set(~known, None)).alias(column.name)


def converted(series: pl.Series, column: Column, *, exact: bool = False) -> pl.Series:
    """Return the series in the column's wire type. See :func:`nbdeploy.codecs.scalars.converted`."""
    convert = nested.nested if column.type in {"list", "sparse"} else scalars.converted
    return convert(series, column, exact=exact)


def parse(text: pl.Series, column: Column, unseen: str = "reject") -> pl.Series:
    """Read text as the column's type, as a CSV file needs it.

    Missing is an empty field; where the column may have missing values, or is not text, also what pandas
    takes for missing: ``NA``, ``NaN``, ``null``, ``None``, ``N/A`` and their like. A category of the column
    is never missing. So a CSV file and a table differ only in plain text that may be missing: there ``NA``
    is missing in the file, and a word like any other in the table.

    Raises
    ------
    InvalidData
        Naming the first row that does not fit, its value and the expected type.
    """
    text, target = text.alias(""), wire_dtype(column)
    if target.is_integer() or target.is_float():
        values, unread = _numbers(text, column, target)
    else:
        text = _present(text, column, target)
        if target != pl.Boolean:
            return conform(text, column, unseen)
        values = text.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)
        unread = values.is_null() & text.is_not_null()
    if unread.any():
        refuse(text, unread, column, f"is not {article(column.type)}")
    return conform(values, column, unseen)


def _present(text: pl.Series, column: Column, target: Any) -> pl.Series:
    """Text without what stands for a missing value; blanks around it are nothing where text is not wanted."""
    if not column.nullable and target == pl.String:
        return text
    stripped = text if target == pl.String else text.str.strip_chars()
    missing = {*MISSING} - {str(value) for value in column.categories or ()}
    return pl.select(pl.when(~stripped.is_in(list(missing))).then(stripped).alias(text.name)).to_series()


def _numbers(text: pl.Series, column: Column, target: Any) -> tuple[pl.Series, pl.Series]:
    """Numbers, and where text is none. What is read at first sight, which nearly all of it is, is not looked at again.

    Decimal numbers are rounded to floats, as everywhere; whole ones must be those that are written.
    """
    values = text.cast(target if target.is_integer() else pl.Float64, strict=False)
    odd = values.is_null() & text.is_not_null()
    if target.is_float():
        odd = odd | (values.abs() >= SURELY_WHOLE).fill_null(False)
    if not odd.any():
        return values, odd
    rows = odd.arg_true()
    present = _present(text.gather(rows), column, target)
    # Whole numbers with blanks are written as 3.0 by pandas.
    read = present.str.replace(r"\.0+$", "").cast(target, strict=False) if target.is_integer() else _floats(present)
    return values.scatter(rows, read), odd.scatter(rows, read.is_null() & present.is_not_null())


def _floats(text: pl.Series) -> pl.Series:
    values = text.cast(pl.Float64, strict=False)
    long = text.str.contains(r"^[+-]?\d{16,}$").fill_null(False)
    if not long.any():
        return values
    whole = text.cast(pl.Int128, strict=False)
    other = (values.cast(pl.Int128, strict=False) != whole).fill_null(True)
    return values.set(long & other, None)


def _without_nan(series: pl.Series) -> pl.Series:
    # Polars' own fill_nan takes forty times as long for one row.
    return series.fill_nan(None) if np.isnan(series.to_numpy()).any() else series
