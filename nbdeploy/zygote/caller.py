"""The caller's side: the process is started, asked for workers, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from nbdeploy.errors import NbdeployError
from nbdeploy.zygote.endings import WorkerDied, kill
from nbdeploy.zygote.line import END, FORK, Line

__all__ = ["Worker", "Zygote"]


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
        self._line = Line(self._started() if self._parent is None else self._forked(self._parent))
        try:
            if self._parent is not None:
                self._line.send(self._output is not None)
                if self._output is not None:
                    self._line.send_file(self._output)
            self._line.send(self._request)
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
            if not self._line.waits(seconds):
                kill(self.pid)
                raise NbdeployError(f"it was not ready within {seconds:g} s")
            self._answer()

    @property
    def alive(self) -> bool:
        """Whether the process still listens."""
        with self._turn, contextlib.suppress(OSError):
            return not self._line.waits(0)  # nothing was asked, so that there is nothing to read but the end
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._line.send(END)
            self._line.hang_up()  # the process does so as it ends; whoever reaps it need not wait long then
        with self._turn:  # whoever waits for an answer has learnt by now that there will be none
            self._line.close()
        self._status()

    def fork(self) -> Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        with ours, theirs, self._turn:
            try:
                self._line.send(FORK)
                self._line.send_file(theirs.fileno())
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

    def _started(self) -> Connection:
        ours, theirs = socket.socketpair()
        with ours, theirs:
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
            return Connection(ours.detach())

    def _forked(self, parent: Zygote) -> Connection:
        worker = parent.fork()
        self.pid = worker.pid
        return worker.connection

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
                self._line.send(question)
            return self._answer()

    def _answer(self) -> Any:
        try:
            answer = self._line.receive()
        except (EOFError, OSError):
            raise NbdeployError(
                f"the process that worker processes come from ended with {self._status()}; what it said is above"
            ) from None
        if isinstance(answer, Exception):
            raise answer
        return answer
