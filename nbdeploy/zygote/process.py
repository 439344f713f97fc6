"""The process's side: it gets ready, forks when it is told to, and ends with its caller."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from nbdeploy.errors import NbdeployError
from nbdeploy.zygote.endings import kill
from nbdeploy.zygote.line import END, FORK, Line

__all__ = ["NURSERY", "Serve", "main", "nursery"]

NURSERY = f"{__package__}:nursery"
"""What a zygote prepares whose workers are to be zygotes."""

ABANDONED_SECONDS = 1.0
"""How long workers have whose caller was killed; nobody waits for their answers."""

Serve = Callable[[Connection], None]
"""What a forked worker does with its connection to the caller, until that is closed."""


def main(descriptor: int) -> None:
    """Be the process: get ready, then fork when told to, until the caller is gone."""
    with Line(Connection(descriptor)) as line:
        _tend(line)


def nursery() -> Serve:
    """Let workers be zygotes of their own."""

    def serve(connection: Connection) -> None:
        with Line(connection) as line:
            if line.receive():
                output = line.receive_file()
                for descriptor in (1, 2):
                    os.dup2(output, descriptor)
                os.close(output)
            _tend(line)

    return serve


def _tend(line: Line) -> None:
    name, arguments, patience = line.receive()
    try:
        serve: Serve = _found(name)(**arguments)
    except NbdeployError as error:
        line.send(error)
        return
    _freeze()
    line.send(None)
    workers = _Workers(serve, line)
    left = min(patience, ABANDONED_SECONDS)
    with contextlib.suppress(EOFError, ConnectionError):
        while (told := line.receive()) != END:
            if told == FORK:
                line.send(workers.fork())
            elif isinstance(told, tuple):
                line.send(_ran(*told))
            else:
                line.send(workers.status_of(told))
        left = patience
    workers.end(left)


class _Workers:
    """What was forked.

    Parameters
    ----------
    serve : Serve
        What each does.
    line : Line
        To the caller, whom they do not talk to by it.
    """

    def __init__(self, serve: Serve, line: Line) -> None:
        self._serve, self._line = serve, line
        self._working, self._ended = set[int](), dict[int, int]()

    def fork(self) -> int:
        """Start another one, and return its number; the child itself never returns."""
        self._reap()
        descriptor = self._line.receive_file()
        pid = os.fork()
        if not pid:
            self._work(descriptor)
        os.close(descriptor)
        self._working.add(pid)
        self._ended.pop(pid, None)
        return pid

    def status_of(self, pid: int) -> int:
        """Wait for one to end, and return how it did."""
        self._working.discard(pid)
        return self._ended.pop(pid) if pid in self._ended else os.waitpid(pid, 0)[1]

    def end(self, patience: float) -> None:
        """Wait for those whose connections ended as the caller did, then kill those that are left."""
        deadline = time.monotonic() + patience
        while self._working and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.01)
        for pid in self._working:
            kill(pid)
            os.waitpid(pid, 0)

    def _reap(self) -> None:
        """Let go of those that have ended, and remember how."""
        for pid in [*self._working]:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._working.discard(pid)
                self._ended[pid] = status

    def _work(self, descriptor: int) -> NoReturn:
        status = 1
        try:
            self._line.close()
            with Connection(descriptor) as connection, contextlib.suppress(EOFError, ConnectionError):
                self._serve(connection)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)


def _ran(name: str, arguments: tuple[Any, ...]) -> Exception | None:
    try:
        _found(name)(*arguments)
    except Exception as error:
        return NbdeployError(f"{type(error).__name__}: {error}")
    _freeze()
    return None


def _found(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def _freeze() -> None:
    """Keep what is there out of later collections, which would copy the pages that workers share."""
    gc.collect()
    gc.freeze()
