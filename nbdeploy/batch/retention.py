"""Which runs are kept, and for how long."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import DBAPIError

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import here
from nbdeploy.batch.record import FINAL, SUCCEEDED
from nbdeploy.cards import Card, Result, count
from nbdeploy.database import RunRow
from nbdeploy.errors import NbdeployError, WrongUsage
from nbdeploy.settings import Settings

__all__ = ["Keep", "Past", "Pruned", "expired", "prune", "tidy"]

LONGER = 3
"""How many times as long, or as many, of those runs are kept that did not succeed."""
_RULE = re.compile(r"(\d{1,6})\s*([hdw]?)")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_TIDY_SECONDS = 3600.0


@dataclass(frozen=True)
class Keep:
    """How many runs are kept, or for how long.

    Attributes
    ----------
    runs : int or None
        The newest ones, so many.
    age : timedelta or None
        Those that ended within this time.
    """

    runs: int | None = None
    age: timedelta | None = None

    @classmethod
    def parse(cls, text: str) -> Keep:
        """Read ``100`` or ``30d``.

        Raises
        ------
        WrongUsage
            If it is neither.

        Examples
        --------
        >>> Keep.parse("100"), Keep.parse("2w")
        (Keep(runs=100, age=None), Keep(runs=None, age=datetime.timedelta(days=14)))
        """
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise WrongUsage(f"{text!r} does not say which runs to keep: write a number, as 100, or a time, as 30d")
        number = int(found[1])
        return cls(age=timedelta(**{_UNITS[found[2]]: number})) if found[2] else cls(runs=number)


@dataclass(frozen=True)
class Past:
    """A run, as far as it matters here.

    Attributes
    ----------
    id, status, schedule : str
        As they are recorded.
    ended : datetime
        When it did, or was asked for.
    after : sequence of str
        Runs that it waits for.
    group : str
        The sweep or pipeline that it is a part of, as its folder below the home; empty if of none.
    folder : str
        Where its files are.
    """

    id: str
    status: str
    ended: datetime
    schedule: str = ""
    after: Sequence[str] = ()
    group: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Pruned(Result):
    """What was removed.

    Attributes
    ----------
    removed : sequence of str
        Ids of runs.
    kept : int
        How many there still are.
    """

    removed: Sequence[str]
    kept: int

    @property
    def line(self) -> str:
        """How many were removed, and how many are left."""
        were = "was" if len(self.removed) == 1 else "were"
        return f"{count(len(self.removed), 'run')} {were} removed with what they had in their folders; {self.kept} kept"

    def card(self) -> Card:
        """The line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Ids of the runs that were removed."""
        return {"removed": list(self.removed), "kept": self.kept}


def expired(runs: Sequence[Past], keep: Keep, now: datetime) -> list[Past]:
    """The runs that need not be kept.

    Never among them is what has not ended, what such a run waits for, what belongs to a sweep or pipeline that goes on,
    and of each schedule the newest run and the newest that succeeded. What did not succeed is kept three times as long.
    """
    newest = sorted(runs, key=lambda run: (run.ended, run.id), reverse=True)
    needed = set(_needed(newest))
    gone: list[Past] = []
    for succeeded in (True, False):
        same = [run for run in newest if run.status in FINAL and (run.status == SUCCEEDED) == succeeded]
        times = 1 if succeeded else LONGER
        if keep.age is not None:
            gone += [run for run in same if run.ended < now - times * keep.age]
        if keep.runs is not None:
            gone += same[times * keep.runs :]
    return [run for run in gone if run.id not in needed]


def _needed(newest: Sequence[Past]) -> Iterator[str]:
    open_ = [run for run in newest if run.status not in FINAL]
    groups = {run.group for run in open_ if run.group}
    seen = set[tuple[str, bool]]()
    for run in newest:
        if run.status not in FINAL or run.group in groups:
            yield run.id
        for sign in {(run.schedule, False), (run.schedule, run.status == SUCCEEDED)}:
            if run.schedule and sign not in seen:
                seen.add(sign)
                yield run.id
    for run in open_:
        yield from run.after


def prune(settings: Settings, keep: Keep) -> Pruned:
    """Remove runs that need not be kept, with their folders; what they delivered elsewhere stays.

    Parameters
    ----------
    settings : Settings
        Where runs live. Those of other homes and machines are left alone.
    keep : Keep
        Which are kept.
    """
    home = settings.home / "runs"
    with Ledger(settings.db) as ledger:
        with ledger.database.reading() as session:
            rows = session.scalars(select(RunRow).where(RunRow.host == here())).all()
            runs = [_past(row) for row in rows if Path(row.folder).parent == home]
        gone = expired(runs, keep, datetime.now(UTC))
        for run in gone:  # the folder first: what is still recorded is found again
            shutil.rmtree(run.folder, ignore_errors=True)
        _forget(ledger, [run.id for run in gone])
    ids = {run.id for run in gone}
    left = {run.group for run in runs if run.id not in ids}
    for group in {run.group for run in gone} - left - {""}:
        shutil.rmtree(settings.home / group, ignore_errors=True)
    return Pruned([run.id for run in gone], len(runs) - len(gone))


def tidy(settings: Settings) -> None:
    """Remove what the setting ``keep_runs`` does not keep, now and then; whoever wants to run something comes first."""
    if not settings.keep_runs:
        return
    keep, sign = Keep.parse(settings.keep_runs), settings.home / "runs" / ".pruned"
    with suppress(OSError, NbdeployError, DBAPIError):
        if sign.exists() and time.time() - sign.stat().st_mtime < _TIDY_SECONDS:
            return
        sign.parent.mkdir(parents=True, exist_ok=True)
        sign.touch()
        prune(settings, keep)


def _forget(ledger: Ledger, ids: Iterable[str]) -> None:
    for run_id in ids:
        with ledger.database.writing() as session:
            session.execute(delete(RunRow).where(RunRow.id == run_id, RunRow.status.in_(FINAL)))


def _past(row: RunRow) -> Past:
    group = f"sweeps/{row.sweep}" if row.sweep else f"pipelines/{row.pipeline}" if row.pipeline else ""
    ended = row.finished or row.created
    return Past(row.id, row.status, ended, row.schedule, row.after, group.rpartition("/")[0], row.folder)
