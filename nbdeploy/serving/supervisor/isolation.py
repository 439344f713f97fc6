"""In which environment a version runs: the endpoint's own, or one that is built of what its snapshot wants."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.environments import Environments, Wanted

__all__ = ["Isolation"]

_log = logging.getLogger(__name__)

GLANCE_SECONDS = 1.0
"""How long somebody who waits for an environment hears nothing."""


class Isolation:
    """The environments of one endpoint's versions.

    Parameters
    ----------
    folder : Path
        Where they are kept.
    trust : Trust
        Whether packages may be installed for a snapshot.
    on : bool
        Whether there are any; otherwise all versions run in the endpoint's own.
    """

    def __init__(self, folder: Path, trust: Trust, on: bool) -> None:
        self._environments, self._trust, self._on = Environments(folder), trust, on
        self._wanted: dict[str, Wanted | None] = {}
        self._building: dict[str, tuple[Future[Path], float]] = {}
        self._turn = threading.Lock()

    def prepare(self, digest: str, accepted: Callable[[], Bundle]) -> str:
        """Have the environment of a snapshot built, and return what is to be waited for; empty when it is there.

        Parameters
        ----------
        digest : str
            The snapshot's.
        accepted : callable
            Opens it, and raises if it may not be loaded here.

        Raises
        ------
        Forbidden
            If no packages may be installed for it.
        RehearsalFailed
            If it was tried since somebody asked last, and cannot be built.
        """
        if not self._on:
            return ""
        if digest not in self._wanted:
            self._wanted[digest] = self._wanted_by(accepted())
        wanted = self._wanted[digest]
        if wanted is None:
            return ""
        with self._turn:
            if digest not in self._building:
                if self._environments.ready(wanted) is not None:
                    return ""
                self._building[digest] = (self._begun(wanted), time.monotonic())
            future, begun = self._building[digest]
        try:
            future.result(GLANCE_SECONDS)
        except TimeoutError:
            if future.done():
                raise
            seconds = time.monotonic() - begun
            return f"an environment is being built for it, {seconds:.0f} s so far ({_told(wanted)})"
        finally:
            with self._turn:
                if future.done() and self._building.get(digest, (None, 0.0))[0] is future:
                    del self._building[digest]
        return ""

    def python(self, bundle: Bundle) -> str:
        """Return the interpreter that a version runs in; its environment is built if it is not there."""
        wanted = self._wanted_by(bundle) if self._on else None
        if wanted is None:
            return sys.executable
        _log.info("%s runs in an environment of its own: %s", bundle.manifest.name, _told(wanted))
        return str(self._environments.build(wanted))

    def keep(self, pythons: Collection[str]) -> None:
        """Remove environments whose interpreters nobody needs, but for some that were needed last."""
        self._environments.keep({Path(python).parents[1].name for python in pythons})

    def _wanted_by(self, bundle: Bundle) -> Wanted | None:
        wanted = Wanted.by(bundle.path, bundle.content)
        if not wanted.differences():
            return None
        self._trust.check_packages(bundle.manifest, lambda: bundle.signature)
        return wanted

    def _begun(self, wanted: Wanted) -> Future[Path]:
        """Build beside everything else; an endpoint that stops does not wait for it."""
        future: Future[Path] = Future()

        def build() -> None:
            try:
                future.set_result(self._environments.build(wanted))
            except BaseException as error:
                _log.error("an environment was not built: %s", error)
                future.set_exception(error)

        _log.info("an environment is built: %s", _told(wanted))
        threading.Thread(target=build, name="environment", daemon=True).start()
        return future


def _told(wanted: Wanted) -> str:
    differences = wanted.differences()
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    return ", ".join(differences[:3]) + more
