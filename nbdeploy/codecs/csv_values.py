"""Tables as CSV can hold them."""

from __future__ import annotations

import polars as pl

from nbdeploy.codecs.strict_json import plain_series
from nbdeploy.errors import InvalidData

__all__ = ["csv_plain"]


def csv_plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table that CSV can hold: durations as ISO 8601 text, bytes as base64.

    Raises
    ------
    InvalidData
        Naming the first column of lists or of objects.

    Examples
    --------
    >>> from datetime import timedelta
    >>> csv_plain(pl.DataFrame({"took": [timedelta(hours=2)]})).to_dicts()
    [{'took': 'PT2H'}]
    """
    for series in frame.get_columns():
        if series.dtype.is_nested() or series.dtype == pl.Object:
            raise InvalidData(
                f"column {series.name!r} is of type {series.dtype}, which CSV cannot hold; "
                "leave it out, or use Parquet or JSON",
                column=series.name,
            )
    return frame.with_columns(
        plain_series(series) for series in frame.get_columns() if series.dtype.base_type() in {pl.Binary, pl.Duration}
    )
