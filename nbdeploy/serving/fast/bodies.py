"""Bodies read to their end, and given once more to whoever answers instead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["Receive", "read_body"]

Receive = Callable[[], Awaitable[Any]]


async def read_body(receive: Receive) -> tuple[bytes | None, Receive]:
    """Read a request's body.

    Parameters
    ----------
    receive : callable
        Of ASGI, not called before.

    Returns
    -------
    body : bytes or None
        None if the client left.
    receive : callable
        Gives all messages once more, and then what follows.
    """
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body", False):
        messages.append(await receive())
    whole = messages[-1]["type"] == "http.request"
    body = b"".join([message.get("body", b"") for message in messages]) if whole else None

    async def again() -> Any:
        return messages.pop(0) if messages else await receive()

    return body, again
