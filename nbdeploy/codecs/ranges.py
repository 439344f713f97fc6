"""Between which round numbers and dates the values of a column lie: its lowest and highest are somebody's own."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import polars as pl

from nbdeploy.codecs.strict_json import plain_series

__all__ = ["round_range"]

_STEPS = 5
_HOUR, _DAY, _YEAR = 3600, 86_400, 31_556_952
_LAST_YEAR = 9999
_CALENDAR = ((6 * _HOUR, "1h"), (14 * _DAY, "1d"), (2 * _YEAR, "1mo"), (20 * _YEAR, "1y"))
_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}


def round_range(series: pl.Series) -> tuple[Any, Any]:
    """Return a range that holds all finite values, as JSON holds it, with ends that are none of them but by chance.

    The ends are multiples of 1, 2 or 5 times a power of ten, of about a fifth of the range: Heckbert's loose
    labels [1]_. Dates and times end at a whole hour, day, month, year or decade.

    Parameters
    ----------
    series : polars.Series, n values
        A column, as on the wire.

    Returns
    -------
    low, high : number, text of a time or decimal, or None
        None where a column has no range.

    References
    ----------
    .. [1] P. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.

    Examples
    --------
    >>> round_range(pl.Series([23, 41, 87]))
    (20, 100)
    >>> round_range(pl.Series([0.0132, 0.871]))
    (0.0, 1.0)
    """
    dtype: Any = series.dtype
    if not (dtype.is_numeric() or dtype.is_temporal()):
        return None, None
    present = (series.filter(series.is_finite()) if dtype.is_float() else series).drop_nulls()
    if not len(present):
        return None, None
    if dtype.is_temporal():
        return _times(present)
    low, high = _rounded(present.min(), present.max())
    if dtype.is_decimal():
        return f"{low:f}", f"{high:f}"
    least, most = (pl.select(bound).item() for bound in (dtype.min(), dtype.max()))
    if dtype.is_float():
        return tuple(min(max(float(end), -sys.float_info.max), sys.float_info.max) for end in (low, high))  # type: ignore[return-value]
    return max(int(low), least), min(int(high), most)


def _rounded(low: Any, high: Any, unit: int = 1) -> tuple[Decimal, Decimal]:
    """Round two finite numbers outward, whole ones to even multiples of a unit at least."""
    first, last = Decimal(low), Decimal(high)
    whole = isinstance(low, int)
    if whole and {first, last} <= {0, unit}:  # a flag
        return first, last
    step = _step((last - first or abs(first)) / _STEPS)
    step = max(step, Decimal(2 * unit)) if whole else step
    ends = zip((first, last), ("ROUND_FLOOR", "ROUND_CEILING"), strict=True)
    lowest, highest = ((end / step).to_integral_value(way) * step + 0 for end, way in ends)
    return lowest, highest


def _step(wanted: Decimal) -> Decimal:
    """The smallest of 1, 2 and 5 times a power of ten that is not smaller."""
    if not wanted:
        return Decimal(1)
    power = Decimal(1).scaleb(wanted.adjusted())
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= wanted)


def _times(present: pl.Series) -> tuple[Any, Any]:
    dtype: Any = present.dtype
    if isinstance(dtype, (pl.Date, pl.Datetime)):
        return _dates(present)
    second = _SECOND["ns" if isinstance(dtype, pl.Time) else dtype.time_unit]
    physical = present.to_physical()
    low, high = _rounded(physical.min(), physical.max(), second)
    most = _DAY * second - 1 if isinstance(dtype, pl.Time) else 2**63 - 1
    return _plain(pl.Series([max(int(low), -most), min(int(high), most)], dtype=pl.Int64).cast(dtype))


def _dates(present: pl.Series) -> tuple[Any, Any]:
    dtype: Any = present.dtype
    zone = getattr(dtype, "time_zone", None)
    plain = present.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if zone else present
    found = pl.Series([plain.min(), plain.max()], dtype=plain.dtype)
    seconds = (found[1] - found[0]).total_seconds()
    every = next((unit for longest, unit in _CALENDAR if seconds < longest), "10y")
    every = "1mo" if dtype == pl.Date and every in {"1h", "1d"} else every
    ends = found.dt.truncate(every)
    ends = pl.concat([ends[:1], ends[1:].dt.offset_by(every)])
    year = ends.dt.year()
    outside = (ends[:1] > found[:1]) | (ends[1:] < found[1:]) | (year[:1] < 1) | (year[1:] > _LAST_YEAR)
    if outside.any():  # more than the type or the text can hold
        return None, None
    return _plain(ends.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else ends)


def _plain(ends: pl.Series) -> tuple[Any, Any]:
    low, high = plain_series(ends).to_list()
    return low, high
