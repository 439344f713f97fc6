"""Fast lanes inside uvicorn's protocol: no task, no messages to and fro, one write.

Uvicorn makes a cycle for each request when its head is there, and starts a task. A request that takes a lane is held
back until its body is there, and answered then and there, or when a process of the version has answered; if it is
the twin that answers a body that comes in the same piece, it needs no cycle. One that leaves its lane gets its task
a little later.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from nbdeploy.serving.exchange import CALLER, REFUSAL
from nbdeploy.serving.fast.dispatch import FastLanes, Reply, Taken
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.patience import PatientProtocol

__all__ = ["SwiftProtocol", "swift"]

_OK = b"HTTP/1.1 200 OK"


class SwiftProtocol(PatientProtocol):
    """See the module. :func:`swift` gives it its patience."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._lanes = self.app if isinstance(self.app, FastLanes) else None
        self._taken: Taken | None = None
        self._held: tuple[Any, Taken] | None = None
        self._pieces: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Make a cycle for a request whose body is not all here."""
        super().data_received(data)
        if self._taken is not None:
            self._make_cycle()

    def on_headers_complete(self) -> None:
        """Take a lane, if there is one and no other request is before this one."""
        if self._lanes is not None and self._is_free and self.parser.get_method() == b"POST":
            self._taken, self._pieces = self._lanes.taken(self.url.decode("latin-1"), self.headers), []
        if self._taken is None:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep what came. Reading goes on: a lane takes no more than uvicorn keeps of a body that nobody reads."""
        if self._taken is None and self._held is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Answer what took a lane, or was held back."""
        if self._taken is not None and self._lanes is not None:
            found = self._lanes.answer(self._taken, b"", b"".join(self._pieces))
            if isinstance(found, Reply):
                self._taken, self._incomplete = None, False
                keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
                self._write(found, keep_alive)
                self.await_next()
                return
            self.scope[CALLER] = found  # type: ignore[literal-required]
            self._make_cycle()
        super().on_message_complete()
        if self._held is not None:
            self._answer_held(*self._held)

    @property
    def _is_free(self) -> bool:
        """Whether an answer can be written at once."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _make_cycle(self) -> None:
        pieces, self._taken = self._pieces, None
        super().on_headers_complete()
        for piece in pieces:
            self.on_body(piece)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Hold a request back that takes a lane. What waited behind another one, its body perhaps here, is not."""
        if self._lanes is not None and cycle.more_body and app is self.app:
            taken = self._lanes.taken_by(cycle.scope, relayed=True)
            if taken is not None:
                self._held, self._pieces = (cycle, taken), [bytes(cycle.body)]
                return
        super()._start_asgi_task(cycle, app)

    def _answer_held(self, cycle: Any, taken: Taken) -> None:
        query, body = cycle.scope["query_string"], b"".join(self._pieces)
        self._held, self._pieces, cycle.body = None, [], body
        if self._lanes is None or self.flow.write_paused:  # a task waits for the client
            super()._start_asgi_task(cycle, self.app)
            return
        if taken[0].relayed is not None:
            self._lanes.relay(taken, query, body, partial(self._found, cycle))
        else:
            self._found(cycle, self._lanes.answer(taken, query, body))

    def _found(self, cycle: Any, found: Reply | Caller | None, refusal: Exception | None = None) -> None:
        """Write a reply, which the client may not have waited for; or let the application answer."""
        if isinstance(found, Reply):
            if not cycle.disconnected:
                self._write(found, cycle.keep_alive)
            cycle.response_started = cycle.response_complete = True
            cycle.on_response()
            cycle.on_response = _nothing
            return
        cycle.scope[CALLER] = found
        if refusal is not None:
            cycle.scope[REFUSAL] = refusal
        super()._start_asgi_task(cycle, self.app)

    def _write(self, reply: Reply, keep_alive: bool) -> None:
        lines = [_OK, *map(b": ".join, self.server_state.default_headers), *map(b": ".join, reply.headers)]
        if not keep_alive:
            lines.append(b"connection: close")
        lines += b"", reply.body
        self.transport.write(b"\r\n".join(lines))
        if not keep_alive:
            self.transport.close()


def _nothing() -> None:
    """What a cycle calls that has answered."""


def swift(seconds: float) -> type[SwiftProtocol]:
    """Return the protocol with a patience of so many seconds."""
    return type("SwiftProtocol", (SwiftProtocol,), {"patience": seconds})
