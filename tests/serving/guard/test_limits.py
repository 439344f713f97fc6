"""Rates and room: what is let in, what is sent away, and for how long."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.errors import Busy, InvalidData
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.room import Room
from nbdeploy.serving.guard.tokens import Scope, Tokens
from nbdeploy.serving.options import Options
from tests.serving.conftest import Place, run_endpoint

CRM = Caller("crm", [Scope.PREDICT])


def admitted(rates: Rates, caller: Caller = CRM) -> bool:
    try:
        rates.count(caller)
    except Busy:
        return False
    return True


@settings(deadline=None)
@given(
    rate=st.integers(1, 50),
    steps=st.lists(st.floats(0, 2, allow_nan=False), min_size=1, max_size=60),
    patient=st.booleans(),
)
def test_in_any_time_no_more_pass_than_a_burst_and_the_rate(rate: int, steps: list[float], patient: bool) -> None:
    """And one who waits as long as was said is let in."""
    now, passed = [1000.0], []
    with TemporaryDirectory() as folder:
        rates = Rates(Path(folder, "rates"), Pace.parse(f"{rate}/s"), lambda: now[0])
        for step in steps:
            now[0] += step
            try:
                rates.count(CRM)
            except Busy as busy:
                if not patient:
                    continue
                now[0] += busy.seconds
                rates.count(CRM)
            passed.append(now[0])
    for i, begin in enumerate(passed):
        for j, end in enumerate(passed[i:], 1):
            assert j <= rate + (end - begin) * rate + 1e-6


def test_a_token_s_own_rate_comes_first_and_others_are_not_touched(tmp_path: Path) -> None:
    """Each token has its own count."""
    rates = Rates(tmp_path / "rates", Pace.parse("2/s"), lambda: 5.0)
    fast = Caller("fast", [Scope.PREDICT], pace=Pace.parse("4/s"))
    assert [admitted(rates) for _ in range(3)] == [True, True, False]
    assert [admitted(rates, fast) for _ in range(5)] == [True, True, True, True, False]
    assert admitted(Rates(tmp_path / "other"))


def test_a_clock_that_began_anew_locks_nobody_out(tmp_path: Path) -> None:
    """The file may be older than the machine's last start."""
    now = [1e6]
    rates = Rates(tmp_path / "rates", Pace.parse("1/s"), lambda: now[0])
    assert admitted(rates)
    now[0] = 3.0
    assert not admitted(rates)
    now[0] += 1.0
    assert admitted(rates)


WORKER = """
import sys
from pathlib import Path
from nbdeploy.errors import Busy
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.serving.guard.rates import Rates
from nbdeploy.serving.guard.tokens import Scope
rates = Rates(Path(sys.argv[1]), Pace.parse("500/h"), lambda: 5.0)
rates._pace = Pace(rates._pace.interval, 500.0)
passed = 0
for _ in range(2000):
    try:
        rates.count(Caller("crm", [Scope.PREDICT]))
        passed += 1
    except Busy:
        pass
print(passed)
"""


def test_workers_count_together(tmp_path: Path) -> None:
    """Not one more and not one less than the burst, whoever was asked."""
    command = [sys.executable, "-c", WORKER, str(tmp_path / "rates")]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    passed = [int(worker.communicate(timeout=60)[0]) for worker in workers]
    assert sum(passed) == 500


def test_room_is_given_back(tmp_path: Path) -> None:
    """One large body alone is let in; together with another it is not."""
    room = Room(2, 100)
    room.enter()
    room.take(500)
    room.enter()
    with pytest.raises(Busy, match="500 bytes"):
        room.take(1)
    with pytest.raises(Busy, match="2 requests"):
        room.enter()
    room.leave(500)
    room.take(60)
    room.leave(60)
    assert (room.requests, room.bytes) == (0, 0)


@pytest.mark.parametrize("text", ["100", "100/d", "-1/s", "0/s", "1e9/s", "", "/s"])
def test_a_rate_that_is_not_understood_is_refused(text: str) -> None:
    """With how to write it."""
    with pytest.raises(InvalidData, match="100/s"):
        Pace.parse(text)


@pytest.fixture(scope="module")
def limited(snapshots: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An endpoint with small limits that serves `churn` and `moody`."""
    small = {"row_limit": 3, "concurrency": 2, "pending_limit": 100_000, "timeout": 1.5, "patience": 0.4}
    with run_endpoint(tmp_path_factory.mktemp("limited") / "endpoint", **small) as place:
        for name in ("churn:1", "moody:1"):
            place.target.push(snapshots, snapshots.resolve(name))
        yield place


MOODY = "/models/moody/predict"
PREDICT = "/models/churn/predict"
ROW = {"age": 1, "balance": 0}
HEAD = "POST /models/churn/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n"


def wire(place: Any) -> Any:
    host, port = place.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def everything(connection: Any) -> bytes:
    """All that comes until the other side closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_too_many_rows_are_refused(limited: Any) -> None:
    """With how many there may be; as many as that are answered."""
    assert limited.ask("POST", PREDICT, json=[ROW] * 3).status_code == 200
    answer = limited.ask("POST", PREDICT, json=[ROW] * 4)
    assert (answer.status_code, "4 rows, of 3" in answer.json()["error"]) == (413, True)


def test_a_model_that_does_not_answer_in_time_is_a_503_that_names_it(limited: Any) -> None:
    """It serves on afterwards."""
    answer = limited.ask("POST", MOODY, json=[{"age": -2}])
    assert (answer.status_code, "moody (version 1)" in answer.json()["error"]) == (503, True)
    assert "1.5 s" in answer.json()["error"]
    assert limited.ask("POST", MOODY, json=[{"age": 2}]).status_code == 200


def test_requests_above_the_limit_are_sent_away_at_once(limited: Any) -> None:
    """429 with Retry-After, while health is answered; the two under way are answered as well."""
    with ThreadPoolExecutor(2) as clients:
        under_way = [clients.submit(limited.ask, "POST", MOODY, json=[{"age": -300}]) for _ in range(2)]
        while (refused := limited.ask("POST", PREDICT, json=[ROW])).status_code != 429:
            pass  # they may still be on their way
        healthy = limited.ask("GET", "/v2/health/live", token=None)
        assert [answer.result(30).status_code for answer in under_way] == [200, 200]
    assert (refused.headers["Retry-After"], "2 requests already" in refused.json()["error"]) == ("1", True)
    assert healthy.status_code == 200


def test_bodies_that_are_too_large_together_are_sent_away(limited: Any) -> None:
    """What one slow body holds is given back when it ends."""
    with wire(limited) as connection:
        connection.sendall(f"{HEAD.format(limited.connection.token)}Content-Length: 90000\r\n\r\n[".encode())
        while (refused := limited.ask("POST", PREDICT, data=b" " * 20_000)).status_code != 429:
            pass
        assert "90000 bytes, of 100000" in refused.json()["error"]
        assert b"408" in everything(connection)
    assert limited.ask("POST", PREDICT, data=b" " * 20_000).status_code == 400


@pytest.mark.parametrize("pieces", [[b"POST /mod", b"els"], [b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "]])
def test_a_slow_head_is_a_408_and_the_end(limited: Any, pieces: list[bytes]) -> None:
    """However often a byte comes."""
    with wire(limited) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.1)
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"head did not arrive within 0.4 s" in answer


def test_a_body_that_trickles_is_a_408_and_one_that_flows_is_read(limited: Any) -> None:
    """The time grows with what has come: 500 bytes earn a second."""
    with wire(limited) as connection:
        connection.sendall(f"{HEAD.format(limited.connection.token)}Content-Length: 5000\r\n\r\n[".encode())
        time.sleep(0.2)
        connection.sendall(b" ")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body did not arrive" in answer
    body = b'[{"age": 1, "balance": 0}' + b" " * 4000 + b"]"
    with wire(limited) as connection:
        head = f"{HEAD.format(limited.connection.token)}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode())
        for start in range(0, len(body), 800):
            connection.sendall(body[start : start + 800])
            time.sleep(0.15)
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_a_head_without_end_is_refused(limited: Any) -> None:
    """Before it fills the memory."""
    with wire(limited) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
        answer = b""
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(b"x" * 10_000)
        with contextlib.suppress(OSError):
            answer = connection.recv(100)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert limited.ask("GET", "/ping", token=None).status_code == 200


def test_a_rate_is_a_429_that_says_when(limited: Any) -> None:
    """For that token only, and not for pushes."""
    slow = Tokens(limited.home).create("slow", "deploy", None, (), "2/m")[0]
    assert limited.ask("POST", PREDICT, token=slow, json=[ROW]).status_code == 200
    refused = limited.ask("POST", PREDICT, token=slow, json=[ROW])
    assert (refused.status_code, 25 <= int(refused.headers["Retry-After"]) <= 30) == (429, True)
    assert limited.ask("HEAD", f"/api/blobs/sha256/{'0' * 64}", token=slow).status_code == 404
    assert limited.ask("POST", PREDICT, json=[ROW]).status_code == 200


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"concurrency": -1}, {"rate": "many"}, {"row_limit": 0}])
def test_limits_that_let_nothing_in_are_refused(wrong: dict[str, Any]) -> None:
    """Before it serves."""
    with pytest.raises(InvalidData):
        Options(**wrong)
