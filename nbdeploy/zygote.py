"""A clean process that gets ready once, and is forked for every worker: they share its memory, and nothing ran in it.

After a first prediction, forked children of some libraries hang (HistGradientBoosting, XGBoost, LightGBM,
Polars). So the process that is forked is not the caller's: it has loaded what workers need, and predicted
nothing. It ends when its caller does, however that ended, and ends its workers with it.

A zygote may be forked from another one (:data:`NURSERY`), and then shares what that one imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from nbdeploy.errors import NbdeployError

__all__ = [
    "NURSERY",
    "Serve",
    "Worker",
    "WorkerDied",
    "Zygote",
    "end_with_parent",
    "how_ended",
    "main",
    "nursery",
]

NURSERY = f"{__name__}:nursery"
"""What a zygote prepares whose workers are to be zygotes."""

ABANDONED_SECONDS = 1.0
"""How long workers have whose caller was killed; nobody waits for their answers."""

_END = "end"
_SET_PDEATHSIG = 1

Serve = Callable[[Connection], None]
"""What a forked worker does with its connection to the caller, until that is closed."""


class WorkerDied(NbdeployError):
    """A worker ended before it answered.

    Parameters
    ----------
    status : int
        As of :func:`os.waitpid`.
    """

    def __init__(self, status: int) -> None:
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        why = " (the system does that when memory runs out: try fewer workers)" if number == signal.SIGKILL else ""
        super().__init__(f"a worker process {how_ended(status)}{why}", signal=number, status=status)


def how_ended(status: int) -> str:
    """Say how a process ended, by its status as of :func:`os.waitpid`.

    Examples
    --------
    >>> how_ended(9), how_ended(256)
    ('was killed by SIGKILL', 'ended with 1')
    """
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with {os.waitstatus_to_exitcode(status)}"


class Worker:
    """A forked process.

    Attributes
    ----------
    pid : int
        Its number.
    connection : multiprocessing.connection.Connection
        What it is talked to by.
    """

    def __init__(self, zygote: Zygote, pid: int, connection: Connection) -> None:
        self._zygote = zygote
        self.pid = pid
        self.connection = connection

    def ask(self, question: Any) -> Any:
        """Send a question, and wait for the answer.

        Raises
        ------
        WorkerDied
            If the process ended meanwhile.
        """
        try:
            self.connection.send(question)
            return self.connection.recv()
        except (EOFError, ConnectionError):
            raise WorkerDied(self._zygote.status_of(self.pid)) from None


class Zygote:
    """The caller's end: a context manager that starts the process, and ends it with all its workers.

    Parameters
    ----------
    prepare : str
        ``module:function`` that gets ready in the process, and returns a :data:`Serve`.
    arguments : mapping
        What it is called with; each can be pickled.
    environment : mapping of str to str, optional
        Variables that the process has besides those of this one.
    python : str
        The interpreter.
    descriptors : sequence of int
        Open files of this process that it has too, under the same numbers.
    output : int, optional
        An open file that it and its workers write to instead of this process's standard output and error.
    patience : float
        Seconds that its workers have to end by themselves after the caller has let go; a second if it was killed.
    parent : Zygote, optional
        One that prepared :data:`NURSERY`: the process is forked from it. Interpreter, environment and descriptors
        are then the parent's.
    wait : bool
        Whether to wait until it is ready; :meth:`wait` does it otherwise.
    """

    def __init__(
        self,
        prepare: str,
        arguments: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        *,
        python: str = sys.executable,
        descriptors: Sequence[int] = (),
        output: int | None = None,
        patience: float = 0.0,
        parent: Zygote | None = None,
        wait: bool = True,
    ) -> None:
        self._request = (prepare, dict(arguments), patience)
        self._environment = {**os.environ, **(environment or {})}
        self._python, self._descriptors, self._output, self._parent = python, descriptors, output, parent
        self._wait = wait
        self._turn, self._reaping = threading.Lock(), threading.Lock()
        self._ended: int | None = None

    def __enter__(self) -> Zygote:
        self._socket = self._started() if self._parent is None else self._forked(self._parent)
        self._control = Connection(os.dup(self._socket.fileno()))
        try:
            if self._parent is not None:
                self._control.send(self._output is not None)
                if self._output is not None:
                    socket.send_fds(self._socket, [b"."], [self._output])
            self._control.send(self._request)
            if self._wait:
                self.wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the process is ready.

        Parameters
        ----------
        seconds : float, optional
            How long; then it is killed.

        Raises
        ------
        NbdeployError
            If it cannot get ready, with its reason.
        """
        with self._turn:
            if not self._control.poll(seconds):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                raise NbdeployError(f"it was not ready within {seconds:g} s")
            self._answer()

    @property
    def alive(self) -> bool:
        """Whether the process still listens."""
        with self._turn, contextlib.suppress(OSError):
            return not self._control.poll(0)  # nothing was asked, so that there is nothing to read but the end
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._control.send(_END)
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(2**16):  # it hangs up as it ends; whoever reaps it need not wait long then
                pass
        self._control.close()
        self._socket.close()
        self._status()

    def fork(self) -> Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with ours, theirs, self._turn:
            try:
                self._control.send("fork")
                socket.send_fds(self._socket, [b"."], [theirs.fileno()])
            except OSError:
                pass  # it is gone: what is told next says so
            return Worker(self, self._answer(), Connection(ours.detach()))

    def run(self, function: str, *arguments: Any) -> None:
        """Call ``module:function`` in the process, so that workers that are forked later share what it made ready."""
        self._told((function, arguments))

    def status_of(self, pid: int) -> int:
        """Wait for a worker to end, and return how it did, as :func:`os.waitpid` does."""
        status: int = self._told(pid)
        return status

    def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [self._python, "-P", "-m", "nbdeploy.zygote", str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=[theirs.fileno(), *self._descriptors],
                start_new_session=True,  # an interrupt of the terminal is for the caller, who then ends this
            )
        self.pid = self._process.pid
        return ours

    def _forked(self, parent: Zygote) -> socket.socket:
        worker = parent.fork()
        self.pid = worker.pid
        return socket.socket(fileno=os.dup(worker.connection.fileno()))

    def _status(self) -> int:
        """Wait for the process to end, and return how it did, as a program's exit code."""
        if self._parent is None:
            return self._process.wait()
        with self._reaping:
            if self._ended is None:
                self._ended = -signal.SIGKILL
                with contextlib.suppress(NbdeployError):
                    self._ended = os.waitstatus_to_exitcode(self._parent.status_of(self.pid))
            return self._ended

    def _told(self, question: Any) -> Any:
        with self._turn:
            with contextlib.suppress(OSError):
                self._control.send(question)
            return self._answer()

    def _answer(self) -> Any:
        try:
            answer = self._control.recv()
        except (EOFError, OSError):
            raise NbdeployError(
                f"the process that worker processes come from ended with {self._status()}; what it said is above"
            ) from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def main(descriptor: int) -> None:
    """Be the process: get ready, then fork when told to, until the caller is gone."""
    with Connection(descriptor) as control:
        _tend(control)


def nursery() -> Serve:
    """Let workers be zygotes of their own."""

    def serve(connection: Connection) -> None:
        if connection.recv():
            with socket.socket(fileno=os.dup(connection.fileno())) as line:
                _, (output, *_), _, _ = socket.recv_fds(line, 1, 1)
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            os.close(output)
        _tend(connection)

    return serve


def end_with_parent(parent: int) -> None:
    """Have the system kill this process when the one that forked it ends, whatever either of them is doing.

    Linux does that; elsewhere nothing happens.

    Parameters
    ----------
    parent : int
        The process that forked this one; if it has ended already, this one ends here.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _tend(control: Connection) -> None:
    name, arguments, patience = control.recv()
    try:
        serve: Serve = _found(name)(**arguments)
    except NbdeployError as error:
        control.send(error)
        return
    gc.collect()
    gc.freeze()  # so that counting references does not copy the pages that workers share
    control.send(None)
    workers, ended = set[int](), dict[int, int]()
    left = min(patience, ABANDONED_SECONDS)
    with socket.socket(fileno=os.dup(control.fileno())) as line, contextlib.suppress(EOFError, ConnectionError):
        while True:
            told = control.recv()
            if told == _END:
                left = patience
                break
            if told == "fork":
                _reap(workers, ended)
                pid = _forked(serve, control, line)
                workers.add(pid)
                ended.pop(pid, None)
                control.send(pid)
            elif isinstance(told, tuple):
                control.send(_ran(*told))
            else:
                workers.discard(told)
                control.send(ended.pop(told) if told in ended else os.waitpid(told, 0)[1])
    _end(workers, left)


def _end(workers: set[int], patience: float) -> None:
    """Wait for workers, whose connections ended as the caller did, then kill those that are left."""
    deadline = time.monotonic() + patience
    while workers and time.monotonic() < deadline:
        _reap(workers, {})
        time.sleep(0.01)
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _reap(workers: set[int], ended: dict[int, int]) -> None:
    """Let go of the workers that have ended, and remember how."""
    for pid in [*workers]:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            workers.discard(pid)
            ended[pid] = status


def _ran(name: str, arguments: tuple[Any, ...]) -> Exception | None:
    try:
        _found(name)(*arguments)
    except Exception as error:
        return NbdeployError(f"{type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()
    return None


def _found(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _forked(serve: Serve, control: Connection, line: socket.socket) -> int:
    """Fork, and return the child's number; the child never returns."""
    _, (descriptor, *_), _, _ = socket.recv_fds(line, 1, 1)
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    status = 1
    try:
        control.close()
        line.close()
        with Connection(descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
            serve(connection)
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
