"""Fast lanes inside uvicorn's protocol: no task, no messages to and fro, one write.

Uvicorn starts a task for each request when its head is there. A request that takes a lane is held back until its
body is there, and answered then and there; one that leaves its lane gets its task a little later.
"""

from __future__ import annotations

from typing import Any

from nbdeploy.serving.fast.dispatch import FastLanes, Messages, Taken
from nbdeploy.serving.guard.patience import PatientProtocol

__all__ = ["SwiftProtocol", "swift"]

_OK = b"HTTP/1.1 200 OK\r\n"


class SwiftProtocol(PatientProtocol):
    """See the module. :func:`swift` gives it its patience."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._lanes = self.app if isinstance(self.app, FastLanes) else None
        self._held: tuple[Any, Taken] | None = None

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Hold a request back that takes a lane. What waited behind another one, its body perhaps here, is not."""
        if self._lanes is not None and cycle.more_body and app is self.app:
            taken = self._lanes.taken(cycle.scope)
            if taken is not None:
                self._held = cycle, taken
                return
        super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """Answer what was held back."""
        super().on_message_complete()
        if self._held is None or self._lanes is None:
            return
        (cycle, taken), self._held = self._held, None
        messages = None
        if not self.flow.write_paused:  # a client that takes no answers is waited for by a task
            messages = self._lanes.answer(taken, cycle.scope, bytes(cycle.body))
        if messages is None:
            super()._start_asgi_task(cycle, self.app)
        else:
            self._answer(cycle, messages)

    def _answer(self, cycle: Any, messages: Messages) -> None:
        start, content = messages
        parts = [_OK]
        for name, value in (*self.server_state.default_headers, *start["headers"]):
            parts += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", content["body"])
        self.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        cycle.on_response = _nothing


def swift(seconds: float) -> type[SwiftProtocol]:
    """Return the protocol with a patience of so many seconds."""
    return type("SwiftProtocol", (SwiftProtocol,), {"patience": seconds})


def _nothing() -> None:
    """What a cycle calls that has answered."""
