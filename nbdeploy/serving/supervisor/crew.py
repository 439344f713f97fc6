"""The HTTP workers: started on one listening socket, told what serves, started again when they end."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbdeploy.errors import NbdeployError, Unreachable
from nbdeploy.serving import messages
from nbdeploy.serving.link import Gone, Link
from nbdeploy.serving.model_process import Listen
from nbdeploy.serving.supervisor.running import Process
from nbdeploy.serving.supervisor.versions import Versions
from nbdeploy.wire.messages import Deployment
from nbdeploy.zygote import Zygote, how_ended, kill

__all__ = ["Crew"]

_log = logging.getLogger(__name__)

ACK_SECONDS = 10.0
START_SECONDS = 60.0
HUNG_SECONDS = 15.0
_LOOK_SECONDS = 1.0
_SHORT = 1.0
_BREAK = 0.5


@dataclass(eq=False)
class _Worker:
    """One HTTP worker, as the supervisor sees it."""

    pid: int
    link: Link
    zygote: Zygote
    born: float
    listening: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    heard: float = field(default_factory=time.monotonic)
    told: int = 0
    acked: int = 0
    problem: str = ""


class Crew:
    """The workers of one endpoint.

    Parameters
    ----------
    versions : Versions
        Whose processes they ask.
    zygote : callable
        Starts the process that they are forked from.
    orders : callable
        Does what a worker orders, by name and arguments; it runs in another thread.
    notes : callable
        Takes what workers note, by topic.
    on_gone : callable
        Told the process number of a worker that has ended.
    """

    def __init__(
        self,
        versions: Versions,
        zygote: Callable[[], Zygote],
        orders: Callable[[Callable[[Any], None], str, tuple[Any, ...]], None],
        notes: Callable[[str, Any], None],
        on_gone: Callable[[int], None],
    ) -> None:
        self._versions, self._start_zygote, self._orders, self._notes = versions, zygote, orders, notes
        self._on_gone = on_gone
        self._lock = versions.lock
        self._acked = threading.Condition()
        self._zygote: Zygote | None = None
        self._workers: list[_Worker] = []
        self._table: Mapping[str, tuple[Deployment, str | None]] = {}
        self._loaded: dict[str, messages.Version] = {}
        self._stopping = threading.Event()

    @property
    def pids(self) -> list[int]:
        """The workers' process numbers."""
        return [worker.pid for worker in list(self._workers)]

    def start(self, count: int) -> None:
        """Start workers, and wait until all take requests.

        Raises
        ------
        Unreachable
            If one does not.
        """
        workers = [self._hired() for _ in range(count)]
        for worker in workers:
            deadline = time.monotonic() + START_SECONDS
            while not worker.listening.wait(0.05):
                if worker.gone.is_set() or time.monotonic() > deadline:
                    raise Unreachable(f"worker {worker.pid} did not start; the log has more")
        threading.Thread(target=self._listen, name="heartbeats", daemon=True).start()

    def stop(self, seconds: float) -> None:
        """Have all workers answer what they are asked, then end; those that take longer are killed."""
        with self._lock:
            self._stopping.set()
            workers = list(self._workers)
        for worker in workers:
            _tell(worker, messages.Stop())
        deadline = time.monotonic() + seconds
        for worker in workers:
            if not worker.gone.wait(max(0.0, deadline - time.monotonic())):
                kill(worker.pid)
        if self._zygote is not None:
            self._zygote.__exit__(None, None, None)

    # -- what workers are told -------------------------------------------------------------------

    def publish(self, table: Mapping[str, tuple[Deployment, str | None]]) -> None:
        """Tell all workers what serves, and wait until they serve that."""
        with self._lock:
            self._table = table
            turns = [(worker, self._turn(worker)) for worker in self._workers]
            for worker, turn in turns:
                _tell(worker, messages.Table(turn, table))
        self._wait(turns)

    def load(self, version: messages.Version) -> None:
        """Have all workers get ready for a version, and wait until they are.

        Raises
        ------
        NbdeployError
            If one cannot.
        """
        with self._lock:
            self._loaded[version.key] = version
            turns = [(worker, self._turn(worker)) for worker in self._workers]
            for worker, turn in turns:
                _tell(worker, messages.Load(turn, version))
        self._wait(turns)
        for worker, _ in turns:
            if worker.problem:
                problem, worker.problem = worker.problem, ""
                raise NbdeployError(f"{version.key} cannot be served here: {problem}")

    def connect(self, key: str, process: Process) -> None:
        """Give every worker a line to a process."""
        with self._lock:
            for worker in self._workers:
                _connect(worker, key, process)

    def tell(self, message: object) -> None:
        """Tell all workers something that they need not acknowledge."""
        with self._lock:
            if isinstance(message, messages.Drop):
                self._loaded.pop(message.key, None)
            for worker in self._workers:
                _tell(worker, message)

    def _turn(self, worker: _Worker) -> int:
        worker.told += 1
        return worker.told

    def _wait(self, turns: list[tuple[_Worker, int]]) -> None:
        """Wait for workers to acknowledge; one that does not serves something else than is true, and is killed."""
        deadline = time.monotonic() + ACK_SECONDS
        for worker, turn in turns:
            with self._acked:
                self._acked.wait_for(
                    lambda worker=worker, turn=turn: worker.acked >= turn or worker.gone.is_set(),  # type: ignore[misc]
                    max(0.0, deadline - time.monotonic()),
                )
            if worker.acked < turn and not worker.gone.is_set():
                _log.error(
                    "worker %d did not take what it was told within %g s, and is killed", worker.pid, ACK_SECONDS
                )
                kill(worker.pid)

    # -- one worker ------------------------------------------------------------------------------

    def _hired(self) -> _Worker:
        """Start a worker, and tell it all that the others know."""
        with self._lock:
            if self._zygote is None or not self._zygote.alive:
                self._zygote = self._start_zygote()
            forked = self._zygote.fork()
            worker = _Worker(forked.pid, Link(forked.connection), self._zygote, time.monotonic())
            for version in self._loaded.values():
                _tell(worker, messages.Load(self._turn(worker), version))
            for key, running in self._versions.running.items():
                for process in running.processes:
                    _connect(worker, key, process)
                if running.reason:
                    _tell(worker, messages.Unready(key, running.reason))
            _tell(worker, messages.Table(self._turn(worker), self._table))
            self._workers.append(worker)
        threading.Thread(target=self._watch, args=(worker,), name=f"watch worker {worker.pid}", daemon=True).start()
        return worker

    def _watch(self, worker: _Worker) -> None:
        """Follow one worker until it ends, and start another one in its place."""
        with contextlib.suppress(Gone):
            while True:
                message, _ = worker.link.receive()
                self._heard(worker, message)
        with self._lock:
            self._workers.remove(worker)
        worker.link.close()
        status = 0
        with contextlib.suppress(NbdeployError):
            status = worker.zygote.status_of(worker.pid)
        with self._acked:
            worker.gone.set()
            self._acked.notify_all()
        if self._stopping.is_set():
            return
        self._on_gone(worker.pid)
        _log.error("HTTP worker %d %s; another one takes its place", worker.pid, how_ended(status))
        if time.monotonic() - worker.born < _SHORT:
            self._stopping.wait(_BREAK)
        with self._lock:
            if not self._stopping.is_set():
                self._hired()

    def _listen(self) -> None:
        """End workers whose event loop has stopped to turn: they hold connections, and answer nobody."""
        before = time.monotonic()
        while not self._stopping.wait(_LOOK_SECONDS):
            now = time.monotonic()
            stood_still = now - before > 2 * _LOOK_SECONDS  # and so did whoever reads what workers say
            before = now
            for worker in [worker for worker in list(self._workers) if worker.listening.is_set()]:
                if stood_still:
                    worker.heard = now
                elif now - worker.heard > HUNG_SECONDS:
                    _log.error("HTTP worker %d has said nothing for %g s, and is killed", worker.pid, HUNG_SECONDS)
                    kill(worker.pid)

    def _heard(self, worker: _Worker, message: Any) -> None:
        if isinstance(message, messages.Beat):
            worker.heard = time.monotonic()
        elif isinstance(message, messages.Ack):
            with self._acked:
                worker.acked, worker.problem = message.turn, message.problem
                self._acked.notify_all()
        elif isinstance(message, messages.Listening):
            worker.listening.set()
        elif isinstance(message, messages.Silent):
            self._versions.kill(message.key, message.process)
        elif isinstance(message, messages.Note):
            self._notes(message.topic, message.content)
        elif isinstance(message, messages.Order):
            number = message.number
            self._orders(lambda value: _tell(worker, messages.Reply(number, value)), message.what, message.arguments)


def _tell(worker: _Worker, message: object) -> None:
    """One that has ended need not know; whoever follows it will notice."""
    with contextlib.suppress(Gone):
        worker.link.send(message)


def _connect(worker: _Worker, key: str, process: Process) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.suppress(Gone):
        process.link.send(Listen(), [theirs.fileno()])
        worker.link.send(messages.Line(key, process.number), [ours.fileno()])
