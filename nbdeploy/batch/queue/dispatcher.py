"""The process that starts queued runs: ``python -m nbdeploy.batch.queue.dispatcher HOME``.

There is one for each home and database on a machine, while runs are queued or go on. It may be killed at any moment:
runs are processes of their own, which record themselves, and whatever looks at runs next starts another dispatcher.
"""

from __future__ import annotations

import logging
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker, start_child
from nbdeploy.batch.queue.queue import Queue
from nbdeploy.batch.queue.station import Bell, Station
from nbdeploy.batch.record import FAILED, LOST, QUEUED, RUNNING
from nbdeploy.errors import NbdeployError

__all__ = ["Dispatcher", "main"]

LINGER = 2.0
"""Seconds without a run after which it leaves: the next one is often not far."""
BEAT_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_WATCH_SECONDS = 0.1
_REPAIR_SECONDS = 600.0
"""Seconds for which a database may not answer."""
_LOG_LINES = 5

_log = logging.getLogger(__name__)


@dataclass
class Watched:
    """A process of a run.

    Attributes
    ----------
    worker : Worker
        The process.
    folder : Folder
        The run's folder.
    child : Popen or None
        The same, if it is a child of ours: then it is known how it ends.
    handle : int or None
        A file that can be read when it has ended, where the system has such.
    stopping : bool
        Whether it is being ended.
    """

    worker: Worker
    folder: Folder
    child: subprocess.Popen[bytes] | None = None
    handle: int | None = None
    stopping: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has."""
        return self.worker.gone if self.child is None else self.child.poll() is not None


class Dispatcher:
    """Starts the runs of a home, each in its turn.

    Parameters
    ----------
    ledger : Ledger
        The database of runs.
    home : Path
        Where they live.
    start : callable
        Starts the process of a run.
    """

    def __init__(
        self, ledger: Ledger, home: Path, start: Callable[[Folder], subprocess.Popen[bytes]] = start_child
    ) -> None:
        self.ledger = ledger
        self.queue = Queue(ledger, home, Worker.of())
        self._home = home
        self._start = start
        self._watched: dict[str, Watched] = {}
        self._selector = selectors.DefaultSelector()
        self._beaten = 0.0

    def run(self, bell: Bell) -> None:
        """Start what is queued until nothing is, and nothing goes on."""
        self._selector.register(bell, selectors.EVENT_READ)
        busy = answered = time.monotonic()
        open_ = True
        while open_ or time.monotonic() - busy < LINGER:
            try:
                open_ = self.turn()
                answered = time.monotonic()
            except (DBAPIError, NbdeployError) as error:  # a server that restarts, a disk that is full for a while
                _log.warning("the queue could not be seen to: %s", getattr(error, "orig", error))
                if not open_ or time.monotonic() - answered > _REPAIR_SECONDS or not self._home.is_dir():
                    break
            busy = time.monotonic() if open_ else busy
            self._wait(_LOOK_SECONDS)
            bell.clear()
        self._selector.unregister(bell)

    def turn(self) -> bool:
        """Settle what ended, and start what may start; whether there is anything left to wait for."""
        self._settle()
        self.queue.settle()
        while (run_id := self.queue.claim()) is not None:
            self._begin(run_id)
        rows = self.queue.open()
        for row in rows:
            if row.status == RUNNING and row.id not in self._watched:
                worker = Worker(row.host, row.pid, row.pid_started, row.boot)
                self._watch(row.id, Watched(worker, Folder(Path(row.folder))))
            if row.status == RUNNING and row.ends_as:
                self._stop(self._watched[row.id])
        if any(row.status == QUEUED for row in rows) and time.monotonic() - self._beaten > BEAT_SECONDS:
            self.queue.beat()
            self._beaten = time.monotonic()
        return bool(rows)

    def _begin(self, run_id: str) -> None:
        run = self.ledger.get(run_id)
        folder = Folder(run.folder)
        try:
            child = self._start(folder)
        except (OSError, ValueError) as error:
            self.ledger.finish(run_id, FAILED, Failure(type(error).__name__, f"no process could be started: {error}"))
            return
        worker = Worker.of(child.pid)
        self.ledger.start(run_id, worker)
        folder.forget_launch()
        self._watch(run_id, Watched(worker, folder, child))

    def _watch(self, run_id: str, watched: Watched) -> None:
        self._watched[run_id] = watched
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):
                watched.handle = os.pidfd_open(watched.worker.pid)
                self._selector.register(watched.handle, selectors.EVENT_READ)

    def _wait(self, seconds: float) -> None:
        """Until a run has ended, the bell is rung, or so much time has passed."""
        blind = any(watched.handle is None for watched in self._watched.values())
        self._selector.select(_WATCH_SECONDS if blind else seconds)

    def _settle(self) -> None:
        for run_id, watched in list(self._watched.items()):
            if not watched.ended:
                continue
            del self._watched[run_id]
            if watched.handle is not None:
                self._selector.unregister(watched.handle)
                os.close(watched.handle)
            status, error = _death(watched)
            self.ledger.lose(run_id, watched.worker, status, error)

    def _stop(self, watched: Watched) -> None:
        """End a run, aside: it may take its time. Whoever asked may be on another machine, or have been killed."""
        if not watched.stopping:
            watched.stopping = True
            threading.Thread(target=watched.worker.stop, args=(watched.folder.path,), daemon=True).start()


def _death(watched: Watched) -> tuple[str, Failure | None]:
    """What a process says by its end that could not say anything else."""
    status = None if watched.child is None else watched.child.returncode
    if status is None:
        return LOST, None
    log = ""
    with suppress(OSError):
        log = watched.folder.log.read_text(encoding="utf-8", errors="replace")
    last = "\n".join(["; its log ends:", *log.splitlines()[-_LOG_LINES:]]) if log.strip() else ""
    how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
    error = Failure("ProcessDied", f"the run's process {how} before it could say why{last}")
    return (LOST if status < 0 else FAILED), error


def main(home: Path) -> None:
    """Start the queued runs of a home, unless another process does."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    station = Station(home, os.environ["NBDEPLOY_DB"])
    with station.manned() as bell:
        if bell is None:
            return
        with Ledger(station.url) as ledger:
            dispatcher = Dispatcher(ledger, home)
            while True:
                dispatcher.run(bell)
                bell.close()  # who comes from here on starts another one; who came before was recorded by then
                if not _left(dispatcher):
                    return
                bell.open()


def _left(dispatcher: Dispatcher) -> bool:
    try:
        return bool(dispatcher.queue.open())
    except DBAPIError:
        return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
