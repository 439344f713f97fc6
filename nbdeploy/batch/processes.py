"""The processes of runs: starting one apart from us, knowing whether it lives, ending it whole."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.outputs import VARIABLE
from nbdeploy.settings import Settings

__all__ = ["Worker", "environment_of", "start_child"]

_CLOCK_TOLERANCE = 2.0
"""Seconds by which a process's start may seem to move when the system's clock is set."""


@dataclass(frozen=True)
class Worker:
    """The process that answers for a run: its number alone is not enough, numbers come again.

    Attributes
    ----------
    host : str
        The machine.
    pid : int
        The process's number there.
    started : float
        When it started, in seconds since 1970.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def of(cls, pid: int | None = None) -> Worker:
        """A process of this machine; this one by default."""
        pid = os.getpid() if pid is None else pid
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            started = 0.0
        return cls(socket.gethostname(), pid, started)

    @property
    def gone(self) -> bool:
        """Whether it has ended. Of another machine's processes nothing is known."""
        return self.host == socket.gethostname() and self._process() is None

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def stop(self, grace: float = 10.0) -> None:
        """End it with all that it started: politely, and after `grace` seconds not.

        A kernel leads a process group of its own, so that the group alone would not reach it.
        """
        process = self._process()
        if process is None:
            return
        try:
            family = [process, *process.children(recursive=True)]
            process.terminate()
            psutil.wait_procs([process], timeout=grace)
        except psutil.NoSuchProcess:
            return
        for member in family:
            if member.is_running():
                member.kill()
        psutil.wait_procs(family, timeout=grace)


def start_child(folder: Folder, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the process of a run, in a session of its own, writing to the run's log.

    Without ``-P`` a file ``json.py`` beside the notebook would be taken for Python's own.
    """
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "nbdeploy.batch.child", str(folder.path)],
            cwd=folder.path,
            env={**environment, VARIABLE: str(folder.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def environment_of(
    notebook: Path | None, settings: Settings, db: str, extra: Mapping[str, str] | None
) -> dict[str, str]:
    """Our environment, with the settings in force and the notebook's path where Jupyter keeps it.

    Parameters
    ----------
    notebook : Path or None
        The notebook, if the run is of one.
    settings : Settings
        The settings in force here; the run's process shall have the same, wherever it is.
    db : str
        Absolute URL of the database.
    extra : mapping, optional
        Variables that win over all others.
    """
    store = settings.store if "://" in settings.store else str(Path(settings.store).expanduser().absolute())
    ours = {name: value for name, value in os.environ.items() if name not in {"JPY_PARENT_PID", "JPY_SESSION_NAME"}}
    session = {} if notebook is None else {"JPY_SESSION_NAME": str(notebook)}
    return {
        **ours,
        **session,
        "NBDEPLOY_DB": db,
        "NBDEPLOY_HOME": str(settings.home),
        "NBDEPLOY_STORE": store,
        "NBDEPLOY_TARGET": settings.target,
        **(extra or {}),
    }
