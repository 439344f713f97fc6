"""Starting the process of a kernel, and telling how it ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from nbdeploy.batch.executing.memory import oom_kills
from nbdeploy.batch.executing.watch import Watch
from nbdeploy.batch.failure import Failed, Failure

__all__ = ["KernelProcess", "OwnKernelManager", "not_started"]

_SAID_LINES = 8
_GONE_SECONDS = 2.0


class _OwnInterpreter(KernelSpecManager):
    """Knows one kernel: ipykernel in this interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


class OwnKernelManager(AsyncKernelManager):
    """Manages a kernel in this interpreter, whatever is installed under its name."""

    @default("kernel_spec_manager")
    def _own(self) -> KernelSpecManager:
        return _OwnInterpreter(parent=self)


@dataclass
class KernelProcess:
    """The process of a kernel.

    Attributes
    ----------
    process : Popen or None
        It, where it is one of this machine.
    began_anew : bool
        Whether it has replaced itself by another kernel.
    kills : int
        How many processes the system had killed for their memory before.
    """

    process: subprocess.Popen[bytes] | None = None
    began_anew: bool = False
    kills: int = 0
    _session: str = ""

    def hear(self, message: Mapping[str, Any]) -> None:
        """Look at a message of the kernel: a kernel has one session all its life."""
        session = message["header"].get("session", "")
        self.began_anew |= session != (self._session or session)
        self._session = self._session or session

    @classmethod
    def of(cls, manager: Any) -> KernelProcess:
        """The process that a manager has started."""
        return cls(getattr(manager.provisioner, "process", None), kills=oom_kills())

    def how_it_ended(self) -> str:
        """By which signal or status it ended, in words; empty if nobody knows."""
        code = None
        if self.process is not None:
            try:
                code = self.process.wait(_GONE_SECONDS)
            except subprocess.TimeoutExpired:
                return ""
        if code is None:
            return ""
        return f", killed by {signal.Signals(-code).name}" if code < 0 else f" with exit status {code}"

    def how_it_died(self, watch: Watch) -> str:
        """How it ended while a cell ran, and what memory the run took then."""
        if self.began_anew:
            return "restarted itself: what the cells before had made is lost"
        ended = self.how_it_ended()
        hint = ""
        if oom_kills() > self.kills:
            hint = ": the system ended it because memory ran out"
        elif "SIGKILL" in ended:
            hint = " (often because memory ran out)"
        return f"died{ended}{watch.memory()}{hint}"


def not_started(name: str, why: str, manager: Any, said: str = "") -> Failed:
    """The failure of a kernel that could not be started.

    Parameters
    ----------
    name : str
        The kernel.
    why : str
        What went wrong.
    manager : KernelManager
        Knows its command.
    said : str
        What its process said.
    """
    spec = getattr(manager, "kernel_spec", None)
    command = f"; its command: {' '.join(map(str, spec.argv))}" if spec is not None and spec.argv else ""
    last = "\n".join(["; it said:", *said.strip().splitlines()[-_SAID_LINES:]]) if said.strip() else ""
    return Failed(Failure("KernelNotStarted", f"the kernel {name!r} could not be started: {why}{command}{last}"))
