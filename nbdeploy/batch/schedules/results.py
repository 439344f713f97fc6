"""What the commands of schedules answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from nbdeploy.batch.record import Run
from nbdeploy.batch.schedules.lease import Holder
from nbdeploy.batch.schedules.schedule import Due, Schedule
from nbdeploy.cards import Card, Result, Table, count
from nbdeploy.hints import typed

__all__ = ["Preview", "Scheduled", "Schedules", "Scheduling", "Triggered", "advice"]


def advice(holder: Holder | None) -> str:
    """What to do so that schedules are run always; nothing if they are."""
    if holder is None or not holder.alive:
        return f"no scheduler is running: {typed('scheduler install')}"
    if holder.place:
        return f"run while {holder.place} runs; to run them always: {typed('scheduler install')}"
    return ""


@dataclass(frozen=True)
class Scheduled(Result):
    """A schedule, after a command.

    Attributes
    ----------
    schedule : Schedule
        The schedule.
    done : str
        What was done to it: ``added``, ``paused``, ``resumed``, ``removed``.
    times : sequence of datetime
        Its next ten times, in its own zone.
    last : Due or None
        What became of its last time.
    run : Run or None
        The run of that.
    advice : str
        What is to do so that it runs.
    """

    schedule: Schedule
    done: str = ""
    times: Sequence[datetime] = ()
    last: Due | None = None
    run: Run | None = None
    advice: str = ""

    @property
    def notices(self) -> Sequence[str]:
        """What may be a mistake in a new schedule."""
        return self.schedule.job.doubts() if self.done == "added" else ()

    @property
    def line(self) -> str:
        """The next times, and what to do so that they come true."""
        if self.done == "removed":
            return f"schedule {self.schedule.name} is removed; its runs stay"
        if self.schedule.paused:
            return f"schedule {self.schedule.name} is paused; next: {typed(f'schedule resume {self.schedule.name}')}"
        upcoming = f"next: {spoken(self.times[:3])} ({self.schedule.timezone})" if self.times else "it is over"
        return "; ".join(filter(None, [upcoming, self.advice]))

    def card(self) -> Card:
        """What runs, when, and the next ten times."""
        schedule = self.schedule
        facts: list[tuple[str, Any]] = [
            ("runs", schedule.job.words),
            ("when", f"{schedule.cron} ({schedule.timezone})"),
            (
                "missed",
                f"all, {schedule.bound} at most" if schedule.missed == "all" else schedule.missed,
            ),
            ("overlap", schedule.overlap),
        ]
        if schedule.jitter:
            facts.append(("jitter", f"up to {schedule.jitter}"))
        if schedule.begins or schedule.ends:
            facts.append(("from, to", f"{_when(schedule, schedule.begins)} – {_when(schedule, schedule.ends)}"))
        if self.last is not None:
            facts.append(("last", self.remark))
        rows = [(f"{due:%a %d %b %Y %H:%M %Z}",) for due in self.times]
        table = Table(("next",), rows) if rows and not schedule.paused else None
        return Card(f"schedule {schedule.name}{' (paused)' * schedule.paused}", facts, table, self.advice)

    @property
    def remark(self) -> str:
        """What became of the last time."""
        if self.last is None:
            return ""
        if self.last.state == "waiting":
            outcome = "waits"
        elif self.run is not None:
            outcome = f"run {self.run.id} {self.run.status}"
        else:
            outcome = f"{self.last.state}: {self.last.note}" if self.last.note else self.last.state
        return f"{_when(self.schedule, self.last.due)}: {outcome}"

    def document(self) -> dict[str, Any]:
        """Everything, with the next ten times."""
        schedule = self.schedule
        last = None
        if self.last is not None:
            last = {
                "due": self.last.due.isoformat(),
                "reason": self.last.reason,
                "state": self.last.state,
                "note": self.last.note,
                "run": None if self.run is None else self.run.document(),
            }
        return {
            "name": schedule.name,
            "runs": schedule.job.words,
            "job": msgspec.to_builtins(schedule.job),
            "cron": schedule.cron,
            "timezone": schedule.timezone,
            "jitter": schedule.jitter.total_seconds(),
            "begins": None if schedule.begins is None else schedule.begins.isoformat(),
            "ends": None if schedule.ends is None else schedule.ends.isoformat(),
            "missed": schedule.missed,
            "overlap": schedule.overlap,
            "bound": schedule.bound,
            "paused": schedule.paused,
            "next": [] if schedule.paused else [due.isoformat() for due in self.times],
            "last": last,
            "advice": self.advice,
        }


@dataclass(frozen=True)
class Preview(Result):
    """When a cron line would be due.

    Attributes
    ----------
    cron, timezone : str
        The line, and where its times are meant.
    times : sequence of datetime
        The next ten.
    words : mapping of str to str
        What ``{{ words }}`` become at the first of them.
    """

    cron: str
    timezone: str
    times: Sequence[datetime]
    words: Mapping[str, str]

    @property
    def line(self) -> str:
        """The next times."""
        return f"next: {spoken(self.times[:3])} ({self.timezone})"

    def card(self) -> Card:
        """All of them."""
        return Card(self.line, table=Table(("next",), [(f"{due:%a %d %b %Y %H:%M %Z}",) for due in self.times]))

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"timezone": self.timezone, "next": [due.isoformat() for due in self.times], "words": dict(self.words)}


@dataclass(frozen=True)
class Schedules(Result):
    """All schedules."""

    items: Sequence[Scheduled] = ()
    advice: str = ""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def line(self) -> str:
        """How many there are, and what is to do so that they run."""
        if not self.items:
            return f"no schedules yet; next: {typed('schedule add NAME NOTEBOOK --cron ...')}"
        paused = sum(item.schedule.paused for item in self.items)
        said = count(len(self.items), "schedule") + (f", {paused} paused" if paused else "")
        return "; ".join(filter(None, [said, self.advice]))

    def card(self) -> Card:
        """The schedules as a table."""
        rows = [
            (
                item.schedule.name,
                item.schedule.job.words,
                f"{item.schedule.cron} ({item.schedule.timezone})",
                "paused" if item.schedule.paused else spoken(item.times[:1]) or "over",
                item.remark,
            )
            for item in self.items
        ]
        return Card(self.line, table=Table(("schedule", "runs", "when", "next", "last"), rows) if rows else None)

    def document(self) -> list[dict[str, Any]]:
        """The schedules as a JSON array."""
        return [item.document() for item in self.items]


@dataclass(frozen=True)
class Triggered(Result):
    """A run that was asked for beside the times of a schedule."""

    schedule: str
    run: Run | None
    waits_for: str = ""
    advice: str = ""

    @property
    def line(self) -> str:
        """The run, or what it waits for."""
        if self.run is None:
            waits = f"it begins when run {self.waits_for} has ended" if self.waits_for else "it begins soon"
            return "; ".join(filter(None, [f"schedule {self.schedule} is triggered: {waits}", self.advice]))
        return f"schedule {self.schedule}: run {self.run.id} {self.run.status}; next: {typed(f'logs {self.run.id}')}"

    def card(self) -> Card:
        """Return the line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """The schedule, and the run if it has begun."""
        run = None if self.run is None else self.run.document()
        return {"schedule": self.schedule, "run": run, "waits_for": self.waits_for or None}


@dataclass(frozen=True)
class Scheduling(Result):
    """A process that sees to schedules; without a number if there is none."""

    pid: int | None
    host: str
    place: str
    state: str

    @property
    def line(self) -> str:
        """What it does."""
        if self.pid is None:
            return f"no scheduler ran; next: {typed('scheduler')}"
        where = f" of {self.place}" if self.place else ""
        return f"the scheduler{where} {self.state} (process {self.pid} on {self.host})"

    def card(self) -> Card:
        """Return the line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"pid": self.pid, "host": self.host, "place": self.place, "state": self.state}


def spoken(times: Sequence[datetime]) -> str:
    """Say times as one would: what does not change is said once.

    Examples
    --------
    >>> spoken([datetime(2026, 11, 30, 6), datetime(2026, 12, 7, 6), datetime(2026, 12, 14, 6)])
    'Mon 30 Nov 06:00, 7 Dec, 14 Dec'
    >>> spoken([datetime(2026, 11, 30, 6), datetime(2026, 11, 30, 7), datetime(2027, 1, 1, 6)])
    'Mon 30 Nov 06:00, 07:00, 1 Jan 2027 06:00'
    """
    said: list[str] = []
    before: datetime | None = None
    for due in times:
        day = "" if before is not None and due.date() == before.date() else f"{due.day} {due:%b}"
        if before is None:
            day = f"{due:%a} {day}"
        elif due.year != before.year:
            day = f"{day} {due.year}"
        clock = "" if before is not None and day and due.timetz() == before.timetz() else f"{due:%H:%M}"
        said.append(" ".join(filter(None, [day, clock])))
        before = due
    return ", ".join(said)


def _when(schedule: Schedule, moment: datetime | None) -> str:
    return "" if moment is None else f"{moment.astimezone(schedule.zone):%a %d %b %Y %H:%M}"
