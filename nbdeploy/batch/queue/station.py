"""Where the dispatcher of a home and a database is found, and woken."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from nbdeploy.batch.detached import last_words, start_detached
from nbdeploy.batch.processes import here
from nbdeploy.errors import Unreachable
from nbdeploy.files import writing

__all__ = ["Bell", "Station"]

START_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_RETRY_SECONDS = 0.05
_NOBODY = {errno.ENXIO, errno.ENOENT, errno.EPIPE}


class Bell:
    """A pipe with a name that wakes whoever reads it; it is open while somebody does, and no longer.

    Parameters
    ----------
    path : Path
        The pipe.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends: list[int] = []

    def open(self) -> None:
        """Begin to listen."""
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._path, 0o600)
        reading = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK)
        # A pipe without any writer would always seem to have something to read.
        self._ends = [reading, os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)]

    def close(self) -> None:
        """Listen no longer: whoever rings from here on is told that nobody does."""
        while self._ends:
            os.close(self._ends.pop())

    def fileno(self) -> int:
        """What to wait for."""
        return self._ends[0]

    def clear(self) -> None:
        """Forget how often it was rung."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._ends[0], 4096):
                pass


class Station:
    """The place of the one process that starts the queued runs of a user, a home and a database on this machine.

    Parameters
    ----------
    home : Path
        The home of the runs.
    url : str
        The database, with its password.
    """

    def __init__(self, home: Path, url: str) -> None:
        key = hashlib.sha256(f"{here()}\n{os.getuid()}\n{url}".encode()).hexdigest()[:16]
        self.home, self.url = home, url
        self._folder = home / "queue"
        self._bell = self._folder / f"{key}.bell"
        self._lock = self._folder / f"{key}.lock"
        self._log = self._folder / f"{key}.log"

    def wake(self) -> None:
        """See to it that a dispatcher lives, and looks at the queue from now on.

        Raises
        ------
        Unreachable
            If none begins; the message has the end of its log. What is queued stays so.
        NotWritable
            If the folder of the home cannot be written.
        """
        if self.ring():
            return
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            words = ["nbdeploy.batch.queue.dispatcher", str(self.home)]
            process = start_detached(words, self.url, self._log, self.home)
        until = time.monotonic() + START_SECONDS
        while not self.ring():
            if time.monotonic() > until or (process.poll() is not None and not self.ring()):
                said = last_words(self._log)
                raise Unreachable(f"no run can be started; the end of {self._log}:\n{said}", log=str(self._log))
            time.sleep(_LOOK_SECONDS)

    def ring(self) -> bool:
        """Wake the dispatcher; False if there is none."""
        try:
            end = os.open(self._bell, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NOBODY:
                return False
            raise
        try:
            os.write(end, b"\n")
        except BlockingIOError:  # it was rung often enough
            return True
        except BrokenPipeError:
            return False
        finally:
            os.close(end)
        return True

    @contextlib.contextmanager
    def manned(self) -> Iterator[Bell | None]:
        """The bell, open, if this process is the one; None if another one listens."""
        lock = FileLock(self._lock)
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:  # it lives, or is about to leave
                if self.ring():
                    yield None
                    return
                time.sleep(_RETRY_SECONDS)
        bell = Bell(self._bell)
        try:
            bell.open()
            yield bell
        finally:
            bell.close()
            lock.release()
