"""How much an endpoint takes on at once: requests, and bytes of their bodies. The rest is sent away at once.

What waits costs memory and answers late; a client that is told to come back later can choose.
"""

from __future__ import annotations

from nbdeploy.errors import Busy

__all__ = ["Room"]


class Room:
    """The requests that one process works on, those that wait included. For one event loop.

    Parameters
    ----------
    requests : int
        How many there may be.
    size : int
        How many bytes their bodies may have together, in bytes. One body alone is always let in: its own limit is
        another.

    Examples
    --------
    >>> room = Room(1, 100)
    >>> room.enter()
    >>> room.enter()
    Traceback (most recent call last):
        ...
    nbdeploy.errors.Busy: the endpoint works on 1 request already, which is its limit; try again in 1 s
    """

    __slots__ = ("_most", "_size", "bytes", "requests")

    def __init__(self, requests: int, size: int) -> None:
        self._most = requests
        self._size = size
        self.requests = 0
        self.bytes = 0

    def enter(self) -> None:
        """Begin a request; :meth:`leave` has to follow.

        Raises
        ------
        Busy
            If there are as many as there may be.
        """
        if self.requests >= self._most:
            plural = "" if self._most == 1 else "s"
            raise Busy(f"the endpoint works on {self._most} request{plural} already, which is its limit")
        self.requests += 1

    def take(self, size: int) -> None:
        """Hold `size` more bytes of a body; :meth:`leave` has to give them back.

        Raises
        ------
        Busy
            If all bodies together would be too large.
        """
        if self.bytes and self.bytes + size > self._size:
            raise Busy(f"the bodies of the requests under way have {self.bytes} bytes, of {self._size} that may be")
        self.bytes += size

    def leave(self, size: int = 0) -> None:
        """End a request whose body had `size` bytes."""
        self.requests -= 1
        self.bytes -= size
