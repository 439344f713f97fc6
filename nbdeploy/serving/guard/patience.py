"""Clients that send slowly: how long a request's head and body may take to arrive.

A request that arrives in one piece costs nothing here. Otherwise a timer looks whether what has come by now is
enough: a head within the endpoint's patience, a body within that and one second for each 500 bytes of it
(the rule and the number of Apache's ``mod_reqtimeout``). A client that does not take its answer is left to the
system, which ends a connection on which nothing moves (``TCP_USER_TIMEOUT``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nbdeploy.wire.messages import Fault

__all__ = ["PatientProtocol", "patient"]

BYTES_PER_SECOND = 500
HEAD_LIMIT = 64 * 2**10
_SILENT_MILLISECONDS = 60_000


class PatientProtocol(HttpToolsProtocol):
    """Uvicorn's HTTP/1.1 with an end to waiting. :func:`patient` gives it its patience."""

    patience = 20.0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._incomplete = False
        self._in_body = False
        self._begun = 0.0
        self._came = 0
        self._idle: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a client that says nothing the time that one between two requests has."""
        super().connection_made(transport)
        _end_when_stuck(transport)
        self._idle = self.loop.time()
        self._wait_idly(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop()
        super()._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start or stop to wait for the rest of a request."""
        self._came += len(data)
        if self._incomplete and not self._in_body and self._came > HEAD_LIMIT:
            self._refuse("431 Request Header Fields Too Large", f"the request's head has more than {HEAD_LIMIT} bytes")
            return
        super().data_received(data)
        if not self._incomplete:
            if self._timer is not None:
                self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._begun, self._came = self.loop.time(), len(data)
            self._timer = self.loop.call_later(self.patience, self._look)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._incomplete, self._in_body = True, False
        if self._timer is not None:
            self._stop()

    def on_headers_complete(self) -> None:
        """A body begins, if there is one."""
        super().on_headers_complete()
        self._in_body = True
        self._begun, self._came = self.loop.time(), 0

    def on_message_complete(self) -> None:
        """All is here."""
        super().on_message_complete()
        self._incomplete = False

    def on_response_complete(self) -> None:
        """Wait for the next request, with a timer of its own."""
        super()._unset_keepalive_if_required()
        super().on_response_complete()
        self._idle = self.loop.time()

    def await_next(self) -> None:
        """Wait for the next request as well, where no other is before it: one timer looks after many of them."""
        self.server_state.total_requests += 1
        self._idle = self.loop.time()
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self._wait_idly(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which nothing was asked for long. Whatever is being answered waits anew after that."""
        self.timeout_keep_alive_task = None
        if self._idle is None:
            return
        left = self._idle + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._wait_idly(left)
        else:
            super().timeout_keep_alive_handler()

    def _wait_idly(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer alone: it looks itself whether somebody asked meanwhile."""
        self._idle = None

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Has enough come? While the endpoint itself does not read on, it is not the client who is slow."""
        self._timer = None
        if self.transport.is_closing() or not self._incomplete:
            return
        if self.flow.read_paused:
            self._begun, self._came = self.loop.time(), 0
        earned = self._came / BYTES_PER_SECOND if self._in_body else 0.0
        left = self._begun + self.patience + earned - self.loop.time()
        if left > 0:
            self._timer = self.loop.call_later(left, self._look)
            return
        if self._in_body and self.cycle.response_started:
            self.transport.close()
            return
        what = "body" if self._in_body else "head"
        message = f"the request's {what} did not arrive within {self.patience:g} s; send it faster"
        self._refuse("408 Request Timeout", message)

    def _refuse(self, status: str, message: str) -> None:
        body = msgspec.json.encode(Fault(message))
        head = (
            f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def patient(seconds: float) -> type[PatientProtocol]:
    """Return the protocol with a patience of so many seconds."""
    return type("PatientProtocol", (PatientProtocol,), {"patience": seconds})


def _end_when_stuck(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_MILLISECONDS)
