"""Values as they are written in files and requests."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.codecs.conforming import parse
from nbdeploy.errors import InvalidData
from nbdeploy.types import Column

STAMP = Column("x", "datetime", "", unit="us")
NANOS = Column("x", "datetime", "", unit="ns")
ZONED = Column("x", "datetime", "", unit="us", timezone="Europe/Madrid")
DATE = Column("x", "date", "")
TIME = Column("x", "time", "", unit="us")
SPAN = Column("x", "duration", "", unit="us")
TEN = dt.datetime(2020, 1, 1, 10)


def read(column: Column, text: str) -> Any:
    return parse(pl.Series([text]), column)[0]


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (STAMP, "2020-01-01 10:00", TEN),
        (STAMP, "2020-01-01T10:00:00", TEN),
        (STAMP, "2020-01-01 10:00:00.5", TEN.replace(microsecond=500_000)),
        (STAMP, "2020-01-01 10:00:00.000001000", TEN.replace(microsecond=1)),
        (STAMP, "2020-01-01", TEN.replace(hour=0)),
        (ZONED, "2020-01-01 10:00+01:00", TEN.replace(tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        (ZONED, "2020-01-01T09:00:00Z", TEN.replace(tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        (ZONED, "2020-01-01 10:00:00+0100", TEN.replace(tzinfo=dt.timezone(dt.timedelta(hours=1)))),
        (DATE, "2020-01-01", dt.date(2020, 1, 1)),
        (DATE, "2020-01-01 00:00:00", dt.date(2020, 1, 1)),
        (TIME, "10:00", dt.time(10)),
        (TIME, "10:00:00.000005", dt.time(10, 0, 0, 5)),
        (SPAN, "1 days 02:03:04.000005", dt.timedelta(1, 7384, 5)),
        (SPAN, "-1 days +23:59:59.999995", dt.timedelta(microseconds=-5)),
        (SPAN, "1 day, 2:03:04", dt.timedelta(1, 7384)),
        (SPAN, "2 days", dt.timedelta(2)),
        (SPAN, "P1DT2H3M4.000005S", dt.timedelta(1, 7384, 5)),
        (SPAN, "-PT0.5S", dt.timedelta(seconds=-0.5)),
        (SPAN, "02:03:04", dt.timedelta(0, 7384)),
    ],
)
def test_times_are_read_as_they_are_usually_written(column: Column, text: str, value: Any) -> None:
    """By ISO 8601, pandas and Python."""
    assert read(column, text) == value


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (STAMP, "2020-01-01 10:00:00.0000001"),
        (STAMP, "2020-01-01 10:00:00+01:00"),
        (STAMP, "2020-13-01"),
        (STAMP, "2020-01-01 10"),
        (NANOS, "2500-01-01"),
        (ZONED, "2020-01-01 10:00"),
        (DATE, "2020-01-01 10:00"),
        (TIME, "25:00"),
        (TIME, "10:00:00.0000001"),
        (SPAN, "P"),
        (SPAN, ""),
        (SPAN, "1"),
        (SPAN, "PT0.0000001S"),
        (SPAN, "1000000000 days"),
        (Column("x", "decimal", "", precision=4, scale=2), "123.4"),
        (Column("x", "decimal", "", precision=4, scale=2), "1.234"),
        (Column("x", "decimal", "", precision=4, scale=2), "ten"),
        (Column("x", "binary", ""), "???"),
        (Column("x", "list", "", items="int64", shape=[None]), "1, 2"),
        (Column("x", "list", "", items="int64", shape=[None]), '{"a": 1}'),
        (Column("x", "float64", ""), "9007199254740993"),
        (Column("x", "int64", ""), "1.5"),
    ],
)
def test_text_that_would_be_cut_or_guessed_at_is_refused(column: Column, text: str) -> None:
    """With its row, column and value."""
    with pytest.raises(InvalidData, match=r"row 0, column 'x'"):
        read(column, text)


@given(st.lists(st.timedeltas(dt.timedelta(-99999), dt.timedelta(99999)), min_size=1, max_size=4))
@settings(deadline=None)
def test_durations_survive_every_way_of_writing_them(spans: list[dt.timedelta]) -> None:
    """As pandas, Python and Polars write them."""
    wire = pl.Series("x", spans, dtype=pl.Duration("us"))
    written = [pd.Series(spans).astype(str).tolist(), [str(span) for span in spans], wire.dt.to_string("iso").to_list()]
    for texts in written:
        assert parse(pl.Series(texts), SPAN).equals(wire)


@given(st.lists(st.datetimes(dt.datetime(1000, 1, 1)), min_size=1, max_size=4), st.sampled_from(["us", "ns", "ms"]))
@settings(deadline=None)
def test_datetimes_are_read_exactly_or_not_at_all(stamps: list[dt.datetime], unit: Any) -> None:
    """What a unit cannot hold is refused, never cut or wrapped around."""
    column = Column("x", "datetime", "", unit=unit)
    try:
        values = parse(pl.Series([stamp.isoformat() for stamp in stamps]), column)
    except InvalidData:
        early, late = dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1)
        beyond = any(not early < stamp < late for stamp in stamps) and unit == "ns"
        assert beyond or (unit == "ms" and any(stamp.microsecond % 1000 for stamp in stamps))
    else:
        assert values.to_list() == stamps
