"""Connections are kept for some time after an answer, and then closed."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from nbdeploy.serving.app import application
from nbdeploy.serving.fast.protocol import swift
from nbdeploy.serving.service import Service
from tests.serving.fast.told import MIXED, ROW, Told, serve

SECONDS = 1.0
RECORD = b'{"age": 1.5, "n": 3, "plan": "b", "ok": true}'


def request(more: str = "") -> bytes:
    head = f"POST /models/told/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(RECORD)}\r\n{more}\r\n"
    return head.encode() + RECORD


LANE, USUAL = request(), request("Accept: text/csv\r\n")


@pytest.fixture
def connection(service: Service) -> Iterator[socket.socket]:
    assert serve(service, MIXED, ROW | {"age": 1.5})  # in a lane, if it is asked plainly
    config = uvicorn.Config(
        application(service), http=swift(5.0), lifespan="off", log_config=None, timeout_keep_alive=SECONDS
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        with socket.create_connection(listening.getsockname(), timeout=20) as made:
            yield made
        server.should_exit = True
        thread.join(20)


def answered(connection: socket.socket, sent: bytes) -> bool:
    connection.sendall(sent)
    return connection.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")


def waited(connection: socket.socket) -> float:
    """Seconds until the other side closes."""
    begun = time.monotonic()
    assert connection.recv(1) == b""
    return time.monotonic() - begun


@pytest.mark.parametrize("sent", [[], [LANE, LANE, USUAL], [USUAL, USUAL]])
def test_each_request_begins_the_time_anew(connection: socket.socket, sent: list[bytes]) -> None:
    """Whichever way it was answered."""
    for one in sent:
        assert answered(connection, one)
        time.sleep(0.7 * SECONDS)
    assert answered(connection, LANE)
    assert 0.9 * SECONDS < waited(connection) < 5 * SECONDS


@pytest.mark.parametrize("before", [[LANE], [USUAL]])
def test_an_answer_may_take_longer(
    connection: socket.socket, before: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time between two requests is not that of an answer."""
    for one in before:
        assert answered(connection, one)
    quick = Told.outputs

    async def outputs(*given: Any) -> Any:
        await asyncio.sleep(1.6 * SECONDS)
        return await quick(*given)

    monkeypatch.setattr(Told, "outputs", outputs)
    assert answered(connection, USUAL)
    assert 0.9 * SECONDS < waited(connection) < 5 * SECONDS


def test_a_client_that_asks_nothing_is_not_waited_for(connection: socket.socket) -> None:
    """The time begins when it comes."""
    assert 0.9 * SECONDS < waited(connection) < 5 * SECONDS
