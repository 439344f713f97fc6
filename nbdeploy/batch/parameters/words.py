"""``{{ ds }}``, ``{{ previous_month }}`` …: words that become dates of the scheduled time.

The time is the one that the cron line names, in the schedule's time zone, however late the run begins: so a run that
was missed, delayed or queued scores the month that it was meant for. Where another program keeps the times, it says
in ``NBDEPLOY_DUE`` which one it means.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from nbdeploy.errors import NbdeployError, WrongUsage, alternatives

__all__ = ["DUE", "WORDS", "meant", "render", "split"]

DUE = "NBDEPLOY_DUE"
"""Variable of the time that words mean: a moment, or a cron line whose last time it is."""

_TEMPLATE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def _month(due: datetime, months: int) -> datetime:
    """The first day of the month that is so many later."""
    year, month = divmod(due.year * 12 + due.month - 1 + months, 12)
    return due.replace(year=year, month=month + 1, day=1)


def _quarter(due: datetime, quarters: int) -> str:
    year, quarter = divmod(due.year * 4 + (due.month - 1) // 3 + quarters, 4)
    return f"{year}-Q{quarter + 1}"


def _day(due: datetime, days: int) -> str:
    return f"{due.date() + timedelta(days=days)}"


WORDS: Mapping[str, Callable[[datetime], str]] = {
    "ds": lambda due: _day(due, 0),
    "ds_nodash": lambda due: f"{due:%Y%m%d}",
    "ts": lambda due: due.isoformat(timespec="seconds"),
    "hour": lambda due: f"{due:%H}",
    "yesterday": lambda due: _day(due, -1),
    "tomorrow": lambda due: _day(due, 1),
    "week": lambda due: f"{due:%G-W%V}",
    "previous_week": lambda due: f"{due.date() - timedelta(days=7):%G-W%V}",
    "month": lambda due: f"{due:%Y-%m}",
    "previous_month": lambda due: f"{_month(due, -1):%Y-%m}",
    "next_month": lambda due: f"{_month(due, 1):%Y-%m}",
    "month_start": lambda due: f"{_month(due, 0):%Y-%m-%d}",
    "month_end": lambda due: _day(_month(due, 1), -1),
    "previous_month_start": lambda due: f"{_month(due, -1):%Y-%m-%d}",
    "previous_month_end": lambda due: _day(_month(due, 0), -1),
    "quarter": lambda due: _quarter(due, 0),
    "previous_quarter": lambda due: _quarter(due, -1),
    "year": lambda due: f"{due:%Y}",
    "previous_year": lambda due: f"{due.year - 1}",
}
"""What each word becomes for a scheduled time."""


def render(value: Any, due: datetime) -> Any:
    """Replace the words in a text; also in the texts of lists and dicts, anything else stays.

    Parameters
    ----------
    value : object
        A text, or a value that may hold some.
    due : datetime
        The scheduled time, in the zone whose dates are meant.

    Returns
    -------
    object
        A text of the same class.

    Raises
    ------
    WrongUsage
        If a word is not one of :data:`WORDS`.

    Examples
    --------
    >>> render("sales-{{ previous_month }}.csv", datetime(2026, 1, 1, 6))
    'sales-2025-12.csv'
    """
    if isinstance(value, str):
        return type(value)(_TEMPLATE.sub(lambda found: _word(found[1].strip(), due), value))
    if isinstance(value, list | tuple):
        return [render(item, due) for item in value]
    if isinstance(value, Mapping):
        return {key: render(item, due) for key, item in value.items()}
    return value


def split(text: str) -> tuple[list[str], list[str]]:
    """Return what stands before, between and after the words of a text, and the words.

    Examples
    --------
    >>> split("sales-{{ month }}.csv")
    (['sales-', '.csv'], ['month'])
    """
    parts = _TEMPLATE.split(text)
    return parts[::2], [word.strip() for word in parts[1::2]]


def meant(environ: Mapping[str, str] | None = None, now: datetime | None = None) -> datetime:
    """The time that words mean outside a schedule's own fields, by default in this machine's time zone.

    Parameters
    ----------
    environ : mapping, optional
        The environment. ``NBDEPLOY_DUE`` is a moment, which may name its zone as RFC 9557 does, or a cron line: its
        last time up to now. Without it, now.
    now : datetime, optional
        This moment.

    Raises
    ------
    WrongUsage
        If ``NBDEPLOY_DUE`` is neither.

    Examples
    --------
    >>> meant({"NBDEPLOY_DUE": "2026-11-21T06:00:00Z"}).astimezone(UTC).hour
    6
    >>> meant({"NBDEPLOY_DUE": "2026-11-21T00:30:00+01:00[Europe/Madrid]"}).day
    21
    """
    from nbdeploy.batch.schedules.calendar import Calendar, local_zone, zone  # schedules know these words, too

    said = (os.environ if environ is None else environ).get(DUE, "").strip()
    now = now or datetime.now(UTC)
    here = local_zone()
    if len(said.split()) == 1 and not said.startswith("@"):
        moment, _, named = said.removesuffix("]").partition("[")
        return _moment(moment, zone(named or here))
    if not said:
        return now.astimezone(zone(here))
    try:
        return Calendar(said, here).last(now) or now.astimezone(zone(here))
    except NbdeployError as error:
        raise _undue(said, str(error)) from error


def _moment(said: str, here: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError as error:
        raise _undue(said, str(error)) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=here)).astimezone(here)


def _undue(said: str, why: str) -> WrongUsage:
    return WrongUsage(
        f"{DUE} is {said!r}, which is no time ({why}): give a moment, as 2026-11-21T06:00:00Z, or a cron line", due=said
    )


def _word(name: str, due: datetime) -> str:
    if name not in WORDS:
        raise WrongUsage(
            f"{{{{ {name} }}}} is no word that a schedule knows; {alternatives(name, sorted(WORDS))}",
            name=name,
            available=sorted(WORDS),
        )
    return WORDS[name](due)
