"""The client keeps its token to itself, and turns refusals into errors."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import errors
from nbdeploy.wire.client import Client, is_loopback
from nbdeploy.wire.statuses import error_of, status_of


class Recorder(http.server.ThreadingHTTPServer):
    """A server that answers as it is told, and keeps the headers it saw."""

    daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[dict[str, str]] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"{}")
        self.wait: threading.Event | None = None
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.seen.append(dict(self.headers))
        if server.wait is not None:
            server.wait.wait(30)
        status, headers, body = server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def recorder() -> Iterator[Callable[[], Recorder]]:
    servers: list[Recorder] = []

    def make() -> Recorder:
        server = Recorder()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_token_goes_to_its_address(recorder: Callable[[], Recorder]) -> None:
    """As a bearer."""
    server = recorder()
    with Client(server.url + "/", "nbd_x") as client:
        assert client.ask("GET", "/v2", dict) == {}
    assert server.seen[0]["Authorization"] == "Bearer nbd_x"


def test_a_redirect_is_not_followed(recorder: Callable[[], Recorder]) -> None:
    """The other host sees nothing, and the error says where it pointed."""
    first, other = recorder(), recorder()
    first.answer = (302, {"Location": other.url}, b"")
    with Client(first.url, "nbd_x") as client, pytest.raises(errors.RemoteError, match=other.url):
        client.request("GET", "/v2")
    assert other.seen == []


def test_netrc_and_proxies_are_left_out(
    recorder: Callable[[], Recorder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's password is not sent, and what stays on this machine goes past no proxy."""
    server, proxy = recorder(), recorder()
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    for token in ("nbd_x", None):
        with Client(server.url, token) as client:
            client.request("GET", "/v2")
    assert [seen.get("Authorization") for seen in server.seen] == ["Bearer nbd_x", None]
    assert proxy.seen == []


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, b'{"error": "no", "kind": "Unauthenticated"}', errors.Unauthenticated),
        (403, b'{"error": "no"}', errors.Forbidden),
        (404, b'{"error": "no", "kind": "NotFound"}', errors.NotFound),
        (409, b'{"error": "no"}', errors.Conflict),
        (413, b'{"error": "no"}', errors.TooLarge),
        (422, b'{"error": "no", "kind": "RehearsalFailed"}', errors.RehearsalFailed),
        (400, b'{"error": "no", "kind": "KeyError"}', errors.InvalidData),
        (400, b'{"error": "no", "kind": "Unauthenticated"}', errors.InvalidData),
        (500, b'{"error": "no"}', errors.RemoteError),
        (418, b'{"error": "no"}', errors.RemoteError),
    ],
)
def test_a_refusal_becomes_the_error_it_was(
    recorder: Callable[[], Recorder], status: int, body: bytes, error: type[Exception]
) -> None:
    """With its message."""
    server = recorder()
    server.answer = (status, {}, body)
    with Client(server.url) as client, pytest.raises(error, match="no") as caught:
        client.request("GET", "/v2")
    assert type(caught.value) is error


def test_a_refusal_that_is_not_ours_says_who_and_what(recorder: Callable[[], Recorder]) -> None:
    """A proxy's page, for example."""
    server = recorder()
    server.answer = (502, {}, b"<html>Bad gateway</html>")
    with Client(server.url) as client, pytest.raises(errors.RemoteError, match=rf"{server.url}/v2 answered 502"):
        client.request("GET", "/v2")


def test_an_answer_that_is_not_ours_is_refused(recorder: Callable[[], Recorder]) -> None:
    """The address may be another server's."""
    server = recorder()
    server.answer = (200, {}, b"<html>hello</html>")
    with Client(server.url) as client, pytest.raises(errors.RemoteError, match="is the address right"):
        client.ask("GET", "/v2", dict)


def test_nobody_there_is_unreachable() -> None:
    """In the system's own words."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(errors.Unreachable, match="refused"):
        client.request("GET", "/v2")


def test_a_silent_server_is_unreachable(recorder: Callable[[], Recorder]) -> None:
    """After the time that was given."""
    server = recorder()
    server.wait = threading.Event()
    with Client(server.url, seconds=0.1) as client, pytest.raises(errors.Unreachable, match="in time"):
        client.request("GET", "/v2")
    server.wait.set()


@pytest.mark.parametrize("url", ["", "localhost:8080", "ftp://x", "http://", "file:///etc/passwd", "http://u:p@host"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(errors.InvalidData, match=r"http://127\.0\.0\.1:8080"):
        Client(url)


KINDS = [name for name in errors.__all__ if isinstance(getattr(errors, name), type)]
COMPOSED = {"NbdeployError", "AccessDenied"}


@pytest.mark.parametrize("name", sorted(set(KINDS) - COMPOSED))
def test_every_error_comes_back_as_itself(name: str) -> None:
    """Whatever its status; errors that compose their message keep it."""
    made = error_of(status_of(error_of(400, "x", "")), "x", "")
    cls = getattr(errors, name)
    original = cls.__new__(cls)
    errors.NbdeployError.__init__(original, "what happened")
    back = error_of(status_of(original), "what happened", name)
    assert (type(back), str(back)) == (cls, "what happened")
    assert isinstance(made, errors.InvalidData)


def test_loopback_is_this_machine() -> None:
    """By address or by the one name that means it."""
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "", "10.0.0.1", "localhost.evil.example", "127.0.0.1.evil"]))
