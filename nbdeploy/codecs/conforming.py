"""Values made to conform to a column: its type, whether they may be missing, its categories."""

from __future__ import annotations

import numpy as np
import polars as pl

from nbdeploy.codecs import nested, scalars
from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.codecs.refusals import article, refuse, some
from nbdeploy.types import Column

__all__ = ["conform", "converted", "parse"]

_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>", "NaT")
_FEW = 64
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
    values = converted(_without_nan(series) if series.dtype.is_float() else series, column)
    if not column.nullable and values.null_count():
        refuse(values, values.is_null(), column, "is missing, and the model was given no missing values there")
    if column.categories is None or (
        # Polars takes a hundred times as long to find out for one row.
        len(values) <= _FEW >= len(column.categories)
        and all(value in column.categories for value in values.drop_nulls())
    ):
        return values
    known = values.is_in(pl.Series(column.categories, dtype=values.dtype).implode()) | values.is_null()
    if unseen != "missing" and not known.all():
        these = "" if column.private else f" {some(column.categories)}"
        refuse(series, ~known, column, f"is not one of the categories{these}")
    return values if known.all() else values.set(~known, None)


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
    target = wire_dtype(column)
    if column.nullable or target != pl.String:
        stripped = text if target == pl.String else text.str.strip_chars()
        missing = {*_MISSING} - {str(value) for value in column.categories or ()}
        text = pl.select(pl.when(~stripped.is_in(list(missing))).then(stripped).alias(column.name)).to_series()
    if target == pl.Boolean:
        values = text.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Boolean)
    elif target.is_integer():
        # Whole numbers with blanks are written as 3.0 by pandas.
        values = text.str.replace(r"\.0+$", "").cast(target, strict=False)
    elif target.is_float():
        values = _floats(text)
    else:
        return conform(text, column, unseen)
    unread = values.is_null() & text.is_not_null()
    if unread.any():
        refuse(text, unread, column, f"is not {article(column.type)}")
    return conform(values, column, unseen)


def _floats(text: pl.Series) -> pl.Series:
    """Decimal numbers are rounded to floats, as everywhere; whole ones must be those that are written."""
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
