"""A real server of the S3 protocol on the loopback address."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from itertools import count

import pytest

# Requests are answered one after another, so that a conditional write is as atomic as S3's own.
SERVER = """
import logging
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
logging.disable()
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app))
print(server.port, flush=True)
server.serve_forever()
"""

_names = count()


class S3:
    """A server that can be stopped."""

    def __init__(self) -> None:
        words = [sys.executable, "-W", "ignore", "-c", SERVER]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def bucket(self) -> str:
        """Address of a folder in a new bucket."""
        name = f"bucket-{next(_names)}"
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")).close()
        return f"s3://{name}/some/prefix"

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Name the server as a user would."""
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty store on the server."""
    s3_server.use(monkeypatch)
    return s3_server.bucket()


@pytest.fixture
def mortal_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[S3, str]]:
    """A server of its own, that the test may stop, and the address of an empty store on it."""
    server = S3()
    server.use(monkeypatch)
    yield server, server.bucket()
    server.stop()
