"""What is between a caller and its zygote: messages one way and the other, and open files beside them.

The caller first sends what is to be prepared: its name, its arguments, and the seconds that workers have to end.
Each message after that is answered, but the last: :data:`FORK`, with a socket for the worker, by the worker's number;
a tuple of a function's name and arguments by nothing, when it was called; a worker's number by how that ended;
:data:`END` is the last. An answer that is an error is raised.
"""

from __future__ import annotations

import os
import socket
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

__all__ = ["END", "FORK", "Line"]

END = "end"
FORK = "fork"


class Line:
    """One end of it.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
        Over a socket of this machine; it is closed with the line.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, message: Any) -> None:
        """Send a message, which can be pickled."""
        self._connection.send(message)

    def receive(self) -> Any:
        """Wait for a message."""
        return self._connection.recv()

    def waits(self, seconds: float | None) -> bool:
        """Whether a message, or the end, arrives within some seconds; however long it takes, if None."""
        return self._connection.poll(seconds)

    def send_file(self, descriptor: int) -> None:
        """Send a copy of an open file."""
        socket.send_fds(self._socket, [b"."], [descriptor])

    def receive_file(self) -> int:
        """Wait for an open file, and return its number here."""
        _, (descriptor, *_), _, _ = socket.recv_fds(self._socket, 1, 1)
        return descriptor

    def hang_up(self) -> None:
        """Send nothing more, and wait until the other end has closed."""
        self._socket.shutdown(socket.SHUT_WR)
        while self._socket.recv(2**16):
            pass

    def close(self) -> None:
        """Let go of this end."""
        self._connection.close()
        self._socket.close()
