"""The queue of a home: who is started next, and what has to be settled before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import func, select, update

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger, changed
from nbdeploy.batch.processes import Worker, here
from nbdeploy.batch.queue.line import line
from nbdeploy.batch.queue.station import Station
from nbdeploy.batch.record import FAILED, QUEUED, RUNNING
from nbdeploy.batch.rows import columns_of
from nbdeploy.database import RunRow
from nbdeploy.errors import NbdeployError

__all__ = ["Enter", "Queue", "enter", "go_on"]

Enter = Callable[[Ledger, Path], object]
"""Sees to it that what was added to the queue of a home is started."""


class Queue:
    """The runs of one home that have not ended, on this machine.

    Parameters
    ----------
    ledger : Ledger
        The database of runs.
    home : Path
        The home: nobody can start the runs of another one, whose folders may be somebody else's.
    worker : Worker
        The process that starts them.
    """

    def __init__(self, ledger: Ledger, home: Path, worker: Worker) -> None:
        self.ledger = ledger
        self.database = ledger.database
        self._runs = os.path.realpath(home / "runs")
        self._worker = worker
        self._mine: dict[str, bool] = {}

    def claim(self) -> str | None:
        """Claim the run whose turn it is, if it is one's; nobody else starts it while this process lives."""
        with self.database.reading() as session:
            if not any(turn.ready and self._is_mine(turn.folder) for turn in line(session, here(), me=self._worker)):
                return None
        with self.database.writing() as session:
            for turn in line(session, here(), lock=True, me=self._worker):
                if turn.ready and self._is_mine(turn.folder):
                    mine = update(RunRow).where(RunRow.id == turn.id, RunRow.status == QUEUED)
                    if changed(session.execute(mine.values(**columns_of(self._worker)))):
                        return turn.id
        return None

    def settle(self) -> list[str]:
        """End what cannot go on: runs that are lost, and runs that waited for one that did not succeed.

        Returns
        -------
        list of str
            The runs that ended with it.
        """
        return self.ledger.find_lost() + self._broken()

    def _broken(self) -> list[str]:
        ended: list[str] = []
        while True:
            with self.database.reading() as session:
                broken = [turn for turn in line(session, here()) if turn.broken]
            if not broken:
                return ended
            for turn in broken:
                self.ledger.finish(turn.id, FAILED, Failure("DependencyFailed", turn.broken))
                Folder(Path(turn.folder)).forget_launch()
                ended.append(turn.id)

    def beat(self) -> None:
        """Show that somebody sees to the runs that are queued here."""
        queued = [row.id for row in self.open() if row.status == QUEUED]
        with self.database.writing() as session:
            session.execute(update(RunRow).where(RunRow.id.in_(queued)).values(beat=func.current_timestamp()))

    def open(self) -> Sequence[RunRow]:
        """The runs that have not ended."""
        there = select(RunRow).where(RunRow.host == here(), RunRow.status.in_((QUEUED, RUNNING)))
        with self.database.reading() as session:
            return [row for row in session.scalars(there) if self._is_mine(row.folder)]

    def _is_mine(self, folder: str) -> bool:
        """Whether a run is of this home, however that is spelled, and of this user, where several share one."""
        if folder not in self._mine:
            here_ = os.path.realpath(Path(folder).parent) == self._runs
            self._mine[folder] = here_ and _owner(Path(folder)) in {os.getuid(), None}
        return self._mine[folder]


def enter(ledger: Ledger, home: Path) -> None:
    """See to it that what was added to the queue of a home is started in its turn."""
    Station(home, ledger.url).wake()


def go_on(ledger: Ledger, enter: Enter = enter) -> list[str]:
    """Let runs go on whose dispatcher was killed, and find those that are lost: any look at runs does so.

    Returns
    -------
    list of str
        Runs that nobody had seen to be lost.
    """
    lost = ledger.find_lost()
    for home in _homes(ledger):
        try:
            enter(ledger, home)
        except (NbdeployError, OSError):  # somebody else's home; whoever looks only is not to fail for it
            continue
    return lost


def _homes(ledger: Ledger) -> list[Path]:
    """The homes on this machine where runs of this user have not ended."""
    open_ = select(RunRow.folder).where(RunRow.host == here(), RunRow.status.in_((QUEUED, RUNNING)))
    with ledger.database.reading() as session:
        folders = [folder for folder in session.scalars(open_) if _owner(Path(folder)) == os.getuid()]
    homes = {Path(folder).parent.parent for folder in folders if Path(folder).parent.name == "runs"}
    return sorted(home for home in homes if _owner(home / "runs") is not None)


def _owner(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_uid
    return None
