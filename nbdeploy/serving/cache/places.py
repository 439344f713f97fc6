"""Where answers are kept: in this process, or in a Redis server that several share."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

from nbdeploy.errors import InvalidData

__all__ = ["Memory", "Place", "Redis", "place_of"]

_log = logging.getLogger(__name__)
_SCHEMES = ("redis://", "rediss://", "unix://")


class Place(Protocol):
    """Keeps bytes by name, for a while. From any thread."""

    near: bool
    """Whether looking takes less than a microsecond or two."""

    def get(self, name: bytes) -> bytes | None:
        """Return what is kept under a name, if it still is."""

    def put(self, name: bytes, content: bytes) -> None:
        """Keep something."""

    def close(self) -> None:
        """Let go of connections."""


class Memory:
    """Keeps so much in this process, and throws away what was not asked for longest.

    Parameters
    ----------
    entries : int
        How many answers.
    size : int
        How many bytes together.

    Examples
    --------
    >>> memory = Memory(1)
    >>> memory.put(b"a", b"1"), memory.put(b"b", b"2"), memory.get(b"a"), memory.get(b"b")
    (None, None, None, b'2')
    """

    near = True

    def __init__(self, entries: int, size: int = 256 * 2**20) -> None:
        self._entries = entries
        self._size = size
        self._held = 0
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: bytes) -> bytes | None:
        """See :class:`Place`."""
        with self._lock:
            content = self._kept.get(name)
            if content is not None:
                self._kept.move_to_end(name)
            return content

    def put(self, name: bytes, content: bytes) -> None:
        """See :class:`Place`."""
        with self._lock:
            self._held += len(content) - len(self._kept.pop(name, b""))
            self._kept[name] = content
            while len(self._kept) > self._entries or self._held > self._size:
                self._held -= len(self._kept.popitem(last=False)[1])

    def close(self) -> None:
        """See :class:`Place`."""
        with self._lock:
            self._kept.clear()
            self._held = 0


class Redis:
    """Keeps answers in a Redis server; while it does not answer, nothing is kept and nobody waits for it.

    Parameters
    ----------
    url : str
        ``redis://[[user]:password@]host[:port][/database]``, or ``rediss://`` or ``unix://``.
    clock : callable
        Seconds.
    """

    near = False
    SECONDS = 24 * 3600
    """How long an answer is kept that nobody asks for."""
    PATIENCE = 0.5
    PAUSE = 5.0
    """For how many seconds a server is left alone that did not answer in :attr:`PATIENCE`."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            import redis
        except ImportError:
            raise InvalidData("a cache in Redis needs its client: pip install 'nbdeploy[redis]'") from None
        self._failures: Any = (redis.RedisError, OSError)
        try:
            self._client: Any = redis.Redis.from_url(
                url, socket_timeout=self.PATIENCE, socket_connect_timeout=self.PATIENCE
            )
        except ValueError as error:
            raise InvalidData(f"--cache: the address of the Redis server is not understood: {error}") from None
        self._clock = clock
        self._until = 0.0

    def get(self, name: bytes) -> bytes | None:
        """See :class:`Place`."""
        content = self._asked(lambda: self._client.getex(name, ex=self.SECONDS))
        return content if isinstance(content, bytes) else None

    def put(self, name: bytes, content: bytes) -> None:
        """See :class:`Place`."""
        self._asked(lambda: self._client.set(name, content, ex=self.SECONDS))

    def close(self) -> None:
        """See :class:`Place`."""
        self._client.close()

    def _asked(self, command: Callable[[], Any]) -> Any:
        if self._clock() < self._until:
            return None
        try:
            return command()
        except self._failures as error:
            self._until = self._clock() + self.PAUSE
            # The error's text may quote the address, and with it the password.
            _log.warning("the cache in Redis does not answer (%s); on without it", type(error).__name__)
            return None


def place_of(given: str) -> Place | None:
    """Return where answers are kept: ``10000`` answers in this process, or a Redis server's URL; nowhere if empty.

    Raises
    ------
    InvalidData
        If it is neither.
    """
    if not given or given == "0":
        return None
    if given.isascii() and given.isdecimal():
        return Memory(int(given))
    if given.startswith(_SCHEMES):
        return Redis(given)
    raise InvalidData(
        "--cache is not understood; give a number of answers to keep in memory, as 10000, or the address of a Redis "
        "server, as redis://localhost:6379/0"
    )
