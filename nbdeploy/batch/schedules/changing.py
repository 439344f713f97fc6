"""Adding, listing, pausing, triggering and removing schedules."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.parameters import WORDS
from nbdeploy.batch.schedules.book import Book
from nbdeploy.batch.schedules.calendar import Calendar, local_zone
from nbdeploy.batch.schedules.jobs import Job
from nbdeploy.batch.schedules.lease import holder
from nbdeploy.batch.schedules.results import Preview, Scheduled, Schedules, Triggered, advice
from nbdeploy.batch.schedules.schedule import MISSED, OVERLAP, Schedule
from nbdeploy.batch.schedules.scheduler import LEASE, start
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import check_name

__all__ = ["add", "listed", "pause", "preview", "remove", "resume", "trigger"]

_LONGEST_JITTER = timedelta(days=7)


def add(
    name: str,
    job: Job,
    cron: str,
    settings: Settings,
    *,
    timezone: str | None = None,
    jitter: timedelta = timedelta(0),
    begins: datetime | str | None = None,
    ends: datetime | str | None = None,
    missed: str = MISSED[0],
    overlap: str = OVERLAP[0],
    bound: int = 100,
    replace: bool = False,
) -> Scheduled:
    """Record a schedule, after all of it that can be checked was.

    Raises
    ------
    WrongUsage, NotFound, InvalidData
        If the cron line, the time zone, an option, or what it is to run cannot be.
    Conflict
        If the name is taken.
    """
    where = timezone or local_zone()
    Calendar(cron, where)
    _check_choice("missed", missed, MISSED)
    _check_choice("overlap", overlap, OVERLAP)
    if bound < 1:
        raise WrongUsage(f"a bound of {bound} is none: give 1 or more")
    if not timedelta(0) <= jitter <= _LONGEST_JITTER:
        raise WrongUsage(f"a jitter of {jitter} cannot be: give 0s to 7d")
    now = datetime.now(UTC)
    schedule = Schedule(
        secrets.token_hex(8),
        check_name(name, "schedule"),
        cron,
        where,
        job,
        created=now,
        decided=now,
        jitter=jitter,
        begins=_moment("start", begins, where),
        ends=_moment("end", ends, where),
        missed=missed,
        overlap=overlap,
        bound=bound,
    )
    times = schedule.preview(now)
    if not times:
        raise WrongUsage(f"cron line {cron!r} never fires between start and end: {begins or 'today'} – {ends}")
    job.check(times[0])
    with Ledger(settings.db) as ledger:
        Book(ledger.database).add(schedule, replace)
        return _told(ledger, schedule, "added")


def preview(cron: str, timezone: str | None = None) -> Preview:
    """The next ten times of a cron line, and what words mean at the first of them.

    Raises
    ------
    WrongUsage, NotFound
        If the cron line or the time zone cannot be.
    """
    where = timezone or local_zone()
    times = Calendar(cron, where).preview(datetime.now(UTC))
    return Preview(cron, where, times, {name: meaning(times[0]) for name, meaning in WORDS.items()})


def listed(settings: Settings) -> Schedules:
    """Every schedule, with its next times and what became of the last one."""
    with Ledger(settings.db) as ledger:
        items = [_told(ledger, schedule) for schedule in Book(ledger.database).all()]
        return Schedules(items, advice(holder(ledger.database, LEASE)) if items else "")


def pause(name: str, settings: Settings) -> Scheduled:
    """Let a schedule rest; what runs goes on."""
    with Ledger(settings.db) as ledger:
        return _told(ledger, Book(ledger.database).pause(name), "paused")


def resume(name: str, settings: Settings) -> Scheduled:
    """Let a schedule go on, from now."""
    with Ledger(settings.db) as ledger:
        return _told(ledger, Book(ledger.database).resume(name, datetime.now(UTC)), "resumed")


def remove(name: str, settings: Settings) -> Scheduled:
    """Forget a schedule; its runs stay."""
    with Ledger(settings.db) as ledger:
        return Scheduled(Book(ledger.database).remove(name), "removed")


def trigger(name: str, settings: Settings) -> Triggered:
    """Run what a schedule runs, now; it waits if a run of it goes on, unless they may overlap.

    Raises
    ------
    NbdeployError
        If it cannot start.
    """
    with Ledger(settings.db) as ledger:
        book = Book(ledger.database)
        schedule = book.get(name)
        due = book.trigger(schedule, datetime.now(UTC))
        start(ledger, schedule, due)
        became = book.due(due.schedule, due.due)
        if became.run is not None:
            return Triggered(name, ledger.get(became.run))
        going = book.open_runs(schedule.id)
        return Triggered(name, None, going[0] if going else "", advice(holder(ledger.database, LEASE)))


def _told(ledger: Ledger, schedule: Schedule, done: str = "") -> Scheduled:
    last = next(iter(Book(ledger.database).history(schedule)), None)
    run = None
    if last is not None and last.run is not None:
        try:
            run = ledger.get(last.run)
        except NotFound:  # its record was cleared away
            run = None
    said = advice(holder(ledger.database, LEASE))
    return Scheduled(schedule, done, schedule.preview(datetime.now(UTC)), last, run, said)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise WrongUsage(f"--{name} {value} is not known; there are: {', '.join(choices)}")


def _moment(name: str, given: datetime | str | None, where: str) -> datetime | None:
    """A moment; one without a zone is meant in the schedule's."""
    from nbdeploy.batch.schedules.calendar import zone

    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError as error:
        raise WrongUsage(f"--{name} {given} is no date or time; write it as 2026-11-30 or 2026-11-30T06:00") from error
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone(where))).astimezone(UTC)
