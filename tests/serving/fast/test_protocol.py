"""Fast lanes on connections as clients make them."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

ROW = b'{"age": 50.5, "balance": 0}'
BAD = b'{"age": "old", "balance": 0}'


@pytest.fixture
def connection(shared: Any) -> Iterator[socket.socket]:
    host, _, port = shared.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as made:
        yield made


@pytest.fixture
def request_of(shared: Any) -> Callable[..., bytes]:
    """Writes requests."""

    def write(body: bytes = ROW, more: str = "", version: str = "1.1") -> bytes:
        head = f"POST /models/churn/predict HTTP/{version}\r\nHost: 127.0.0.1\r\n{more}"
        secret = f"Authorization: Bearer {shared.connection.token}\r\nContent-Type: application/json\r\n"
        return f"{head}{secret}Content-Length: {len(body)}\r\n\r\n".encode() + body

    return write


def in_lane(head: str) -> bool:
    """Whether an answer came by a lane: there, a request without a name of its own is called like its prediction."""
    names = re.findall(r"(?:x-request-id|x-nbdeploy-prediction-id): (\w+)", head)
    return len(names) == 2 and names[0] == names[1]


def answers(connection: socket.socket, count: int) -> list[tuple[int, str, bytes]]:
    """Read so many answers: status, head and body of each."""
    data, found = b"", list[tuple[int, str, bytes]]()
    while len(found) < count:
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536) or pytest.fail(f"closed after {data!r}")
        head, _, data = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])  # type: ignore[index]
        while len(data) < length:
            data += connection.recv(65_536)
        found.append((int(head.split()[1]), head.decode().lower(), data[:length]))
        data = data[length:]
    assert data == b""
    return found


def test_requests_sent_at_once_are_answered_in_their_order(
    connection: socket.socket, request_of: Callable[..., bytes]
) -> None:
    """Those that take a lane do not overtake those that do not."""
    csv = "Accept: text/csv\r\n"
    sent = [request_of(), request_of(BAD), request_of(more=csv), request_of(), request_of(b"["), request_of()]
    connection.sendall(b"".join(sent))
    found = answers(connection, len(sent))
    assert [status for status, _, _ in found] == [200, 400, 200, 200, 400, 200]
    assert found[0][2] == found[3][2] == found[5][2]
    assert found[2][2].startswith(b"prediction\n")
    assert (in_lane(found[0][1]), in_lane(found[2][1])) == (True, False)
    connection.sendall(request_of())
    assert answers(connection, 1)[0][2] == found[0][2]


def test_a_body_may_come_in_pieces(connection: socket.socket, request_of: Callable[..., bytes]) -> None:
    """As most clients send it."""
    sent = request_of()
    for piece in (sent[:20], sent[20 : -len(ROW)], sent[-len(ROW) : -3], sent[-3:]):
        connection.sendall(piece)
        time.sleep(0.05)
    status, head, _ = answers(connection, 1)[0]
    assert (status, in_lane(head)) == (200, True)


@pytest.mark.parametrize(("more", "version"), [("Connection: close\r\n", "1.1"), ("", "1.0")])
@pytest.mark.parametrize("body", [ROW, BAD])
def test_a_connection_ends_when_its_client_wants_that(
    connection: socket.socket, request_of: Callable[..., bytes], more: str, version: str, body: bytes
) -> None:
    """After the answer."""
    connection.sendall(request_of(body, more, version))
    assert "connection: close" in answers(connection, 1)[0][1]
    assert connection.recv(1) == b""


@pytest.mark.parametrize("rows", [3, 4_500])
@pytest.mark.parametrize("cuts", [0, 1, 5])
def test_a_matrix_may_come_in_pieces(connection: socket.socket, shared: Any, rows: int, cuts: int) -> None:
    """Also one that is longer than what is read at once, with another request behind it."""
    matrix = np.random.default_rng(rows).normal(40, 10, (rows, 2))
    tensor = {"name": "rows", "shape": [*matrix.shape], "datatype": "FP64"}
    tensor["parameters"] = {"binary_data_size": matrix.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    body = head + matrix.tobytes()
    lines = [
        "POST /v2/models/churn/infer HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {shared.connection.token}",
        f"Inference-Header-Content-Length: {len(head)}",
        f"Content-Length: {len(body)}",
    ]
    sent = "\r\n".join([*lines, "", ""]).encode() + body
    texts = list[bytes]()
    for part in np.array_split(matrix, 5):
        records = [{"age": age, "balance": balance} for age, balance in part.tolist()]
        usual = shared.ask("POST", "/models/churn/predict", json=records).json() if records else []
        texts += [row["prediction"].encode() for row in usual]
    expected = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    for _ in range(2):
        at = [0, *(len(sent) * cut // (cuts + 1) for cut in range(1, cuts + 1)), None]
        for start, end in pairwise(at):
            connection.sendall(sent[start:end])
            time.sleep(0.02)
    for status, told, answer in answers(connection, 2):
        length = int(re.search(r"inference-header-content-length: (\d+)", told)[1])  # type: ignore[index]
        assert (status, answer[length:]) == (200, expected)
