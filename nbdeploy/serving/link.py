"""A two-way line between two processes of one endpoint: messages, and open sockets beside them."""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Gone", "Link"]


class Gone(Exception):
    """The process at the other end has ended."""


class Link:
    """One end of a line. Any thread may send; one thread receives.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
        Over a socket of this machine.
    encode, decode : callable
        Message to bytes and back. By default what arrives is unpickled: only for processes that run no code but ours.
    """

    def __init__(
        self,
        connection: Connection,
        encode: Callable[[Any], bytes] = pickle.dumps,
        decode: Callable[[bytes], Any] = pickle.loads,
    ) -> None:
        self._connection, self._encode, self._decode = connection, encode, decode
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._turn = threading.Lock()

    def fileno(self) -> int:
        """Return what to wait for with ``select``."""
        return self._socket.fileno()

    def send(self, message: Any, descriptors: Sequence[int] = ()) -> None:
        """Send a message, with copies of open sockets.

        Raises
        ------
        Gone
            If the other end is.
        """
        try:
            with self._turn:
                self._connection.send_bytes(bytes([len(descriptors)]) + self._encode(message))
                if descriptors:
                    socket.send_fds(self._socket, [b"."], list(descriptors))
        except (OSError, ValueError) as error:
            raise Gone from error

    def receive(self) -> tuple[Any, list[socket.socket]]:
        """Wait for a message, and the sockets that came with it.

        Raises
        ------
        Gone
            If the other end is.
        """
        try:
            received = self._connection.recv_bytes()
            sockets = self._received(received[0])
        except (EOFError, OSError) as error:
            raise Gone from error
        return self._decode(received[1:]), sockets

    def waits(self, seconds: float) -> bool:
        """Whether a message, or the end, arrives within some seconds."""
        return self._connection.poll(seconds)

    def close(self) -> None:
        """Hang up; whoever waits for a message at either end learns of it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._connection.close()
        self._socket.close()

    def _received(self, count: int) -> list[socket.socket]:
        if not count:
            return []
        _, descriptors, _, _ = socket.recv_fds(self._socket, 1, count)
        return [socket.socket(fileno=descriptor) for descriptor in descriptors]
