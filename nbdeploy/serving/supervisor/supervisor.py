"""The supervisor: the parts put together, and the order in which they start and end."""

from __future__ import annotations

import contextlib
import gc
import logging
import shutil
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nbdeploy.errors import NbdeployError, RemoteError
from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.serving.prediction_log import Writer
from nbdeploy.serving.prediction_log.retention import Retention
from nbdeploy.serving.supervisor.crew import Crew
from nbdeploy.serving.supervisor.isolation import Isolation
from nbdeploy.serving.supervisor.releases import Releases
from nbdeploy.serving.supervisor.usage import Watch, half_of_memory
from nbdeploy.serving.supervisor.versions import Versions
from nbdeploy.serving.watching import workers
from nbdeploy.serving.worker.relay import LOG
from nbdeploy.store import Store
from nbdeploy.zygote import Zygote

__all__ = ["GRACE_SECONDS", "Supervisor"]

_log = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""How long an endpoint that is stopped answers what it was asked."""

_CLERKS = 4

FAREWELL_SECONDS = 0.9
"""How long workers go on answering when the supervisor was killed."""


class Supervisor:
    """All processes of one endpoint but this one.

    Parameters
    ----------
    home : Home
        Its state, which is held for it.
    options : Options
        How many workers it has, and what they let in.
    listener : socket
        Where requests come in. Workers inherit it, so that one that ends takes no waiting connection with it.
    output : int, optional
        An open file for what workers log; this process's standard output and error if not given.
    nursery : Zygote, optional
        See :class:`Versions`.

    Attributes
    ----------
    notes : dict of str to callable
        Who listens to what workers note, by topic.
    """

    def __init__(
        self,
        home: Home,
        options: Options,
        listener: socket.socket,
        output: int | None = None,
        nursery: Zygote | None = None,
    ) -> None:
        self._home, self._options, self._listener, self._output = home, options, listener, output
        self.notes: dict[str, Callable[[Any], None]] = {LOG: lambda parcel: self._log.put(parcel)}
        self._stopping = threading.Event()
        self._upkeep = ThreadPoolExecutor(1, thread_name_prefix="upkeep")
        self._clerks = ThreadPoolExecutor(_CLERKS, thread_name_prefix="clerk")
        self._log = Writer(options.db or home.database, Retention(options.log_keep, options.log_rows, home.identity))
        self._numbers = home.run / "metrics"
        store = Store(str(home.store), home.cache)
        trust = options.trusted()
        isolation = Isolation(home.environments, trust, options.isolate)
        self.versions = Versions(
            store, trust, home.run / "twins", options.processes, options.timeout, isolation, nursery
        )
        self.crew = Crew(self.versions, self._zygote, self._order, self._note, self._retire)
        self.versions.audience = self.crew
        self._usage = Watch(self.versions, options.model_memory or half_of_memory())
        self.releases = Releases(home, store, self.versions, self.crew.publish)
        self._orders: dict[str, Callable[..., Any]] = {
            "deploy": self.releases.deploy,
            "undeploy": self.releases.undeploy,
            "load": self.releases.load,
            "unload": self.releases.unload,
        }
        self._quick: dict[str, Callable[..., Any]] = {
            "prepare": self.releases.prepare,
            "log act": self._log.record,
            "log flush": self._log.flush,
            "usage": self._usage.now,
        }

    @property
    def workers(self) -> list[int]:
        """The process numbers of the HTTP workers."""
        return self.crew.pids

    @property
    def models(self) -> dict[str, list[int]]:
        """The process numbers of those that answer for each version."""
        with self.versions.lock:
            return {key: [one.pid for one in found.processes] for key, found in self.versions.running.items()}

    def start(self) -> None:
        """Serve again what was served before, and take requests."""
        shutil.rmtree(self._home.run, ignore_errors=True)
        (self._home.run / "twins").mkdir(parents=True, mode=0o700)
        self._environment = workers.prepare(self._numbers)
        self._log.start()
        self._upkeep.submit(self.releases.restore).result()
        self.crew.start(self._options.workers)
        self._usage.start()
        threading.Thread(target=self._resume, name="resume", daemon=True).start()
        gc.collect()
        gc.freeze()  # what is there now stays, and need not be looked through each time that requests are logged

    def stop(self) -> None:
        """Answer what is asked, then end everything."""
        self._stopping.set()
        self._usage.stop()
        self._upkeep.shutdown(cancel_futures=True)
        self.crew.stop(GRACE_SECONDS + 1)
        self.versions.stop()
        self._clerks.shutdown()
        self._log.close()
        shutil.rmtree(self._home.run, ignore_errors=True)

    # -- parts -----------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Serve what could not be served at the start because its environment has to be built again."""
        with contextlib.suppress(RuntimeError):  # there is nobody to do it any more
            while self._upkeep.submit(self.releases.resume).result() and not self._stopping.wait(1.0):
                pass

    def _zygote(self) -> Zygote:
        arguments = {"home": self._home.folder, "options": self._options, "listener": self._listener.fileno()}
        return Zygote(
            "nbdeploy.serving.worker.process:prepare",
            arguments,
            self._environment,
            descriptors=[self._listener.fileno()],
            output=self._output,
            patience=FAREWELL_SECONDS,
        ).__enter__()

    def _order(self, reply: Callable[[Any], None], what: str, arguments: tuple[Any, ...]) -> None:
        """Do what a worker orders: what changes something in turn, the rest at once."""

        def done() -> None:
            try:
                reply({**self._orders, **self._quick}[what](*arguments))
            except Exception as error:
                if not isinstance(error, NbdeployError):
                    _log.exception("%s failed", what)
                reply(error)

        if what == "log state":  # a worker waits for it in its event loop
            reply(self._log.state)
            return
        try:
            (self._clerks if what in self._quick else self._upkeep).submit(done)
        except RuntimeError:
            reply(RemoteError("the endpoint is stopping; ask again when it has started"))

    def _note(self, topic: str, content: Any) -> None:
        if topic in self.notes:
            self.notes[topic](content)

    def _retire(self, pid: int) -> None:
        workers.retire(self._numbers, pid)
