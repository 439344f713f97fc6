"""Bodies that are there already: what has to be waited for is left to the usual way, which knows how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

__all__ = ["Receive", "body_arrived"]

Receive = Callable[[], Coroutine[Any, Any, Any]]


def body_arrived(receive: Receive) -> tuple[bytes | None, Receive]:
    """Return a request's body if it is there, without waiting.

    Parameters
    ----------
    receive : callable
        Of ASGI, not called before.

    Returns
    -------
    body : bytes or None
        None if it is not there, or not all of it.
    receive : callable
        Gives everything from the beginning.
    """
    begun = receive()
    try:
        waiting = begun.send(None)
    except StopIteration as done:
        message = done.value
    else:
        return None, _first(lambda: _Begun(begun, waiting), receive)
    whole = message["type"] == "http.request" and not message.get("more_body", False)

    async def given() -> Any:
        return message

    return (message.get("body", b"") if whole else None), _first(given, receive)


def _first(first: Callable[[], Awaitable[Any]], receive: Receive) -> Receive:
    """What receives from one source once, and from another then."""
    left = [first]

    async def again() -> Any:
        return await (left.pop() if left else receive)()

    return again


class _Begun:
    """A coroutine that was run up to where it waits, to be awaited on."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waiting: Any) -> None:
        self._coroutine = coroutine
        self._waiting = waiting

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            yield self._waiting
        except BaseException:
            self._coroutine.close()
            raise
        return (yield from self._coroutine.__await__())
