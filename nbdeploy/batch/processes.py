"""The processes of runs: starting one apart from us, knowing whether it lives, ending it whole."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

from nbdeploy.batch.folder import Folder, Launch
from nbdeploy.batch.outputs import VARIABLE
from nbdeploy.errors import Conflict
from nbdeploy.settings import Settings
from nbdeploy.survival import SURVIVES, survivor

__all__ = ["Worker", "descendants", "end_belongings", "here", "launch_of", "start_child"]

_CLOCK_TOLERANCE = 2.0
"""Seconds by which a process's start may seem to move when the system's clock is set."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SWEEPS = 5


def here() -> str:
    """The name of this machine."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """What this boot of the machine is called; empty where the system does not say."""
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return ""


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
    boot : str
        The boot of the machine in which it did; empty if it is not known.
    """

    host: str
    pid: int
    started: float
    boot: str = ""

    @classmethod
    def of(cls, pid: int | None = None) -> Worker:
        """A process of this machine; this one by default."""
        pid = os.getpid() if pid is None else pid
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            started = 0.0
        return cls(here(), pid, started, boot_id())

    @property
    def gone(self) -> bool:
        """Whether it has ended. Of another machine's processes nothing is known."""
        return self.host == here() and self._process() is None

    def _process(self) -> psutil.Process | None:
        if self.host != here() or (self.boot and self.boot != boot_id()):
            return None
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _CLOCK_TOLERANCE
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.NoSuchProcess, ValueError):
            return None

    def stop(self, folder: Path, grace: float = 10.0) -> None:
        """End it with all that it started: politely, and after `grace` seconds not.

        A kernel leads a process group of its own, and what daemonises leaves family and session: so everything whose
        environment names the run's folder ends, too.

        Raises
        ------
        Conflict
            If it belongs to somebody else.
        """
        process = self._process()
        family: list[psutil.Process] = []
        if process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                family = [process, *descendants(process), *_session(self.pid)]
                _terminate(process)
                psutil.wait_procs([process], timeout=grace)
        end_belongings(folder, family)


def _terminate(process: psutil.Process) -> None:
    try:
        process.terminate()
    except psutil.AccessDenied as error:
        raise Conflict(f"process {process.pid} belongs to another user; ask them to stop it") from error


def end_belongings(folder: Path, family: list[psutil.Process] | None = None) -> None:
    """End everything that still belongs to a run, whose own process is gone."""
    left = family or []
    for _ in range(_SWEEPS):  # what forks while it is looked for is found the next time
        left = [each for each in {*left, *_marked(folder)} if each.is_running() and each.pid != os.getpid()]
        if not left:
            return
        for each in left:
            with contextlib.suppress(psutil.Error):
                each.kill()
        _, left = psutil.wait_procs(left, timeout=1.0)


def _session(leader: int) -> Iterator[psutil.Process]:
    for each in psutil.process_iter():
        with contextlib.suppress(OSError):
            if os.getsid(each.pid) == leader:
                yield each


def _marked(folder: Path) -> Iterator[psutil.Process]:
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mine = each.environ().get(VARIABLE) == str(folder) and not survives(each)
            if mine and each.status() != psutil.STATUS_ZOMBIE:
                yield each


def descendants(process: psutil.Process) -> Iterator[psutil.Process]:
    """All processes below one, except those that are to survive it, and what is below these."""
    with contextlib.suppress(psutil.Error):
        below: dict[int, list[psutil.Process]] = {}
        for one in process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                below.setdefault(one.ppid(), []).append(one)
        yield from _below(process.pid, below)


def _below(pid: int, children: dict[int, list[psutil.Process]]) -> Iterator[psutil.Process]:
    for child in children.get(pid, ()):
        if not survives(child):
            yield child
            yield from _below(child.pid, children)


def survives(process: psutil.Process) -> bool:
    """Whether a process is to outlive the run that started it."""
    with contextlib.suppress(psutil.Error):
        return SURVIVES in process.environ()
    return False


def start_child(folder: Folder) -> subprocess.Popen[bytes]:
    """Start the process of a run as its folder says, in a session of its own, writing to the run's log.

    Without ``-P`` a file ``json.py`` beside the notebook would be taken for Python's own.
    """
    launch = folder.launch()
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [launch.python, "-P", "-m", "nbdeploy.batch.executing.child", str(folder.path)],
            cwd=folder.path,
            env={**survivor(launch.environment), VARIABLE: str(folder.path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def launch_of(notebook: Path | None, settings: Settings, db: str, extra: Mapping[str, str]) -> Launch:
    """How to start a run that is asked for here: by this interpreter, in our environment with the settings in force.

    Parameters
    ----------
    notebook : Path or None
        The notebook, if the run is of one; its path is kept where Jupyter keeps it.
    settings : Settings
        The settings in force here; the run's process shall have the same, wherever it is.
    db : str
        Absolute URL of the database.
    extra : mapping
        Variables that win over all others.
    """
    ours = {name: value for name, value in os.environ.items() if name not in {"JPY_PARENT_PID", "JPY_SESSION_NAME"}}
    session = {} if notebook is None else {"JPY_SESSION_NAME": str(notebook)}
    environment = {
        **ours,
        **session,
        "NBDEPLOY_DB": db,
        "NBDEPLOY_HOME": str(settings.home),
        "NBDEPLOY_STORE": settings.store_anywhere,
        "NBDEPLOY_TARGET": settings.target,
        **extra,
    }
    return Launch(sys.executable, environment)
