"""The processes of versions: forked from one that has loaded the model, proven, watched, started again."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.environments.wanted import HERE
from nbdeploy.errors import AccessDenied, NbdeployError, RehearsalFailed
from nbdeploy.predictor import accept
from nbdeploy.serving import messages
from nbdeploy.serving.link import Gone, Link
from nbdeploy.serving.model_process import Answered, Finish, Prove, Proven, to_process
from nbdeploy.serving.supervisor.isolation import Isolation
from nbdeploy.serving.supervisor.output import copy_output
from nbdeploy.store import Store, Version
from nbdeploy.zygote import NURSERY, Zygote, how_ended, kill

__all__ = ["Audience", "Process", "Running", "Versions"]

_log = logging.getLogger(__name__)

CRASHES = 3
CRASH_SECONDS = 30.0
REST_SECONDS = 30.0
LONGEST_REST = 600.0
PROVE_SECONDS = 300.0
LOAD_SECONDS = 600.0
_APART = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}
"""What keeps an environment apart from the packages that this process finds elsewhere."""


class Audience(Protocol):
    """The workers, who ask the processes."""

    def load(self, version: messages.Version) -> None:
        """Have all workers get ready for a version, and wait until they are."""

    def connect(self, key: str, process: Process) -> None:
        """Give every worker a line to a process."""

    def tell(self, message: object) -> None:
        """Tell all workers something that they need not acknowledge."""


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


@dataclass(eq=False)
class Running:
    """A version at work.

    Attributes
    ----------
    described : nbdeploy.serving.messages.Version
        What workers have to know of it.
    zygote : Zygote
        What its processes are forked from.
    processes : list of Process
        Those that answer.
    reason : str
        Why it has none now; empty if it has.
    python : str
        The interpreter that they run in.
    """

    described: messages.Version
    zygote: Zygote
    python: str
    arguments: dict[str, object]
    output: int
    processes: list[Process] = field(default_factory=list)
    reason: str = ""
    crashes: list[float] = field(default_factory=list)
    rest: float = REST_SECONDS
    count: int = 0
    retired: bool = False

    @property
    def key(self) -> str:
        """``churn:3``."""
        return self.described.key


class Versions:
    """The versions that an endpoint has in memory.

    Parameters
    ----------
    store : Store
        The endpoint's own snapshots.
    trust : Trust
        Whose are loaded.
    folder : Path
        Where twins are written.
    count : int
        Processes per version.
    patience : float
        Seconds that a process may take to finish what it answers when its version is not served any more.
    isolation : Isolation
        In which environments they run.
    nursery : Zygote, optional
        What versions are forked from, if that is to serve other endpoints too; one of its own if not given.
    """

    def __init__(
        self,
        store: Store,
        trust: Trust,
        folder: Path,
        count: int,
        patience: float,
        isolation: Isolation,
        nursery: Zygote | None = None,
    ) -> None:
        self._store, self._trust, self._folder, self._count, self._patience = store, trust, folder, count, patience
        self.audience: Audience
        self.lock = threading.RLock()
        self.running: dict[str, Running] = {}
        self._isolation = isolation
        self._nurseries = {} if nursery is None else {sys.executable: nursery}
        self._shared = nursery
        self._users = Counter[str]()
        self._nursing = threading.Lock()
        self._stopping = threading.Event()

    # -- starting and ending ---------------------------------------------------------------------

    def prepare(self, version: Version) -> str:
        """Have built what a version runs in, and return what is to be waited for; empty when it can be started.

        Raises
        ------
        Forbidden
            If it may not be loaded here, or no packages may be installed for it.
        RehearsalFailed
            If it cannot be built.
        """
        if self.ready(str(version)):
            return ""
        return self._isolation.prepare(version.digest, lambda: self._accepted(version))

    def start(self, version: Version) -> str:
        """Have a version load, answer its sample, and be ready in every worker; return its key.

        Raises
        ------
        Forbidden
            If it may not be loaded here.
        RehearsalFailed
            If it cannot be loaded here, or answers its sample differently.
        """
        key = str(version)
        if self.ready(key):
            return key
        running = self._loaded(key, self._accepted(version))
        first = None
        try:
            first = self._forked(running)
            running.described = self._proven(running, first)
            self.audience.load(running.described)
            with self.lock:
                before = self.running.pop(key, None)
                self.running[key] = running
                self._join(running, first)
                for _ in range(self._count - 1):
                    self._join(running, self._forked(running))
            if before is not None:
                self._end(before)
        except BaseException:
            if first is not None:
                first.link.close()
            self._end(running)
            raise
        return key

    def ready(self, key: str) -> bool:
        """Whether a version answers now."""
        with self.lock:
            return key in self.running and not self.running[key].reason

    def keep(self, keys: set[str]) -> None:
        """End all versions but these, after what they are asked."""
        with self.lock:
            ending = [self.running.pop(key) for key in set(self.running) - keys]
            pythons = {running.python for running in self.running.values()}
        for running in ending:
            self.audience.tell(messages.Drop(running.key))
            self._end(running)
        threading.Thread(target=self._isolation.keep, args=(pythons,), name="environments", daemon=True).start()

    def stop(self) -> None:
        """End all of them; nobody asks any more."""
        self._stopping.set()
        with self.lock:
            running, self.running = list(self.running.values()), {}
        for one in running:
            self._end(one, wait=True)
        with self._nursing:
            for nursery in self._nurseries.values():
                if nursery is not self._shared:
                    nursery.__exit__(None, None, None)

    def kill(self, key: str, number: int) -> None:
        """End one process at once: it does not answer."""
        with self.lock:
            found = [p for p in self.running[key].processes if p.number == number] if key in self.running else []
        for process in found:
            _log.warning("%s: process %d does not answer, and is killed", key, process.pid)
            kill(process.pid)

    def replace(self, key: str, number: int, why: str) -> None:
        """Let another process take the place of one, which ends when it has answered what it was asked."""
        with self.lock:
            running = self.running.get(key)
            old = next((p for p in running.processes if p.number == number), None) if running else None
            if running is None or old is None:
                return
            _log.warning("%s: process %d %s; another one takes its place", key, old.pid, why)
            old.leaving = True
            running.processes.remove(old)
            self._join(running, self._forked(running))
            self.audience.tell(messages.Leave(key, number))
            with contextlib.suppress(Gone):
                old.link.send(Finish())

    # -- parts -----------------------------------------------------------------------------------

    def _accepted(self, version: Version) -> Bundle:
        try:
            return accept(self._store.open(version), self._trust)
        except AccessDenied:
            raise
        except NbdeployError as error:
            raise RehearsalFailed(f"{version} cannot be served here: {error}", snapshot=str(version)) from error

    def _loaded(self, key: str, bundle: Bundle) -> Running:
        """Load the model in a new process; what it says goes to the log."""
        arguments: dict[str, object] = {"bundle": bundle.path, "digest": bundle.digest, "name": key}
        python = self._isolation.python(bundle)
        with self._nursing:
            self._users[python] += 1
        output = copy_output(key)
        try:
            zygote = self._zygote("model_process:prepare", arguments, output, python, bundle.content.flavor)
        except RehearsalFailed:
            self._end_nursery(python)
            os.close(output)
            raise
        return Running(messages.Version(key, bundle.path), zygote, python, arguments, output)

    def _zygote(self, prepare: str, arguments: dict[str, object], output: int, python: str, flavor: str = "") -> Zygote:
        with self._nursing:
            nursery = self._nursery(python)
            if flavor:
                with contextlib.suppress(NbdeployError):  # the loading itself will say what is missing
                    nursery.run("nbdeploy.serving.model_process:get_ready", flavor)
            zygote = Zygote(
                f"nbdeploy.serving.{prepare}",
                arguments,
                output=output,
                patience=self._patience,
                parent=nursery,
                wait=False,
            ).__enter__()
        try:
            zygote.wait(LOAD_SECONDS)
        except NbdeployError as error:
            zygote.__exit__(None, None, None)
            raise RehearsalFailed(str(error)) from error
        return zygote

    def _nursery(self, python: str) -> Zygote:
        """What versions are forked from that run in one interpreter, which has imported their frameworks."""
        found = self._nurseries.get(python)
        if found is None or not found.alive:
            apart = {} if python == sys.executable else _APART
            try:
                found = Zygote(NURSERY, {}, apart, python=python, patience=self._patience).__enter__()
            except (NbdeployError, OSError) as error:
                raise RehearsalFailed(f"the environment of {python} does not start: {error}") from error
            self._nurseries[python] = found
        return found

    def _forked(self, running: Running) -> Process:
        try:
            worker = running.zygote.fork()
        except NbdeployError:
            _log.exception("%s is loaded again", running.key)
            running.zygote.__exit__(None, None, None)
            running.zygote = self._zygote("model_process:prepare", running.arguments, running.output, running.python)
            worker = running.zygote.fork()
        running.count += 1
        return Process(running.count, worker.pid, to_process(worker.connection))

    def _proven(self, running: Running, process: Process) -> messages.Version:
        """Compare the answers to the sample, and learn how the version is best asked."""
        described, twin = running.described, self._folder / f"{running.key.replace(':', '-')}.{process.pid}.twin"
        try:
            process.link.send(Prove(str(twin), "" if running.python == sys.executable else HERE))
            if not process.link.waits(PROVE_SECONDS):
                kill(process.pid)
                raise RehearsalFailed(f"{described.key} did not answer its own sample within {PROVE_SECONDS:g} s")
            proven: Proven = process.link.receive()[0]
        except Gone:
            reason = how_ended(running.zygote.status_of(process.pid))
            raise RehearsalFailed(
                f"{described.key} cannot be served here: its process {reason} when it was given its sample"
            ) from None
        if proven.problem:
            raise RehearsalFailed(f"{described.key} cannot be served here: {proven.problem}", snapshot=described.key)
        if proven.difference:
            raise RehearsalFailed(
                f"{described.key} answers its own sample differently here ({proven.difference}), so it was refused; "
                "compare the versions of Python and its packages there and here, or serve with --isolate",
                snapshot=described.key,
            )
        why_not = proven.why_not or (proven.proof and self._why_not_here(running, twin, proven.proof))
        if why_not:
            _log.info("%s answers from its own process: %s", described.key, why_not)
        return replace(described, twin=twin if proven.twin and not why_not else None, batch_rows=proven.batch_rows)

    def _why_not_here(self, running: Running, twin: Path, proof: str) -> str:
        """Try in a process of this environment whether a twin of another one answers the same; it may crash."""
        arguments: dict[str, object] = {"twin": twin, "bundle": running.described.bundle, "proof": proof}
        try:
            self._zygote("twins:prepare_trial", arguments, running.output, sys.executable).__exit__(None, None, None)
        except RehearsalFailed as error:
            twin.unlink(missing_ok=True)
            return str(error)
        return ""

    def _join(self, running: Running, process: Process) -> None:
        """Let workers ask a process from now on."""
        running.processes.append(process)
        threading.Thread(target=self._watch, args=(running, process), name=f"watch {running.key}", daemon=True).start()
        self.audience.connect(running.key, process)

    def _watch(self, running: Running, process: Process) -> None:
        """Follow one process until it ends, and start another one in its place."""
        with contextlib.suppress(Gone):
            while True:
                message, _ = process.link.receive()
                process.answered |= isinstance(message, Answered)
        process.link.close()
        with contextlib.suppress(NbdeployError):
            status = running.zygote.status_of(process.pid)
            if status and not running.retired:
                _log.error("%s: process %d %s", running.key, process.pid, how_ended(status))
        with self.lock:
            if running.retired or process.leaving or self._stopping.is_set():
                return
            running.processes.remove(process)
            if process.answered:
                running.crashes, running.rest = [], REST_SECONDS
            else:
                running.crashes.append(time.monotonic())
            self._again(running)

    def _again(self, running: Running) -> None:
        """Start another process, unless they end again and again before they answer anything."""
        if len([t for t in running.crashes if t > time.monotonic() - CRASH_SECONDS]) >= CRASHES:
            self._rest(running, f"its process ended {CRASHES} times before it answered anything")
            return
        try:
            self._join(running, self._forked(running))
        except NbdeployError as error:
            self._rest(running, str(error))

    def _rest(self, running: Running, why: str) -> None:
        """Answer nothing for a while, then try again."""
        running.reason = f"{running.key} does not answer: {why}; it is started again in {running.rest:g} s"
        _log.error("%s", running.reason)
        self.audience.tell(messages.Unready(running.key, running.reason))
        timer = threading.Timer(running.rest, self._wake, args=(running,))
        timer.daemon = True
        timer.start()
        running.rest = min(2 * running.rest, LONGEST_REST)
        running.crashes = []

    def _wake(self, running: Running) -> None:
        with self.lock:
            if running.retired or self._stopping.is_set():
                return
            running.reason = ""
            self.audience.tell(messages.Unready(running.key, ""))
            while len(running.processes) < self._count and not running.reason:
                self._again(running)

    def _end(self, running: Running, wait: bool = False) -> None:
        """Have its processes finish, and end what they come from."""
        running.retired = True
        for process in running.processes:
            with contextlib.suppress(Gone):
                process.link.send(Finish())

        def end() -> None:
            running.zygote.__exit__(None, None, None)
            self._end_nursery(running.python)
            with contextlib.suppress(OSError):
                os.close(running.output)
            if running.described.twin is not None:
                running.described.twin.unlink(missing_ok=True)

        if wait:
            end()
        else:
            threading.Thread(target=end, name=f"end {running.key}", daemon=True).start()

    def _end_nursery(self, python: str) -> None:
        """One version less runs in an environment."""
        if python == sys.executable:
            return
        with self._nursing:
            self._users[python] -= 1
            nursery = None if self._users[python] else self._nurseries.pop(python, None)
        if nursery is not None:
            nursery.__exit__(None, None, None)
