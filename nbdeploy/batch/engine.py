"""Papermill's engine, watched: it says which cell is next, keeps time, and notices a dead kernel."""

from __future__ import annotations

import math
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from traitlets import default

from nbdeploy.batch.failure import plain
from nbdeploy.batch.kernels import NATIVE
from nbdeploy.batch.parameters import showable

__all__ = ["ENGINE", "Watch", "register"]

ENGINE = "nbdeploy"
_START_SECONDS = 60
_LATE_OUTPUT_SECONDS = 60
_LONGEST_SOCKETS = 80
"""Length of a folder in which the system still accepts the names of socket files."""


@dataclass(frozen=True)
class Watch:
    """What the engine is to tell, and to whom.

    Attributes
    ----------
    cell : callable
        Called with the position (from 0), the number of cells and the source, before each cell.
    log : text file
        Gets what the cells print.
    own : bool
        Whether the kernel is this interpreter.
    notebook, output : str
        Paths to write into the notebook's metadata.
    deadline : float or None
        The moment by ``time.monotonic`` at which the run must have ended.
    timeout : float or None
        The seconds that made this deadline, for the message.
    """

    cell: Callable[[int, int, str], None]
    log: TextIO
    own: bool
    notebook: str
    output: str
    deadline: float | None = None
    timeout: float | None = None

    def remaining(self, _: object = None) -> float | None:
        """Seconds that are left; never 0, which nbclient takes for no limit."""
        return None if self.deadline is None else max(self.deadline - time.monotonic(), 0.001)

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    @property
    def too_long(self) -> str:
        """What to say when the time is up."""
        return f"the run took longer than {self.timeout:g} s"


class _OwnInterpreter(KernelSpecManager):
    """Knows one kernel: ipykernel in this interpreter."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name=kernel_name, language="python")


class _OwnKernelManager(AsyncKernelManager):
    @default("kernel_spec_manager")
    def _own(self) -> KernelSpecManager:
        return _OwnInterpreter(parent=self)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    def __init__(self, nb_man: Any, watch: Watch, kernel_name: str) -> None:
        own = {"kernel_manager_class": _OwnKernelManager} if watch.own else {}
        super().__init__(
            nb_man,
            kernel_name=NATIVE if watch.own else kernel_name,
            timeout_func=watch.remaining,
            startup_timeout=math.ceil(min(_START_SECONDS, watch.remaining() or _START_SECONDS)),
            iopub_timeout=_LATE_OUTPUT_SECONDS,
            shutdown_kernel="immediate" if watch.deadline else "graceful",
            log_output=True,
            **own,
        )
        self.watch = watch
        self.sockets = ""

    def create_kernel_manager(self) -> Any:
        """The kernel's manager. Our own kernel talks through socket files that only this user can open."""
        manager = super().create_kernel_manager()
        if self.watch.own and len(self.sockets) <= _LONGEST_SOCKETS:
            manager.connection_file = f"{self.sockets}/kernel.json"
            manager.transport = "ipc"
        return manager

    def execute(self) -> None:
        """Start the kernel and execute the cells until one fails."""
        self.reset_execution_trackers()
        with tempfile.TemporaryDirectory(prefix="nbdeploy-") as self.sockets:
            try:
                self._execute_cells()
            except RuntimeError as error:
                if self.watch.late:
                    raise TimeoutError(self.watch.too_long) from error
                raise

    def _execute_cells(self) -> None:
        with self.setup_kernel():
            info = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = info["content"]["language_info"]
            try:
                done = all(self._executed(position, cell) for position, cell in enumerate(self.nb.cells))
            except BaseException:  # we are being stopped, and the kernel may be busy
                self.shutdown_kernel = "immediate"
                raise
            if done:
                self.watch.cell(len(self.nb.cells), len(self.nb.cells), "")
            self.set_widgets_metadata()

    def _executed(self, position: int, cell: Any) -> bool:
        """Execute one cell; False if it failed, with the error among its outputs."""
        self.watch.cell(position, len(self.nb.cells), cell.source)
        self.nb_man.cell_start(cell, position)
        try:
            self.execute_cell(cell, position)
        except CellExecutionError as error:
            self._fail(position, error)
            return False
        except DeadKernelError as error:
            self._fail(position, error, "DeadKernelError", f"the kernel died{self._how_it_died()}")
            return False
        except CellTimeoutError as error:
            self.shutdown_kernel = "immediate"
            message = self.watch.too_long if self.watch.late else str(error)
            self._fail(position, error, "TimeoutError", message)
            return False
        except BaseException as error:
            self._fail(position, error)
            raise
        finally:
            self.nb_man.cell_complete(self.nb.cells[position], cell_index=position)
        return True

    def _fail(self, position: int, error: BaseException, name: str = "", message: str = "") -> None:
        cell = self.nb.cells[position]
        if name:
            self.watch.log.write(f"{name}: {message}\n")
            facts = {"ename": name, "evalue": message, "traceback": []}
            cell.outputs.append(nbformat.v4.new_output("error", **facts))  # type: ignore[no-untyped-call]
        self.nb_man.cell_exception(cell, cell_index=position, exception=error)

    def _how_it_died(self) -> str:
        code = getattr(getattr(self.km.provisioner, "process", None), "returncode", None)
        if code is None or code >= 0:
            return "" if code is None else f" with exit status {code}"
        name = signal.Signals(-code).name
        return f", killed by {name}" + (" (often because memory ran out)" if name == "SIGKILL" else "")

    def log_output_message(self, output: Any) -> None:
        """Write what a cell prints or answers to the log."""
        if output.output_type == "stream":
            self.watch.log.write(plain("".join(output.text)))
        elif output.output_type == "error":
            self.watch.log.write(plain("\n".join(output.traceback)) + "\n")
        elif "text/plain" in output.get("data", {}):
            self.watch.log.write(plain("".join(output.data["text/plain"])) + "\n")


class WatchedEngine(Engine):  # type: ignore[misc]
    """Papermill's way in."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, watch: Watch, **_: object) -> None:
        """Execute the notebook that papermill has prepared."""
        about = nb_man.nb.metadata.papermill
        about["input_path"], about["output_path"] = watch.notebook, watch.output
        about["parameters"] = showable(about.get("parameters", {}))  # NaN is no JSON: no browser would open it
        _Client(nb_man, watch, kernel_name).execute()


def register() -> None:
    """Make the engine known to papermill."""
    papermill_engines.register(ENGINE, WatchedEngine)
