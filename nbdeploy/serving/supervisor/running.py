"""A version at work: its processes, followed, and started again when they end."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from nbdeploy.errors import NbdeployError
from nbdeploy.serving import messages
from nbdeploy.serving.link import Gone, Link
from nbdeploy.serving.model_process import Answered, Finish, to_process
from nbdeploy.serving.supervisor.loading import Loaded
from nbdeploy.zygote import how_ended, kill

__all__ = ["Audience", "Process", "Running"]

_log = logging.getLogger(__name__)

CRASHES = 3
CRASH_SECONDS = 30.0
REST_SECONDS = 30.0
LONGEST_REST = 600.0


@dataclass(eq=False)
class Process:
    """One process of a version.

    Attributes
    ----------
    number : int
        Its number among those of its version, which is never used again.
    pid : int
        Its number on this machine.
    link : Link
        Where it takes orders.
    answered : bool
        Whether it has answered a question of a worker.
    leaving : bool
        Whether another one has taken its place.
    """

    number: int
    pid: int
    link: Link
    answered: bool = False
    leaving: bool = False


class Audience(Protocol):
    """The workers, who ask the processes."""

    def load(self, version: messages.Version) -> None:
        """Have all workers get ready for a version, and wait until they are."""

    def connect(self, key: str, process: Process) -> None:
        """Give every worker a line to a process."""

    def tell(self, message: object) -> None:
        """Tell all workers something that they need not acknowledge."""


class Running:
    """A version at work. Whoever changes its processes holds the lock.

    Parameters
    ----------
    described : nbdeploy.serving.messages.Version
        What workers have to know of it.
    loaded : Loaded
        What its processes are forked from.
    count : int
        How many processes there should be.
    audience : Audience
        Who asks them.
    lock : threading.RLock
        Of the table of versions.

    Attributes
    ----------
    processes : list of Process
        Those that answer.
    reason : str
        Why it has none now; empty if it has.
    """

    def __init__(
        self, described: messages.Version, loaded: Loaded, count: int, audience: Audience, lock: threading.RLock
    ) -> None:
        self.described, self.loaded = described, loaded
        self._count, self._audience, self._lock = count, audience, lock
        self.processes: list[Process] = []
        self.reason = ""
        self._crashes: list[float] = []
        self._rest_seconds = REST_SECONDS
        self._forks = 0
        self._retired = False

    @property
    def key(self) -> str:
        """``churn:3``."""
        return self.described.key

    def fork(self) -> Process:
        """Start a process, which nobody asks yet.

        Raises
        ------
        NbdeployError
            If it cannot be started.
        """
        worker = self.loaded.fork()
        self._forks += 1
        return Process(self._forks, worker.pid, to_process(worker.connection))

    def begin(self, first: Process) -> None:
        """Let workers ask a process, and as many more as there should be."""
        self._join(first)
        for _ in range(self._count - 1):
            self._join(self.fork())

    def kill(self, number: int) -> None:
        """End one process at once: it does not answer."""
        process = self._process(number)
        if process is not None:
            _log.warning("%s: process %d does not answer, and is killed", self.key, process.pid)
            kill(process.pid)

    def replace(self, number: int, why: str) -> None:
        """Let another process take the place of one, which ends when it has answered what it was asked."""
        old = self._process(number)
        if old is None:
            return
        _log.warning("%s: process %d %s; another one takes its place", self.key, old.pid, why)
        old.leaving = True
        self.processes.remove(old)
        self._join(self.fork())
        self._audience.tell(messages.Leave(self.key, number))
        with contextlib.suppress(Gone):
            old.link.send(Finish())

    def retire(self) -> None:
        """Start no other process in the place of one that ends."""
        self._retired = True

    def end(self, wait: bool = False) -> None:
        """Have its processes finish, and end what they come from.

        Parameters
        ----------
        wait : bool
            Whether it is waited for here.
        """
        self.retire()
        for process in self.processes:
            with contextlib.suppress(Gone):
                process.link.send(Finish())
        if wait:
            self._let_go()
        else:
            threading.Thread(target=self._let_go, name=f"end {self.key}", daemon=True).start()

    # -- parts -----------------------------------------------------------------------------------

    def _process(self, number: int) -> Process | None:
        return next((process for process in self.processes if process.number == number), None)

    def _join(self, process: Process) -> None:
        """Let workers ask a process from now on."""
        self.processes.append(process)
        threading.Thread(target=self._watch, args=(process,), name=f"watch {self.key}", daemon=True).start()
        self._audience.connect(self.key, process)

    def _watch(self, process: Process) -> None:
        """Follow one process until it ends, and start another one in its place."""
        with contextlib.suppress(Gone):
            while True:
                message, _ = process.link.receive()
                process.answered |= isinstance(message, Answered)
        process.link.close()
        with contextlib.suppress(NbdeployError):
            status = self.loaded.zygote.status_of(process.pid)
            if status and not self._retired:
                _log.error("%s: process %d %s", self.key, process.pid, how_ended(status))
        with self._lock:
            if self._retired or process.leaving:
                return
            self.processes.remove(process)
            if process.answered:
                self._crashes, self._rest_seconds = [], REST_SECONDS
            else:
                self._crashes.append(time.monotonic())
            self._again()

    def _again(self) -> None:
        """Start another process, unless they end again and again before they answer anything."""
        if len([t for t in self._crashes if t > time.monotonic() - CRASH_SECONDS]) >= CRASHES:
            self._rest(f"its process ended {CRASHES} times before it answered anything")
            return
        try:
            self._join(self.fork())
        except NbdeployError as error:
            self._rest(str(error))

    def _rest(self, why: str) -> None:
        """Answer nothing for a while, then try again."""
        self.reason = f"{self.key} does not answer: {why}; it is started again in {self._rest_seconds:g} s"
        _log.error("%s", self.reason)
        self._audience.tell(messages.Unready(self.key, self.reason))
        timer = threading.Timer(self._rest_seconds, self._wake)
        timer.daemon = True
        timer.start()
        self._rest_seconds = min(2 * self._rest_seconds, LONGEST_REST)
        self._crashes = []

    def _wake(self) -> None:
        with self._lock:
            if self._retired:
                return
            self.reason = ""
            self._audience.tell(messages.Unready(self.key, ""))
            while len(self.processes) < self._count and not self.reason:
                self._again()

    def _let_go(self) -> None:
        self.loaded.end()
        if self.described.twin is not None:
            self.described.twin.unlink(missing_ok=True)
