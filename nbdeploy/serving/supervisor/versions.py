"""The versions that an endpoint has in memory: started, kept, ended."""

from __future__ import annotations

import threading
from pathlib import Path

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.errors import AccessDenied, NbdeployError, RehearsalFailed
from nbdeploy.predictor import accept
from nbdeploy.serving import messages
from nbdeploy.serving.supervisor.isolation import Isolation
from nbdeploy.serving.supervisor.loading import Loaded, Nurseries
from nbdeploy.serving.supervisor.proving import prove
from nbdeploy.serving.supervisor.running import Audience, Running
from nbdeploy.store import Store, Version
from nbdeploy.zygote import Zygote

__all__ = ["Versions"]


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
        self._store, self._trust, self._folder, self._count = store, trust, folder, count
        self.audience: Audience
        self.lock = threading.RLock()
        self.running: dict[str, Running] = {}
        self._isolation = isolation
        self._nurseries = Nurseries(patience, nursery)

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
        bundle = self._accepted(version)
        loaded = Loaded(key, bundle, self._isolation.python(bundle), self._nurseries)
        running = Running(messages.Version(key, bundle.path), loaded, self._count, self.audience, self.lock)
        first = None
        try:
            first = running.fork()
            running.described = prove(running, first, self._folder, self._nurseries)
            self.audience.load(running.described)
            with self.lock:
                running.begin(first)
                before = self.running.pop(key, None)
                self.running[key] = running
            if before is not None:
                before.end()
        except BaseException:
            if first is not None:
                first.link.close()
            running.end()
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
            pythons = {running.loaded.python for running in self.running.values()}
        for running in ending:
            self.audience.tell(messages.Drop(running.key))
            running.end()
        threading.Thread(target=self._isolation.keep, args=(pythons,), name="environments", daemon=True).start()

    def stop(self) -> None:
        """End all of them; nobody asks any more."""
        with self.lock:
            running, self.running = list(self.running.values()), {}
            for one in running:
                one.retire()
        for one in running:
            one.end(wait=True)
        self._nurseries.close()

    def kill(self, key: str, number: int) -> None:
        """End one process at once: it does not answer."""
        with self.lock:
            if key in self.running:
                self.running[key].kill(number)

    def replace(self, key: str, number: int, why: str) -> None:
        """Let another process take the place of one, which ends when it has answered what it was asked."""
        with self.lock:
            if key in self.running:
                self.running[key].replace(number, why)

    def _accepted(self, version: Version) -> Bundle:
        try:
            return accept(self._store.open(version), self._trust)
        except AccessDenied:
            raise
        except NbdeployError as error:
            raise RehearsalFailed(f"{version} cannot be served here: {error}", snapshot=str(version)) from error
