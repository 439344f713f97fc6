"""Papermill's engine, watched: it says which cell is next, keeps time, and notices a dead kernel."""

from __future__ import annotations

import math
import tempfile
from typing import Any

import nbformat
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, CellTimeoutError, DeadKernelError
from papermill.engines import Engine

from nbdeploy.batch.checkpoints.kept import own_cells
from nbdeploy.batch.executing.bounds import CellOutputs
from nbdeploy.batch.executing.discretion import DiscreetClient
from nbdeploy.batch.executing.launching import KernelProcess, OwnKernelManager, not_started
from nbdeploy.batch.executing.watch import Watch
from nbdeploy.batch.failure import Failed, Failure, plain
from nbdeploy.batch.kernels import NATIVE

__all__ = ["MAY_FAIL", "WatchedEngine"]

MAY_FAIL = "raises-exception"
"""The tag of a cell whose error is expected."""
_SKIPPED = frozenset({"skip", "skip-execution"})
_ALL_IS_WELL = frozenset({"", "0", "None", "False"})
"""What ``SystemExit`` says if a notebook ends itself without a complaint."""
_START_SECONDS = 60
_LATE_OUTPUT_SECONDS = 60
_LONGEST_SOCKETS = 80
"""Length of a folder in which the system still accepts the names of socket files."""


class _Ended(Exception):
    """The notebook has ended itself, and all is well."""


class _Client(DiscreetClient):
    def __init__(self, nb_man: Any, watch: Watch, kernel_name: str) -> None:
        own = {"kernel_manager_class": OwnKernelManager} if watch.own else {}
        super().__init__(
            nb_man,
            watch.secrets,
            watch.mask,
            watch.kernel,
            kernel_name=NATIVE if watch.own else kernel_name,
            timeout_func=watch.remaining,
            startup_timeout=math.ceil(min(_START_SECONDS, watch.remaining() or _START_SECONDS)),
            iopub_timeout=_LATE_OUTPUT_SECONDS,
            shutdown_kernel="immediate" if watch.deadline else "graceful",
            on_cell_executed=self._replied,
            **own,
        )
        self.clear_before_next_output: bool = False
        self.watch = watch
        self.sockets = ""
        self.kept = CellOutputs()
        self.reply: dict[str, Any] = {}
        self.kernel = KernelProcess()

    def create_kernel_manager(self) -> Any:
        """The kernel's manager. Our own kernel talks through socket files that only this user can open."""
        manager = super().create_kernel_manager()
        if self.watch.own and len(self.sockets) <= _LONGEST_SOCKETS:
            manager.connection_file = f"{self.sockets}/kernel.json"
            manager.transport = "ipc"
        return manager

    def start_new_kernel(self, **options: Any) -> None:
        """Start the kernel's process."""
        try:
            with self.outlet(lambda text: self.watch.log.say("kernel", text)) as outlet:
                super().start_new_kernel(**options, **outlet)
        except Exception as error:
            raise not_started(self.kernel_name, f"{type(error).__name__}: {error}", self.km) from error
        self.kernel = KernelProcess.of(self.km)

    def start_new_kernel_client(self) -> Any:
        """Wait until the kernel answers."""
        said, manager = self.watch.said(), self.km
        try:
            return super().start_new_kernel_client()
        except RuntimeError as error:
            how = self.kernel.how_it_ended() or f"; {error}"
            said = self.watch.said()[len(said) :]
            raise not_started(self.kernel_name, f"its process did not get ready{how}", manager, said) from error

    def execute(self) -> None:
        """Start the kernel and execute the cells until one fails.

        Raises
        ------
        Failed
            If one did.
        """
        self.reset_execution_trackers()
        with tempfile.TemporaryDirectory(prefix="nbdeploy-") as self.sockets:
            try:
                failure = self._executed()
            except (RuntimeError, Failed) as error:
                if self.watch.late:
                    raise Failed(Failure("TimeoutError", self.watch.too_long)) from error
                raise
        if failure is not None:
            raise Failed(failure)

    def _executed(self) -> Failure | None:
        with self.setup_kernel():
            info = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = info["content"]["language_info"]
            try:
                failure = self._cells()
            except BaseException:  # we are being stopped, and the kernel may be busy
                self.shutdown_kernel = "immediate"
                raise
            self.set_widgets_metadata()
        return failure

    def _cells(self) -> Failure | None:
        first = self._resumed()
        total = len(self.nb.cells)
        for position, cell in enumerate(self.nb.cells[first:], first):
            self.watch.cell(position, total, cell.source)
            self.nb_man.cell_start(cell, position)
            try:
                failure = self._cell(position, cell)
            except _Ended:
                self.watch.log.heading(f"the notebook has ended itself in cell {position + 1} of {total}")
                self._pass_over(position + 1, "the notebook ended itself before")
                return None
            except BaseException:
                self._mark(position)
                raise
            finally:
                self.kept.finish(cell.get("outputs", []))
                self.watch.log.finish()
                self.nb_man.cell_complete(cell, cell_index=position)
            if failure is not None:
                return failure
            self.watch.ended(len(own_cells(self.nb.cells[: position + 1])))
        self.watch.cell(total, total, "")
        return None

    def _resumed(self) -> int:
        """The position of the first cell to execute."""
        resumption = self.watch.resumption
        if resumption is None:
            return 0
        first = resumption.apply(self.nb)
        self.watch.log.heading(f"cells 1 to {first} are skipped: {resumption.why}")
        return first

    def _pass_over(self, first: int, why: str) -> None:
        for cell in self.nb.cells[first:]:
            cell.metadata.papermill["status"] = "skipped"
            cell.metadata["nbdeploy"] = {"skipped": why}

    def _cell(self, position: int, cell: Any) -> Failure | None:
        """Execute one cell; why it failed, if it did."""
        if _SKIPPED & set(cell.metadata.get("tags", ())):
            return None
        self.kept.clear()
        self.reply = {}
        try:
            self.hand_over(position)
            self.execute_cell(cell, position)
        except CellExecutionError as error:
            return self._fail(position, error.ename, error.evalue)
        except DeadKernelError:
            return self._fail(position, "DeadKernelError", f"the kernel {self.kernel.how_it_died(self.watch)}")
        except CellTimeoutError as error:
            self.shutdown_kernel = "immediate"
            return self._fail(position, "TimeoutError", self.watch.overtime or str(error))
        return self._checked(position, cell)

    def _checked(self, position: int, cell: Any) -> Failure | None:
        """What is wrong with a cell though the kernel reported no error of its own."""
        if MAY_FAIL not in cell.metadata.get("tags", ()):
            error = next((each for each in cell.get("outputs", ()) if each.output_type == "error"), None)
            if error is not None:
                return self._fail(position, error.ename, error.evalue)
        if self.reply.get("status", "ok") == "aborted":
            return self._fail(position, "CellAborted", "the kernel did not execute the cell")
        for payload in self.reply.get("payload", ()):
            if payload.get("source") == "ask_exit":
                if payload.get("keepkernel"):
                    return self._fail(position, "SystemExit", str(int(payload["keepkernel"])))
                raise _Ended
        return None

    def _fail(self, position: int, name: str, message: str) -> Failure:
        """Mark a cell as failed, with an error among its outputs."""
        cell = self.nb.cells[position]
        error = next((each for each in reversed(cell.outputs) if each.output_type == "error"), None)
        if error is None or (error.ename, error.evalue) != (name, message):
            self.watch.log.line(f"{name}: {message}")
            facts = {"ename": name, "evalue": message, "traceback": []}
            error = nbformat.v4.new_output("error", **facts)  # type: ignore[no-untyped-call]
            cell.outputs.append(error)
        if name == "SystemExit" and message in _ALL_IS_WELL:
            raise _Ended
        self._mark(position)
        return Failure(
            name,
            _explained(name, plain(message)),
            cell=position + 1,
            total=len(self.nb.cells),
            execution=cell.execution_count,
            source=cell.source,
            traceback=plain("\n".join(error.traceback)),
        )

    def _mark(self, position: int) -> None:
        self.nb_man.cell_exception(self.nb.cells[position], cell_index=position)

    def _replied(self, execute_reply: dict[str, Any], **_: object) -> None:
        self.reply = execute_reply["content"]

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """Process what the kernel publishes for a cell, as nbclient does, and notice a kernel that begins anew."""
        while True:
            message = await self.kc.iopub_channel.get_msg(timeout=None)
            self.kernel.hear(message)
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return

    async def _async_check_alive(self) -> None:
        """Notice a kernel that died, and one that replaced its own process by another: it lives, and never answers."""
        if self.kernel.began_anew:
            raise DeadKernelError("Kernel restarted itself")
        await super()._async_check_alive()

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep what a cell says, within bounds, and log it."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        if self.clear_before_next_output:
            self.kept.clear()
        content = msg["content"]
        if msg["msg_type"] == "stream":
            if self.clear_before_next_output:
                self.clear_before_next_output = False
                self.clear_output(outs, {**msg, "content": {"wait": False}}, cell_index)
            self.watch.log.say(content["name"], content["text"])
            self.kept.printed(outs, content["name"], content["text"])
            return None
        self._log(msg["msg_type"], content)
        return super().output(outs, msg, display_id, cell_index) if self.kept.takes(content) else None

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Forget what a cell said, as it asks for."""
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self.kept.clear()

    def _log(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "error":
            self.watch.log.line("\n".join(content["traceback"]) or f"{content['ename']}: {content['evalue']}")
        elif "text/plain" in content.get("data", {}):
            self.watch.log.line("".join(content["data"]["text/plain"]))


def _explained(name: str, message: str) -> str:
    if name == "StdinNotImplementedError":
        return "the cell asks for input, and a run has nobody to ask: make it a parameter"
    return message


class WatchedEngine(Engine):  # type: ignore[misc]
    """Papermill's way in."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, *, watch: Watch, **_: object) -> None:
        """Execute the notebook that papermill has prepared.

        Raises
        ------
        Failed
            If a cell did, or the kernel.
        """
        _Client(nb_man, watch, kernel_name).execute()
