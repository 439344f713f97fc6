"""What ran in the kernel, in which order, and from which cells of the notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FrameType, TracebackType
from typing import Any
from weakref import WeakKeyDictionary, ref

__all__ = ["Execution", "History", "forget", "history", "record"]


@dataclass(frozen=True)
class Execution:
    """One run of a cell.

    Attributes
    ----------
    source : str
        What ran, as it was typed.
    count : int or None
        The number in ``In [n]``.
    cell : str or None
        The id that the front end gave the cell; None where it gave none, or nobody listened yet.
    at : float
        When it began, in seconds since 1970; where nobody listened yet, when somebody began to.
    observed : bool
        Whether somebody listened, so that it is known how it ended.
    upto : int or None
        The line at which it is now, or at which it failed; None if it ran to its end.
    failed : bool
        Whether the statement at that line failed.
    """

    source: str
    count: int | None
    cell: str | None
    at: float
    observed: bool = True
    upto: int | None = None
    failed: bool = False


@dataclass(frozen=True)
class History:
    """Everything that ran in a kernel.

    Attributes
    ----------
    executions : tuple of Execution
        In the order in which they ran; the last one may be running now.
    names : mapping of str to object
        The variables now.
    """

    executions: tuple[Execution, ...]
    names: Mapping[str, Any]


class _Recorder:
    """Listens to one shell."""

    def __init__(self, shell: Any) -> None:
        self.shell = ref(shell)
        self.since = time.time()
        self.executions: list[Execution] = []
        self.running = False

    def begin(self, info: Any) -> None:
        self.running = True
        # IPython counts before or after this event, depending on its version; it stores the source after it.
        count = len(self.shell().history_manager.input_hist_raw) if info.store_history else None  # type: ignore[union-attr]
        self.executions.append(Execution(info.raw_cell, count, getattr(info, "cell_id", None), time.time()))

    def end(self, result: Any) -> None:
        # A cell that was not begun is the one that loaded the extension.
        if self.running and result.execution_count is not None:
            self.executions[-1] = replace(self.executions[-1], count=result.execution_count)
        if self.running and not result.success:
            before = result.error_before_exec is not None
            line = 0 if before else _line(result.error_in_exec.__traceback__, self.shell())
            self.executions[-1] = replace(self.executions[-1], upto=line, failed=True)
        self.running = False


_recorders: WeakKeyDictionary[Any, _Recorder] = WeakKeyDictionary()


def record(shell: Any) -> None:
    """Remember from now on what runs in a shell; once more is harmless.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    """
    forget(shell)
    recorder = _recorders.setdefault(shell, _Recorder(shell))
    shell.events.register("pre_run_cell", recorder.begin)
    shell.events.register("post_run_cell", recorder.end)


def forget(shell: Any) -> None:
    """Listen no more; what was heard is kept, in case somebody listens again."""
    recorder = _recorders.get(shell)
    if recorder is not None:
        for event, heard in (("pre_run_cell", recorder.begin), ("post_run_cell", recorder.end)):
            if heard in shell.events.callbacks[event]:
                shell.events.unregister(event, heard)


def history() -> History | None:
    """Everything that ran in this kernel; None outside of IPython.

    What ran before anybody listened is known from IPython's own history, without the ids of its cells.
    """
    shell = _shell()
    if shell is None:
        return None
    recorder = _recorders.get(shell)
    heard = list(recorder.executions) if recorder is not None else []
    since = recorder.since if recorder is not None else time.time()
    counts = {execution.count for execution in heard}
    earlier = [
        Execution(source, count, None, since, observed=False)
        for count, source in enumerate(shell.history_manager.input_hist_raw)
        if source and count not in counts
    ]
    everything = _merged(earlier, heard)
    line = _running(shell)
    if everything and line is not None:
        everything[-1] = replace(everything[-1], upto=line)
    return History(tuple(everything), shell.user_ns)


def _merged(earlier: list[Execution], heard: list[Execution]) -> list[Execution]:
    """Put what was only found in IPython's history where its number belongs."""
    merged: list[Execution] = []
    for execution in heard:
        while earlier and execution.count is not None and (earlier[0].count or 0) < execution.count:
            merged.append(earlier.pop(0))
        merged.append(execution)
    return merged + earlier


def _shell() -> Any:
    """The shell that runs a cell now, without importing IPython where it is not running."""
    running = next((shell for shell, recorder in _recorders.items() if recorder.running), None)
    found = getattr(sys.modules.get("IPython.core.getipython"), "get_ipython", None)
    return running if running is not None or found is None else found()


def _running(shell: Any) -> int | None:
    """The line that the running cell is at."""
    frame: FrameType | None = sys._getframe()
    line = None
    while frame is not None:
        if frame.f_globals is shell.user_ns and frame.f_code.co_name == "<module>":
            line = frame.f_lineno
        frame = frame.f_back
    return line


def _line(traceback: TracebackType | None, shell: Any) -> int:
    """The line of the cell at which an error left it."""
    while traceback is not None:
        if traceback.tb_frame.f_globals is shell.user_ns and traceback.tb_frame.f_code.co_name == "<module>":
            return traceback.tb_lineno
        traceback = traceback.tb_next
    return 0
