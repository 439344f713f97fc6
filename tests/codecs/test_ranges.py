"""The range of a column holds every value and shows none: its ends are round."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.codecs.ranges import round_range
from nbdeploy.codecs.strict_json import plain_series

DAY = dt.datetime(2024, 3, 9, 14, 25, 7)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([23, 41, 87], (20, 100)),
        ([41, 43], (40, 44)),
        ([1_234_567], (1_000_000, 1_500_000)),
        ([0, 1, 1], (0, 1)),
        ([0.0132, 0.871], (0.0, 1.0)),
        ([-3.25], (-4.0, -3.0)),
        ([float("inf"), float("nan"), None, 18_934.11, 55_120.4], (10_000.0, 60_000.0)),
        ([float("nan")], (None, None)),
        (["Ann"], (None, None)),
        ([Decimal("3.50"), Decimal("99.99")], ("0", "100")),
        ([DAY, DAY + dt.timedelta(hours=2)], ("2024-03-09T14:00:00", "2024-03-09T17:00:00")),
        ([DAY, DAY + dt.timedelta(days=400)], ("2024-03-01T00:00:00", "2025-05-01T00:00:00")),
        ([dt.date(1931, 5, 5), dt.date(2004, 2, 29)], ("1930-01-01", "2010-01-01")),
        ([dt.date(1931, 5, 5)], ("1931-05-01", "1931-06-01")),
        ([dt.date(9999, 5, 5), dt.date(1, 1, 1)], (None, None)),
        ([dt.time(7, 31, 5), dt.time(23, 59)], ("05:33:20", "23:59:59.999999999")),
        ([dt.timedelta(seconds=3.5), dt.timedelta(seconds=71.2)], ("PT0S", "PT1M20S")),
    ],
)
def test_ends_are_round(values: list[Any], expected: tuple[Any, Any]) -> None:
    """Numbers at powers of ten, dates at the beginning of something."""
    assert round_range(pl.Series(values)) == expected


def test_ends_are_values_of_the_type() -> None:
    """A byte has no 130."""
    assert round_range(pl.Series([1, 127], dtype=pl.Int8)) == (0, 127)
    assert round_range(pl.Series([2**64 - 1], dtype=pl.UInt64)) == (15 * 10**18, 2**64 - 1)
    assert round_range(pl.Series([-1.7e308, 1.7e308])) == (-1.7976931348623157e308, 1.7976931348623157e308)
    zoned = pl.Series([DAY]).dt.replace_time_zone("Europe/Madrid")
    assert round_range(zoned) == ("2024-03-09T14:00:00+01:00", "2024-03-09T15:00:00+01:00")


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1)
    | st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1)
    | st.lists(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9900, 1, 1)), min_size=1)
)
def test_every_value_is_within(values: list[Any]) -> None:
    """Whatever they are."""
    series = pl.Series(values)
    low, high = round_range(series)
    if low is None:  # the decade of a date in the first years is none
        assert series.min() < dt.datetime(10, 1, 1)
        return
    least, most = plain_series(pl.Series([series.min(), series.max()], dtype=series.dtype)).to_list()
    assert low <= least <= most <= high
