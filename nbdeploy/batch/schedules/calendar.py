"""When a schedule is due: cron lines in a named time zone, right also where clocks are set.

The fields are read by cronsim. It is asked for times on the clock's face only; when those are is said here, because
its own answer misses hours of zones whose clocks move by half an hour (Lord Howe Island), and takes a moment's clock
face for the moment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from itertools import islice, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from nbdeploy.errors import NotFound, WrongUsage, alternatives

__all__ = ["Calendar", "latest", "local_zone", "next_change", "zone"]

_SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_FIELDS = {
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L for the last, LW for the last weekday",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7 or SUN-SAT (0 and 7 are Sunday), MON#1 for the first Monday, 5L for the last Friday",
}
_LONGEST = 400
"""Characters of a cron line; every field listing all its values has fewer."""
_EXAMPLE = '"0 6 * * 1" is Mondays at 6:00, "*/15 8-18 * * MON-FRI" each quarter of an hour at work'
_STEP = timedelta(days=2)
"""Clocks are set at most once in this time."""
_FIRST_LOOK = timedelta(hours=1)
_LONGEST_WAIT = timedelta(days=50 * 366)


@dataclass(frozen=True)
class Calendar:
    """A cron line in a time zone.

    Where clocks are set, it does what cron does. A line with a fixed minute and hour is due once each day that it
    names: at the first of two equal times, and right after the gap if its time is skipped. A line whose minute or hour
    begins with ``*`` goes by time that passes: it is due in both of two equal hours, and not in one that is skipped.

    Parameters
    ----------
    cron : str
        Five fields: minute, hour, day of month, month, day of week; or ``@daily`` and the like.
    timezone : str
        A name of the IANA database, such as ``Europe/Madrid``.

    Raises
    ------
    WrongUsage
        If the line is not understood, or names no day that will ever come.
    NotFound
        If there is no such time zone.

    Examples
    --------
    >>> mondays = Calendar("0 6 * * MON", "Europe/Madrid")
    >>> f"{mondays.next(datetime(2026, 11, 21, tzinfo=UTC)):%a %d %b %H:%M %Z}"
    'Mon 23 Nov 06:00 CET'
    """

    cron: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if next(_faces(self.line, datetime(2000, 1, 1)), None) is None:
            raise WrongUsage(f"cron line {self.cron!r} never fires: no such day comes in 50 years", cron=self.cron)
        zone(self.timezone)

    def next(self, after: datetime) -> datetime | None:
        """The first time after a moment, in the calendar's own zone; None if there is none in 50 years."""
        return next(self.times(after), None)

    def times(self, after: datetime) -> Iterator[datetime]:
        """Every time after a moment, in order."""
        found = self._passing(after) if self._passes else self._fixed(after)
        return (moment.astimezone(self._zone) for moment in found)

    def last(self, until: datetime) -> datetime | None:
        """The last time up to a moment; None if there was none in 50 years."""
        found = latest(self.times, until - _LONGEST_WAIT, until, 1)
        return found[-1] if found else None

    def preview(self, after: datetime, count: int = 10) -> list[datetime]:
        """The next times."""
        return list(islice(self.times(after), count))

    @cached_property
    def line(self) -> str:
        """Its five fields, also of a shorthand."""
        return _SHORTHANDS.get(self.cron.strip().lower(), self.cron)

    @cached_property
    def _passes(self) -> bool:
        return any(part.startswith("*") for part in self.line.split()[:2])

    @cached_property
    def _zone(self) -> ZoneInfo:
        return zone(self.timezone)

    def _fixed(self, after: datetime) -> Iterator[datetime]:
        last = after.astimezone(UTC)
        for face in _faces(self.line, _face(last, self._zone)):
            moment = _moment(face, self._zone)
            if moment > last:
                last = moment
                yield moment

    def _passing(self, after: datetime) -> Iterator[datetime]:
        at = after.astimezone(UTC)
        change, shown = at, _face(at, self._zone)
        while True:
            offset = _offset(change, self._zone)
            end = None
            for face in _faces(self.line, shown):
                moment = (face - offset).replace(tzinfo=UTC)
                end = next_change(max(at, change), moment, self._zone)
                if end is not None:
                    break
                at = moment
                yield moment
            if end is None:
                return
            # The face is looked at from one second before: a time at the very moment of the change counts.
            change, shown = end, _face(end, self._zone) - timedelta(seconds=1)


def latest(
    times: Callable[[datetime], Iterator[datetime]], after: datetime, until: datetime, count: int
) -> list[datetime]:
    """The last so many times in a span that may be of years: looked at backwards, in ever longer steps.

    Parameters
    ----------
    times : callable
        The times after a moment, in order.
    after, until : datetime
        The span; `until` belongs to it.
    count : int
        How many, at most.
    """
    look = _FIRST_LOOK
    while True:
        start = max(after, until - look)
        found = list(takewhile(lambda due: due <= until, times(start)))
        if start <= after or len(found) >= count:
            return found[-count:]
        look *= 4


def zone(name: str) -> ZoneInfo:
    """Return the time zone of a name.

    Raises
    ------
    NotFound
        If there is none, with names that are close.
    """
    try:
        if name:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    known = sorted(available_timezones())
    close = [each for each in known if name and name.lower().replace(" ", "_") in each.lower()]
    told = f"did you mean {' or '.join(close[:3])}?" if close else alternatives(name, known)
    raise NotFound("time zone", name, hint=f"{told.partition(' and ')[0]}; names are as in Europe/Madrid")


def local_zone() -> str:
    """The name of this machine's time zone: ``TZ``, else what ``/etc/localtime`` points at, else UTC."""
    places = [os.environ.get("TZ", "").removeprefix(":"), os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]]
    for name in filter(None, places):
        try:
            return zone(name).key
        except NotFound:
            continue
    try:
        return zone(Path("/etc/timezone").read_text(encoding="utf-8").strip()).key
    except (NotFound, OSError, ValueError):
        return "UTC"


def delay(schedule: str, due: datetime, jitter: timedelta) -> timedelta:
    """How much later than due a schedule begins: below `jitter`, always the same for the same schedule and time.

    Examples
    --------
    >>> delay("weekly", datetime(2026, 11, 23, tzinfo=UTC), timedelta(0))
    datetime.timedelta(0)
    """
    text = f"{schedule} {due.astimezone(UTC).isoformat()}"
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48
    return jitter * share


def _faces(line: str, after: datetime) -> Iterator[datetime]:
    """The times on a clock's face that a cron line names, after one."""
    parts = line.split()
    if len(parts) != len(_FIELDS) or len(line) > _LONGEST:
        raise WrongUsage(
            f"cron line {line!r} has {len(parts)} fields and needs 5: {', '.join(_FIELDS)}; for example {_EXAMPLE}",
            cron=line,
        )
    for name, part, position in zip(_FIELDS, parts, range(5), strict=True):
        try:
            CronSim(" ".join([*"*" * position, part, *"*" * (4 - position)]), after)
        except (CronSimError, AssertionError, TypeError, ValueError) as error:
            raise WrongUsage(
                f"cron line {line!r} has {part!r} for the {name}; allowed: {_FIELDS[name]}, lists with commas, "
                f"ranges with -, steps with /; for example {_EXAMPLE}",
                cron=line,
                field=name,
            ) from error
    try:
        return CronSim(line, after)
    except CronSimError:  # each field is right, and together they name no day
        return iter(())


def _offset(moment: datetime, where: tzinfo) -> timedelta:
    return moment.astimezone(where).utcoffset() or timedelta(0)


def _face(moment: datetime, where: tzinfo) -> datetime:
    return moment.astimezone(where).replace(tzinfo=None, fold=0)


def _moment(face: datetime, where: tzinfo) -> datetime:
    """When a clock shows a face: for the first time of two, right after the gap if never."""
    moment = face.replace(tzinfo=where).astimezone(UTC)
    if _face(moment, where) == face:
        return moment
    before = moment - _STEP
    return next_change(before, moment + _STEP, where) or moment


def next_change(begin: datetime, end: datetime, where: tzinfo) -> datetime | None:
    """The first moment after `begin`, up to `end`, from which clocks have another offset."""
    offset, low = _offset(begin, where), begin
    while low < end:
        high = min(low + _STEP, end)
        if _offset(high, where) != offset:
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(middle, where) == offset else (low, middle)
            return high.replace(microsecond=0)
        low = high
    return None
