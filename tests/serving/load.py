"""A small load generator: clients that ask one after the other, over connections that are kept, and count what comes.

As real clients do, they ask again when a connection ends before an answer came; how often is counted too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_LOST = (ConnectionError, asyncio.IncompleteReadError)


PATIENCE = 60.0


@dataclass
class Counts:
    """What came back: right, wrong, refused (status and body), asked again, given up."""

    right: int = 0
    wrong: list[Any] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    again: int = 0
    lost: int = 0
    versions: set[str] = field(default_factory=set)

    @property
    def clean(self) -> bool:
        return self.right > 0 and not self.wrong and not self.refused and not self.lost


@dataclass
class Client:
    """One connection, made when it is needed."""

    url: str
    token: str
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        place = urlsplit(self.url)
        if self._streams is None:
            self._streams = await asyncio.open_connection(place.hostname, place.port)
        reader, writer = self._streams
        head = f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {self.token}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        content = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), headers, content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@contextlib.contextmanager
def load(
    place: Any, path: str, rows: Callable[[int], Any], right: Callable[[int, str, Any], bool], clients: int = 4
) -> Iterator[Counts]:
    """Ask as long as the block lasts.

    Parameters
    ----------
    place : Place
        The endpoint.
    path : str
        Where to post to.
    rows : callable
        Makes the rows of request number n.
    right : callable
        Whether the answer to request number n, by that version, is the right one.
    """
    counts, ending = Counts(), threading.Event()

    async def ask(first: int) -> None:
        client, n = Client(place.url, place.connection.token), first
        while not ending.is_set():
            await _asked(client, path, n, rows, right, counts, ending)
            n += clients
        client.close()

    async def all_of_them() -> None:
        await asyncio.gather(*(ask(i) for i in range(clients)))

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    try:
        yield counts
    finally:
        ending.set()
        thread.join(60)


async def _asked(
    client: Client,
    path: str,
    n: int,
    rows: Callable[[int], Any],
    right: Callable[[int, str, Any], bool],
    counts: Counts,
    ending: threading.Event,
) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            status, headers, content = await client.post(path, json.dumps(rows(n)).encode())
        except (*_LOST, OSError):
            client.close()
            if ending.is_set():
                return
            counts.again += 1
            await asyncio.sleep(0.05)
            continue
        version = headers.get("x-nbdeploy-version", "")
        if status != 200:
            counts.refused.append((status, content.decode()))
        elif right(n, version, json.loads(content)):
            counts.right += 1
            counts.versions.add(version)
        else:
            counts.wrong.append((n, version, content))
        return
    counts.lost += 1
