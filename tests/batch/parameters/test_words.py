"""Words that stand for the scheduled time."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbdeploy.batch import Text
from nbdeploy.batch.parameters.words import WORDS, meant, render
from nbdeploy.errors import WrongUsage

MADRID = ZoneInfo("Europe/Madrid")


def test_every_word_on_the_last_days_of_a_year() -> None:
    """Years, ISO weeks and quarters that end there are told apart."""
    due = datetime(2026, 12, 31, 23, 30, tzinfo=MADRID)
    assert {word: render(f"{{{{{word}}}}}", due) for word in WORDS} == {
        "ds": "2026-12-31",
        "ds_nodash": "20261231",
        "ts": "2026-12-31T23:30:00+01:00",
        "hour": "23",
        "yesterday": "2026-12-30",
        "tomorrow": "2027-01-01",
        "week": "2026-W53",
        "previous_week": "2026-W52",
        "month": "2026-12",
        "previous_month": "2026-11",
        "next_month": "2027-01",
        "month_start": "2026-12-01",
        "month_end": "2026-12-31",
        "previous_month_start": "2026-11-01",
        "previous_month_end": "2026-11-30",
        "quarter": "2026-Q4",
        "previous_quarter": "2026-Q3",
        "year": "2026",
        "previous_year": "2025",
    }


@given(st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1)))
def test_months_end_on_the_day_before_the_next_begins(due: datetime) -> None:
    """Also leap years', by Python's own calendar."""
    start, end = (datetime.fromisoformat(render(f"{{{{ month_{word} }}}}", due)) for word in ("start", "end"))
    assert (end - start).days + 1 == monthrange(due.year, due.month)[1]
    assert render("{{ previous_month_end }}", due) == f"{(start - timedelta(days=1)).date()}"


def test_words_inside_texts_lists_and_dicts() -> None:
    """What was typed stays typed, a text stays a text, and other values are not touched."""
    due = datetime(2026, 3, 1, tzinfo=MADRID)
    given = {"file": "in/{{previous_month}}/{{ ds }}.csv", "months": ["{{ month }}", 3], "n": 1.5, "{{ds}}": None}
    assert render(given, due) == {
        "file": "in/2026-02/2026-03-01.csv",
        "months": ["2026-03", 3],
        "n": 1.5,
        "{{ds}}": None,
    }
    assert type(render(Text("{{ year }}"), due)) is Text
    assert render("{ ds } {{}", due) == "{ ds } {{}"


@pytest.mark.parametrize("word", ["previuos_month", "", "ds.year", "__import__('os')", "ds }} {{ nope"])
def test_other_words_are_refused(word: str) -> None:
    """They are looked up and never evaluated."""
    with pytest.raises(WrongUsage, match="is no word that a schedule knows"):
        render(f"x {{{{ {word} }}}}", datetime(2026, 3, 1))


@pytest.mark.parametrize(
    ("said", "due"),
    [
        ("", "2026-11-21T00:20:00+01:00"),
        ("2026-11-01T03:00:00Z", "2026-11-01T04:00:00+01:00"),
        ("2026-11-01T03:00", "2026-11-01T03:00:00+01:00"),
        ("2026-11-01", "2026-11-01T00:00:00+01:00"),
        ("0 23 * * *", "2026-11-20T23:00:00+01:00"),
        ("@monthly", "2026-11-01T00:00:00+01:00"),
        ("0 0 29 2 *", "2024-02-29T00:00:00+01:00"),
    ],
)
def test_words_outside_a_schedule_mean_the_time_that_its_runner_names(
    said: str, due: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that is late, also after midnight, is of the time before; without a word from anybody it is of now."""
    monkeypatch.setenv("TZ", "Europe/Madrid")
    now = datetime(2026, 11, 20, 23, 20, tzinfo=UTC)
    assert meant({"NBDEPLOY_DUE": said}, now).isoformat() == due


@pytest.mark.parametrize("said", ["soon", "* * *", "61 * * * *", "0 0 30 2 *"])
def test_a_time_that_is_none_is_refused(said: str) -> None:
    """With what it may be."""
    with pytest.raises(WrongUsage, match=r"NBDEPLOY_DUE is .* which is no time .*: give a moment"):
        meant({"NBDEPLOY_DUE": said})
