"""Bodies are looked at without waiting, and nothing of them is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nbdeploy.serving.fast.arrived import body_arrived


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_that_is_there_is_given_and_can_be_read_again() -> None:
    """By whoever answers instead."""

    async def receive() -> Any:
        return part(b"rows")

    async def read() -> Any:
        body, again = body_arrived(receive)
        return body, await again(), await again()

    assert asyncio.run(read()) == (b"rows", part(b"rows"), part(b"rows"))


def test_a_body_that_is_on_its_way_is_not_waited_for() -> None:
    """It is read to its end by whoever waits for it; so is one of which a part is there."""

    async def read(first: list[Any]) -> Any:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        for message in first:
            queue.put_nowait(message)
        body, again = body_arrived(queue.get)
        asyncio.get_running_loop().call_later(0.01, queue.put_nowait, part(b"late"))
        return body, [await again() for _ in range(len(first) + 1)]

    assert asyncio.run(read([])) == (None, [part(b"late")])
    assert asyncio.run(read([part(b"early", more=True)])) == (None, [part(b"early", more=True), part(b"late")])


def test_waiting_can_be_cancelled() -> None:
    """As with a time limit; what waited is told."""
    told: list[str] = []

    async def receive() -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            told.append("ended")

    async def read() -> None:
        _, again = body_arrived(receive)
        async with asyncio.timeout(0.01):
            await again()

    with pytest.raises(TimeoutError):
        asyncio.run(read())
    assert told == ["ended"]
