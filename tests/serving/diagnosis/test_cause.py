"""Since when, and whose rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from nbdeploy.serving.diagnosis.cause import Cause, cause_of

SIX = datetime(2026, 11, 21, 6, tzinfo=UTC)


def asked(rows: int, every: timedelta = timedelta(minutes=1)) -> pl.Series:
    return pl.Series([SIX + n * every for n in range(rows)])


def test_one_caller_s_change_is_found_among_others() -> None:
    """The moment is that of its first row after the change, though others ask in between."""
    callers = pl.Series(["web", "crm-batch"] * 100)
    hits = pl.Series([n % 2 == 1 and n >= 120 and n != 151 for n in range(200)])
    found = cause_of(hits, asked(200), callers)
    assert (found.since, found.caller) == (SIX + timedelta(minutes=121), "crm-batch")
    assert found.share == 39 / 40


def test_what_is_everybody_s_is_nobody_s() -> None:
    """No caller is named, and no moment where it is in all rows alike."""
    callers = pl.Series(["a", "b", "c", "d"] * 50)
    assert cause_of(pl.Series([n % 3 == 0 for n in range(200)]), asked(200), callers) == Cause(None, "", 67 / 200)
    assert cause_of(pl.Series([False] * 200), asked(200), callers) == Cause()


def test_rows_of_one_moment_are_not_told_apart() -> None:
    """A request of many rows changed as a whole."""
    times = pl.Series([SIX] * 50 + [SIX + timedelta(hours=1)] * 50)
    hits = pl.Series([n >= 40 for n in range(100)])
    assert cause_of(hits, times, pl.Series(["a"] * 100)).since == SIX + timedelta(hours=1)


def test_what_ended_has_no_beginning() -> None:
    """Fewer than before is no onset."""
    hits = pl.Series([n < 50 for n in range(100)])
    assert cause_of(hits, asked(100), pl.Series(["a"] * 100)).since is None


def test_the_day_is_said_if_it_is_another_one() -> None:
    """In words, as people here read a clock."""
    here = SIX.astimezone()
    assert Cause(SIX).words(SIX + timedelta(minutes=1)) == f" since {here:%H:%M}"
    assert Cause(SIX).words(SIX + timedelta(days=3)) == f" since {here.day} {here:%b %H:%M}"
