"""When schedules are due, also where clocks are set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from crondst import CronDst, CronDstError
from cronsim import CronSim
from hypothesis import assume, given
from hypothesis import strategies as st

from nbdeploy.batch.schedules.calendar import Calendar, delay, local_zone
from nbdeploy.errors import NotFound, WrongUsage

ODD = {"NZ-CHAT", "Pacific/Chatham", "Antarctica/Casey", "Antarctica/Troll", "Antarctica/Vostok", "America/Nuuk"}
"""Zones where crondst errs: clocks are set by other than whole or half hours of the hour, or by more than one."""


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(low, high)
    # Of a range with equal ends, cronsim takes a step to go on to the end of the field.
    pairs = st.tuples(numbers, numbers).filter(lambda pair: pair[0] != pair[1])
    ranges = pairs.map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.just("*") | ranges, st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    one = st.just("*") | numbers.map(str) | ranges | steps
    return one | st.lists(numbers.map(str) | ranges, min_size=1, max_size=3).map(",".join)


MONTHS = st.sampled_from(["*", "*", "1", "MAR-APR", "SEP,OCT,NOV", "*/3"])
DAYS = st.sampled_from(["*", "*", "1-7", "31", "*/5"])
WEEKDAYS = st.sampled_from(["*", "*", "SUN", "0", "7", "MON-FRI", "6,7"])
LINES = st.tuples(fields(0, 59), fields(0, 5) | fields(0, 23), DAYS, MONTHS, WEEKDAYS).map(" ".join)


@st.composite
def beginnings(draw: st.DrawFn, zones: list[str]) -> datetime:
    """A moment in a zone, most often shortly before its clocks are set."""
    where = ZoneInfo(draw(st.sampled_from(zones)))
    day = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=draw(st.integers(0, 10 * 365)))
    for step in (timedelta(days=8), timedelta(days=1)):
        for _ in range(40):
            if day.astimezone(where).utcoffset() != (day + step).astimezone(where).utcoffset():
                break
            day += step
    return (day + timedelta(minutes=draw(st.integers(-300, 1800)))).astimezone(where)


def times(cron: str, start: datetime) -> list[datetime]:
    calendar = Calendar(cron, str(start.tzinfo))
    return [moment.astimezone(UTC) for moment in islice(calendar.times(start), 8)]


@given(LINES, beginnings(sorted(available_timezones() - ODD)))
def test_times_are_those_of_an_independent_library(cron: str, start: datetime) -> None:
    """In every zone and near every change of clocks, another library that follows cron says the same."""
    try:
        theirs = CronDst(cron).iter(start)
    except CronDstError:
        assume(False)
    assert times(cron, start) == [moment.astimezone(UTC) for moment in islice(theirs, 8)]


@given(st.tuples(fields(0, 59), fields(0, 5)).map(" ".join), beginnings(sorted(ODD)))
def test_times_of_odd_zones_are_those_of_the_reader_of_fields(cron: str, start: datetime) -> None:
    """Where clocks are set by two hours, or at a quarter to: fixed times are those that cronsim finds for the zone."""
    assume("*" not in cron)
    theirs = CronSim(f"{cron} * * *", start)
    ours = times(f"{cron} * * *", start)
    found = [moment.astimezone(UTC) for moment in islice(theirs, 40)]
    distinct = sorted(set(found) - {moment for moment in found if moment <= start})
    assert ours == distinct[:8]


@given(LINES, beginnings(sorted(available_timezones())))
def test_each_time_is_after_the_one_before_and_found_again_from_anywhere_between(cron: str, start: datetime) -> None:
    """Whoever asks again, from any moment since the last time, is told the same next one."""
    try:
        found = [start.astimezone(UTC), *times(cron, start)]
    except WrongUsage:
        assume(False)
    for before, after in pairwise(found):
        assert before < after
        between = before + (after - before) / 2
        assert times(cron, between.astimezone(start.tzinfo))[0] == after


@pytest.mark.parametrize(
    ("cron", "timezone", "start", "expected"),
    [
        ("30 2 * * *", "Europe/Madrid", "2026-03-28T12:00Z", ["29 03:00", "30 02:30"]),
        ("30 2 * * *", "Europe/Madrid", "2026-10-24T12:00Z", ["25 02:30", "26 02:30"]),
        ("0 * * * *", "Europe/Madrid", "2026-10-24T23:30Z", ["25 02:00", "25 02:00", "25 03:00"]),
        ("0 * * * *", "Europe/Madrid", "2026-03-29T00:00Z", ["29 03:00", "29 04:00"]),
        ("15 */2 * * *", "Australia/Lord_Howe", "2026-04-04T13:20Z", ["05 02:15", "05 04:15"]),
        ("0 9 * * MON#1", "UTC", "2026-11-21T00:00Z", ["07 09:00", "04 09:00"]),
        ("0 9 L * *", "UTC", "2026-11-21T00:00Z", ["30 09:00", "31 09:00"]),
        ("@weekly", "Asia/Tokyo", "2026-11-21T00:00Z", ["22 00:00", "29 00:00"]),
        ("0 0 29 2 *", "UTC", "2026-11-21T00:00Z", ["29 00:00"]),
    ],
)
def test_times_to_be_sure_of(cron: str, timezone: str, start: str, expected: list[str]) -> None:
    """Gaps, repeated hours, half-hour changes, nth weekdays, last days, shorthands and leap years, by hand."""
    found = Calendar(cron, timezone).preview(datetime.fromisoformat(start), len(expected))
    assert [f"{moment:%d %H:%M}" for moment in found] == expected


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        ("0 0 30 2 *", "'0 0 30 2 \\*' never fires: no such day comes in 50 years"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 24 * * *", "has '24' for the hour; allowed: 0-23"),
        ("0 0 * * FUNDAY", "has 'FUNDAY' for the day-of-week; allowed: 0-7 or SUN-SAT"),
        ("*/0 * * * *", "for the minute"),
        ("* * * * MON#1/2", "for the day-of-week"),
        ("0 6 * *", "has 4 fields and needs 5: minute, hour, day-of-month, month, day-of-week; for example"),
        ("0 0 6 * * *", "has 6 fields"),
        ("", "has 0 fields"),
        ("weekly", "has 1 fields"),
        ("1" * 5000 + " * * * *", "needs 5"),
        ("\N{ARABIC-INDIC DIGIT FIVE} * * * *", "for the minute"),
    ],
)
def test_lines_that_cannot_be_are_refused_in_words(cron: str, message: str) -> None:
    """What is wrong, where, what is allowed, and an example."""
    with pytest.raises(WrongUsage, match=message):
        Calendar(cron)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Madrid", "no time zone 'Madrid'; did you mean Europe/Madrid"),
        ("Europe/Madird", "did you mean Europe/Madrid"),
        ("../etc/passwd", "names are as in Europe/Madrid"),
        ("", "no time zone ''"),
    ],
)
def test_zones_that_are_none_are_refused_with_what_was_meant(name: str, message: str) -> None:
    """A city alone is found in its region."""
    with pytest.raises(NotFound, match=message):
        Calendar("* * * * *", name)


def test_this_machine_has_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TZ`` names it; one that is wrong is passed over."""
    monkeypatch.setenv("TZ", ":Europe/Madrid")
    assert local_zone() == "Europe/Madrid"
    monkeypatch.setenv("TZ", "CEST")
    assert local_zone() in available_timezones()


@given(st.text(), st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_a_delay_is_below_the_jitter_and_the_same_again(name: str, due: datetime, jitter: timedelta) -> None:
    """Nobody needs to remember it, whichever zone the time is told in."""
    found = delay(name, due, jitter)
    assert timedelta(0) <= found <= jitter
    assume(due.year < 9999)
    assert found == delay(name, due.astimezone(ZoneInfo("Asia/Tokyo")), jitter)


def test_delays_of_many_times_spread_over_the_jitter() -> None:
    """They are no constant."""
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    found = sorted(delay("weekly", day, timedelta(minutes=10)).total_seconds() for day in days)
    assert found[36] < 90
    assert found[-36] > 510
    assert delay("weekly", days[0], timedelta(minutes=10)) != delay("daily", days[0], timedelta(minutes=10))
