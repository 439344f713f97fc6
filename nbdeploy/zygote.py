"""A clean process that gets ready once, and is forked for every worker: they share its memory, and nothing ran in it.

After a first prediction, forked children of some libraries hang (HistGradientBoosting, XGBoost, LightGBM,
Polars). So the process that is forked is not the caller's: it has loaded what workers need, and predicted
nothing. It ends when its caller does, however that ended, and ends its workers with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from nbdeploy.errors import NbdeployError

__all__ = ["Serve", "Worker", "WorkerDied", "Zygote", "main"]

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
        how = (
            f"was killed by {signal.Signals(number).name}"
            if number
            else f"ended with {os.waitstatus_to_exitcode(status)}"
        )
        why = " (the system does that when memory runs out: try fewer workers)" if number == signal.SIGKILL else ""
        super().__init__(f"a worker process {how}{why}", signal=number, status=status)


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
    """

    def __init__(
        self, prepare: str, arguments: Mapping[str, Any], environment: Mapping[str, str] | None = None
    ) -> None:
        self._request = (prepare, dict(arguments))
        self._environment = {**os.environ, **(environment or {})}
        self._turn = threading.Lock()

    def __enter__(self) -> Zygote:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "nbdeploy.zygote", str(theirs.fileno())],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # an interrupt of the terminal is for the caller, who then ends this
            )
        self._socket = ours
        self._control = Connection(os.dup(ours.fileno()))
        try:
            self._told(self._request)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._control.close()
        self._socket.close()
        self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def fork(self) -> Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with theirs, self._turn:
            self._control.send("fork")
            socket.send_fds(self._socket, [b"."], [theirs.fileno()])
            pid = self._answer()
        return Worker(self, pid, Connection(ours.detach()))

    def status_of(self, pid: int) -> int:
        """Wait for a worker to end, and return how it did, as :func:`os.waitpid` does."""
        status: int = self._told(pid)
        return status

    def _told(self, question: Any) -> Any:
        with self._turn:
            self._control.send(question)
            return self._answer()

    def _answer(self) -> Any:
        try:
            answer = self._control.recv()
        except (EOFError, ConnectionError):
            raise NbdeployError(
                f"the process that worker processes come from ended with {self._process.wait()}; what it said is above"
            ) from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def main(descriptor: int) -> None:
    """Be the process: get ready, then fork when told to, until the caller is gone."""
    control, line = Connection(descriptor), socket.socket(fileno=os.dup(descriptor))
    name, arguments = control.recv()
    module, _, attribute = name.partition(":")
    try:
        serve: Serve = getattr(import_module(module), attribute)(**arguments)
    except NbdeployError as error:
        control.send(NbdeployError(str(error)))
        return
    gc.collect()
    gc.freeze()  # so that counting references does not copy the pages that workers share
    control.send(None)
    workers, ended = set[int](), dict[int, int]()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            told = control.recv()
            if told == "fork":
                _reap(workers, ended)
                pid = _forked(serve, control, line)
                workers.add(pid)
                ended.pop(pid, None)
                control.send(pid)
            else:
                workers.discard(told)
                control.send(ended.pop(told) if told in ended else os.waitpid(told, 0)[1])
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
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main(int(sys.argv[1]))
