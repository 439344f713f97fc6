"""Which times of a schedule become runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbdeploy.batch.schedules.schedule import LATE, MISSED, due_since
from tests.batch.schedules.making import START, Make

HOURLY = "0 * * * *"


def told(found: Any) -> list[str]:
    return [f"{each.due:%d %H:%M} {each.reason} {each.state}" for each in found]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("skip", ["21 16:00 missed skipped"]),
        ("last", ["21 15:00 missed skipped", "21 16:00 missed waiting"]),
        ("all", [f"21 {hour}:00 missed waiting" for hour in (13, 14, 15, 16)]),
    ],
)
def test_what_was_missed_is_made_up_as_asked(make: Make, policy: str, expected: list[str]) -> None:
    """No scheduler ran for four hours and a half."""
    schedule = make(cron=HOURLY, missed=policy)
    assert told(due_since(schedule, START + timedelta(hours=4.5))) == expected


def test_no_more_than_the_bound_is_made_up(make: Make) -> None:
    """Of two years of minutes the last three; what is skipped is told once, and nobody counts to a million."""
    schedule = make(missed="all", bound=3)
    at = START + timedelta(days=700, seconds=30)
    found = due_since(schedule, at)
    assert [(at - each.due).seconds // 60 for each in found] == [4, 3, 2, 1, 0]
    assert [f"{each.reason} {each.state}" for each in found] == [
        "missed skipped",
        *["missed waiting"] * 3,
        "due waiting",
    ]


def test_a_time_that_is_due_is_not_missed(make: Make) -> None:
    """A scheduler that begins again within a minute starts it, whatever the policy; what it missed is then older."""
    assert told(due_since(make(cron=HOURLY, missed="skip"), START + timedelta(hours=1, seconds=59))) == [
        "21 13:00 due waiting"
    ]
    later = START + timedelta(hours=3, seconds=30)
    assert told(due_since(make(cron=HOURLY), later)) == ["21 14:00 missed skipped", "21 15:00 due waiting"]


def test_a_schedule_begins_and_ends(make: Make) -> None:
    """Both moments count."""
    schedule = make(cron=HOURLY, begins=START + timedelta(hours=2), ends=START + timedelta(hours=4), missed="all")
    expected = [START + timedelta(hours=hours) for hours in (2, 3, 4)]
    assert schedule.preview(START) == expected
    assert [each.due for each in due_since(schedule, START + timedelta(days=9))] == expected


def test_jitter_delays_the_beginning_and_not_the_time(make: Make) -> None:
    """What templates say is the time of the cron line."""
    schedule = make(cron=HOURLY, jitter=timedelta(minutes=10))
    [found] = due_since(schedule, START + timedelta(hours=1))
    assert found.due == START + timedelta(hours=1)
    assert timedelta(0) < found.begin - found.due < timedelta(minutes=10)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["* * * * *", "*/7 * * * *", HOURLY, "30 2 * * *", "0 0 1 * *"]),
    st.sampled_from(MISSED),
    st.lists(st.integers(1, 40_000), min_size=1, max_size=5),
)
def test_however_often_it_is_looked_at_each_time_comes_once(
    make: Make, cron: str, policy: str, minutes: list[int]
) -> None:
    """Looks at any moments: nothing comes twice or in the future, and with `all` nothing is left out."""
    schedule = make(cron=cron, missed=policy, bound=10**6, timezone="Europe/Madrid")
    at, found = START, []
    for step in minutes:
        at += timedelta(minutes=step % 200, seconds=step % 60)
        found += due_since(schedule, at)
        schedule = make(cron=cron, missed=policy, bound=10**6, timezone="Europe/Madrid", decided=at, id=schedule.id)
    every = list(takewhile(lambda due: due <= at, schedule.times(START)))
    kept = [each.due for each in found if each.state == "waiting"]
    assert len({each.due for each in found}) == len(found)
    assert set(kept) <= set(every)
    if policy == "all":
        assert kept == every
    if policy == "last":
        assert {due for due in every if at - due < LATE} <= set(kept)


def test_a_clock_that_is_set_back_repeats_nothing(make: Make) -> None:
    """What was decided stays so."""
    schedule = make(decided=datetime(2026, 12, 1, tzinfo=UTC))
    assert due_since(schedule, START) == []
