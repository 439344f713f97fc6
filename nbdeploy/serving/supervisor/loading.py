"""Models loaded once, each in a process that those who answer are forked from."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections import Counter

from nbdeploy.bundles import Bundle
from nbdeploy.errors import NbdeployError, RehearsalFailed
from nbdeploy.serving.supervisor.output import copy_output
from nbdeploy.zygote import NURSERY, Worker, Zygote

__all__ = ["Loaded", "Nurseries"]

_log = logging.getLogger(__name__)

LOAD_SECONDS = 600.0
_PREPARE = "nbdeploy.serving.model_process:prepare"
_GET_READY = "nbdeploy.serving.model_process:get_ready"
_APART = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}
"""What keeps an environment apart from the packages that this process finds elsewhere."""


class Nurseries:
    """What models are loaded in is forked from these: one for each interpreter, which has imported frameworks.

    Parameters
    ----------
    patience : float
        Seconds that a process may take to finish what it answers when it is ended.
    shared : Zygote, optional
        The one of this interpreter, if that is to serve others too.
    """

    def __init__(self, patience: float, shared: Zygote | None = None) -> None:
        self._patience, self._shared = patience, shared
        self._nurseries = {} if shared is None else {sys.executable: shared}
        self._users = Counter[str]()
        self._turn = threading.Lock()

    def enter(self, python: str) -> None:
        """One version more runs in an interpreter."""
        with self._turn:
            self._users[python] += 1

    def leave(self, python: str) -> None:
        """One version less runs in an interpreter, whose nursery ends with the last one; this one's own stays."""
        if python == sys.executable:
            return
        with self._turn:
            self._users[python] -= 1
            nursery = None if self._users[python] else self._nurseries.pop(python, None)
        if nursery is not None:
            nursery.__exit__(None, None, None)

    def start(self, prepare: str, arguments: dict[str, object], output: int, python: str, flavor: str = "") -> Zygote:
        """Start a process in an interpreter, and wait until it is ready.

        Parameters
        ----------
        prepare, arguments, output
            As of :class:`Zygote`.
        python : str
            The interpreter.
        flavor : str
            The framework that is imported first, where it is shared.

        Raises
        ------
        RehearsalFailed
            If it does not get ready.
        """
        with self._turn:
            nursery = self._nursery(python)
            if flavor:
                with contextlib.suppress(NbdeployError):  # the loading itself will say what is missing
                    nursery.run(_GET_READY, flavor)
            zygote = Zygote(
                prepare, arguments, output=output, patience=self._patience, parent=nursery, wait=False
            ).__enter__()
        try:
            zygote.wait(LOAD_SECONDS)
        except NbdeployError as error:
            zygote.__exit__(None, None, None)
            raise RehearsalFailed(str(error)) from error
        return zygote

    def close(self) -> None:
        """End all of them but the shared one."""
        with self._turn:
            for nursery in self._nurseries.values():
                if nursery is not self._shared:
                    nursery.__exit__(None, None, None)

    def _nursery(self, python: str) -> Zygote:
        found = self._nurseries.get(python)
        if found is None or not found.alive:
            apart = {} if python == sys.executable else _APART
            try:
                found = Zygote(NURSERY, {}, apart, python=python, patience=self._patience).__enter__()
            except (NbdeployError, OSError) as error:
                raise RehearsalFailed(f"the environment of {python} does not start: {error}") from error
            self._nurseries[python] = found
        return found


class Loaded:
    """A model in memory.

    Parameters
    ----------
    key : str
        What its version is called: ``churn:3``. What it says goes to the log under this name.
    bundle : Bundle
        It; it was found trustworthy.
    python : str
        The interpreter that it is loaded in.
    nurseries : Nurseries
        Where its process comes from.

    Attributes
    ----------
    zygote : Zygote
        The process that has loaded it.
    output : int
        An open file: the log.

    Raises
    ------
    RehearsalFailed
        If it cannot be loaded here.
    """

    def __init__(self, key: str, bundle: Bundle, python: str, nurseries: Nurseries) -> None:
        self._key, self.python, self._nurseries = key, python, nurseries
        self._arguments: dict[str, object] = {"bundle": bundle.path, "digest": bundle.digest, "name": key}
        nurseries.enter(python)
        self.output = copy_output(key)
        try:
            self.zygote = nurseries.start(_PREPARE, self._arguments, self.output, python, bundle.content.flavor)
        except RehearsalFailed:
            nurseries.leave(python)
            os.close(self.output)
            raise

    def fork(self) -> Worker:
        """Start a process that shares it; it is loaded again if it is gone.

        Raises
        ------
        NbdeployError
            If that fails.
        """
        try:
            return self.zygote.fork()
        except NbdeployError:
            _log.exception("%s is loaded again", self._key)
            self.zygote.__exit__(None, None, None)
            self.zygote = self._nurseries.start(_PREPARE, self._arguments, self.output, self.python)
            return self.zygote.fork()

    def end(self) -> None:
        """Wait until processes that share it have ended, and let go of it."""
        self.zygote.__exit__(None, None, None)
        self._nurseries.leave(self.python)
        with contextlib.suppress(OSError):
            os.close(self.output)
