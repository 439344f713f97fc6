"""A schedule as every other program is told of it: a command, its surroundings, and what cannot be said there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import urlsplit

from nbdeploy.batch.schedules.calendar import next_change
from nbdeploy.batch.schedules.exporting.commands import Told, told
from nbdeploy.batch.schedules.schedule import Schedule
from nbdeploy.errors import WrongUsage
from nbdeploy.version import __version__

__all__ = ["Plan", "one_line"]

_NAMES = {
    3: ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    4: ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}
_LAST = re.compile(r"[L#]")
_LOOKED_AT = timedelta(days=800)
"""Clocks that are set are set once in this time."""
_CHANGE = timedelta(hours=3)
_STORE = "NBDEPLOY_STORE"
_AT_HOME = {"NBDEPLOY_HOME"}
"""Variables that mean something on this machine only."""


@dataclass(frozen=True)
class Plan:
    """A schedule for another program.

    Attributes
    ----------
    schedule : Schedule
        What is written down.
    program : str
        For whom.
    here : bool
        Whether it will run on this machine.
    """

    schedule: Schedule
    program: str
    here: bool = False

    @cached_property
    def told(self) -> Told:
        """What ``nbdeploy`` is told."""
        return told(self.schedule.job, next(self.schedule.times(self.schedule.decided), self.schedule.decided))

    @property
    def command(self) -> list[str]:
        """The words of ``nbdeploy``, in the schedule's folder; their ``{{ words }}`` stay."""
        return self.told.command

    @property
    def dated(self) -> bool:
        """Whether it holds ``{{ words }}``."""
        return any("{{" in word for word in self.command)

    @property
    def needs(self) -> list[str]:
        """What has to be there when it runs: files, and the store."""
        store = f"that {_STORE} names" if _STORE in self.secrets else self.store
        return [*self.told.needs, *([f"store {store}"] if store else [])]

    @property
    def store(self) -> str:
        """Path or URL of the snapshot store."""
        return self.schedule.job.at.variables.get(_STORE, "")

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """Environment variables to set; none that holds a secret, or means this machine alone."""
        given = dict(self.schedule.job.at.variables)
        if not self.here:
            given = {name: value for name, value in given.items() if name not in _AT_HOME}
            if self.store and "://" not in self.store:
                del given[_STORE]
            if given.get("NBDEPLOY_TARGET") == "local":
                del given["NBDEPLOY_TARGET"]
        return {name: value for name, value in given.items() if name not in self.secrets}

    @cached_property
    def secrets(self) -> list[str]:
        """Environment variables whose values are secrets: they are named and not written."""
        stored = [_STORE] if "://" in self.store and urlsplit(self.store).password else []
        return sorted({*stored, *self.told.secrets})

    @cached_property
    def cron(self) -> str:
        """The cron line in figures, lists, ranges and steps, which every program knows.

        Raises
        ------
        WrongUsage
            If that cannot be said so.
        """
        fields = self.schedule.calendar.line.upper().split()
        for position, names in _NAMES.items():
            for number, name in enumerate(names, start=position == 3):  # months are counted from 1
                fields[position] = fields[position].replace(name, str(number))
        line = " ".join(fields)
        if _LAST.search(line):
            raise WrongUsage(
                f"cron line {self.schedule.cron!r} counts from the end of the month or numbers its weekdays (L, #), "
                f"which {self.program} does not: let it run on each day that may be meant",
                cron=self.schedule.cron,
            )
        starred = [part.startswith("*") and part != "*" for part in (fields[2], fields[4])]
        if any(starred) and "*" not in (fields[2], fields[4]):
            raise WrongUsage(
                f"cron line {self.schedule.cron!r} restricts both the day of the month and the day of the week, one of "
                f"them by */N: programs disagree on what that means; write its days as a list",
                cron=self.schedule.cron,
            )
        fields[4] = _sundays(fields[4])
        return " ".join(fields)

    @cached_property
    def notes(self) -> list[str]:
        """What is different there from here, as far as it is the same for every program."""
        schedule, notes = self.schedule, list(self.told.unsaid)
        if schedule.jitter:
            notes.append(f"the jitter of {schedule.jitter} is left out: runs begin at their times")
        if not self.here and self.store and "://" not in self.store:
            notes.append(
                f"the snapshot store {self.store} is a folder of this machine: copy what is needed to one that is "
                f"reached from there (nbdeploy copy REF s3://…), and set {_STORE} to it"
            )
        if _around_changes(schedule):
            notes.append(f"{self.program} decides about times in hours that are skipped or doubled as clocks are set")
        notes += [f"{name} holds a secret: it is named here, and its value is not" for name in self.secrets]
        return notes

    @property
    def head(self) -> list[str]:
        """The first lines of the definition."""
        schedule = self.schedule
        said = [
            f"Schedule {schedule.name}, written by nbdeploy {__version__}: nbdeploy schedule export {schedule.name}",
            f"Runs: {schedule.job.words}",
        ]
        return [*said, *(f"Needs: {need}" for need in self.needs)]

    def comment(self, notes: Sequence[str]) -> str:
        """The head and what is different, as a comment; no text of a user's can end a line of it."""
        lines = [*self.head, *(f"Different: {note}" for note in notes)]
        return "".join(f"# {one_line(line)}\n" for line in lines)

    def no_window(self) -> list[str]:
        """A note if it begins or ends, for a program whose schedules do not."""
        begins, ends = self.schedule.begins, self.schedule.ends
        spans = [f"from {_day(begins)}" if begins else "", f"to {_day(ends)}" if ends else ""]
        return [f"its times {' '.join(filter(None, spans))} are not known there"] if begins or ends else []

    def fleeting(self, what: str) -> list[str]:
        """A note if what it writes goes with what it runs in."""
        place = self.told.writes or "the executed notebook"
        if "://" in place:
            return []
        return [f"{place} is written inside the {what}, and goes with it: write to a bucket, or keep it from there"]

    def no_bound(self) -> list[str]:
        """A note if it makes up for many runs, for a program that makes up for one at most."""
        if self.schedule.missed == "all":
            return [f"of missed times the last is made up for at most, not up to {self.schedule.bound}"]
        return []


def one_line(text: str) -> str:
    """A text without what could end a line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _sundays(field: str) -> str:
    """Sunday as 0, which is what all programs call it."""
    parts = []
    for part in field.split(","):
        span, slash, step = part.partition("/")
        low, dash, high = span.partition("-")
        if low == "7" and not dash:
            parts.append(f"0{slash}{step}")
        elif high == "7":
            parts += [str(day % 7) for day in range(int(low), 8, int(step or 1))]
        else:
            parts.append(part)
    return ",".join(dict.fromkeys(parts))


def _around_changes(schedule: Schedule) -> bool:
    """Whether a time of it comes in the hours around a change of clocks."""
    begin = schedule.decided
    end = begin + _LOOKED_AT
    while (change := next_change(begin, end, schedule.zone)) is not None:
        due = next(schedule.times(change - _CHANGE), None)
        if due is not None and due <= change + _CHANGE:
            return True
        begin = change
    return False


def _day(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
