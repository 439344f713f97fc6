"""An endpoint that is killed, stopped or full while something changes: all of the change is there, or nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import psutil
import pytest

from nbdeploy.connections import Connection, Connections
from nbdeploy.errors import NotWritable
from nbdeploy.serving import background
from nbdeploy.serving.options import Options
from nbdeploy.serving.results import Endpoint
from nbdeploy.settings import Settings
from nbdeploy.store import Store
from nbdeploy.targets.nbdeploy_target import NbdeployTarget
from nbdeploy.wire.client import Client
from tests.serving.load import load
from tests.serving.test_survival import MOODY, asking, until


@dataclass
class Detached:
    """An endpoint in processes of its own, which can be killed and started again on the same port."""

    home: Path
    port: int = 0

    def start(self) -> Endpoint:
        found = background.start(self.home, Settings.load(), Options(port=self.port, workers=2))
        self.port = int(found.url.rpartition(":")[2])
        return found

    @property
    def connection(self) -> Connection:
        return Connections(Settings.load().home).get("local")

    @property
    def target(self) -> NbdeployTarget:
        return NbdeployTarget(self.connection)

    @property
    def supervisor(self) -> psutil.Process:
        found = background.running(self.home)
        assert found is not None
        return psutil.Process(found.pid)

    def version(self) -> int:
        return msgspec.json.decode((self.home / "deployments" / "moody.json").read_bytes())["serving"][0]["version"]


@pytest.fixture
def detached(tmp_path: Path, snapshots: Store) -> Iterator[Detached]:
    """It serves `moody:1`."""
    place = Detached(tmp_path / "endpoint")
    place.start()
    try:
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        yield place
    finally:
        background.stop(place.home)


def killed_when(place: Detached, true: Callable[[], bool], store: Store, ref: str) -> None:
    """Push, kill the supervisor at a moment of that, and start again as soon as it is gone."""

    def push() -> None:
        with contextlib.suppress(Exception):  # whatever its client is told
            place.target.push(store, store.resolve(ref))

    supervisor = place.supervisor
    pushing = threading.Thread(target=push)
    pushing.start()
    try:
        until(true)
    finally:
        supervisor.kill()
        supervisor.wait(10)
        pushing.join(30)
    place.start()


def test_a_deploy_that_is_killed_has_happened_or_not(detached: Detached, snapshots: Store) -> None:
    """Under load: while the new version is proven, and as soon as its state is kept. And a stop loses no answer."""
    supervisor = detached.supervisor
    processes = len(supervisor.children(recursive=True))
    place = SimpleNamespace(url=detached.connection.url, connection=detached.connection)

    def right(n: int, version: str, answer: object) -> bool:
        return answer == [{"prediction": (1.0 + int(version)) * (n + 1)}]

    with load(place, MOODY, lambda n: [{"age": float(n + 1)}], right, 3) as counts:
        until(lambda: counts.right > 10)
        killed_when(detached, lambda: len(supervisor.children(recursive=True)) > processes, snapshots, "moody:2")
        assert detached.version() in {1, 2}
        detached.target.push(snapshots, snapshots.resolve("moody:1"))
        killed_when(detached, lambda: detached.version() == 2, snapshots, "moody:2")
        assert detached.version() == 2
        (state,) = detached.target.status().deployments
        assert (state.state, state.serving[0].version) == ("serving", 2)
        seen = counts.right
        until(lambda: counts.right > seen + 20)
        assert counts.clean, counts
        detached.supervisor.terminate()
        until(lambda: background.running(detached.home) is None)
    assert counts.clean, counts
    assert set(logged(detached.home)) == {"ok"}


def test_a_stop_answers_all_that_was_asked(run: Any, snapshots: Store) -> None:
    """Under load: each request that it took, which its log has, came back as a right answer to who had sent it."""
    with run(workers=2) as place:
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        with asking(place, 6) as counts:
            until(lambda: counts.right > 60)
            place.stop()
            until(lambda: not (place.home / "endpoint.json").exists())
        assert counts.clean, counts
        assert logged(place.home) == {"ok": counts.right}


def logged(home: Path) -> dict[str, int]:
    """How many requests had which outcome."""
    with contextlib.closing(sqlite3.connect(home / "nbdeploy.db")) as database:
        return dict(database.execute("select outcome, count(*) from predictions group by outcome").fetchall())


def test_a_stop_while_a_file_is_sent_leaves_nothing_of_it(detached: Detached) -> None:
    """It does not wait for it for long; what serves is kept, and the next start has no half of a file."""
    upload = socket.create_connection(("127.0.0.1", detached.port))
    head = (
        f"PUT /api/blobs/sha256/{'0' * 64} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {detached.connection.token}\r\n"
    )
    with upload:
        upload.sendall(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
        until(lambda: bool(list(detached.home.glob(".upload-*"))))
        begun = time.monotonic()
        background.stop(detached.home)
        assert time.monotonic() - begun < 30
    assert not list(detached.home.glob(".upload-*"))
    detached.start()
    assert detached.version() == 1
    assert detached.target.predict("moody", [{"age": 3.0}]).frame["prediction"].to_list() == [6.0]


def test_a_full_disk_refuses_files_and_serves_on(tmp_path: Path, snapshots: Store) -> None:
    """A real one, of a few megabytes: the sender is told, nothing of the file stays, and smaller ones fit again."""
    home = tmp_path / "endpoint"
    options = msgspec.json.encode(Options(port=0)).decode()
    server = [sys.executable, "-P", "-m", "nbdeploy.serving.server", f"--home={home}", f"--connections={tmp_path}"]
    steps = f'mkdir {home} && mount -t tmpfs -o size=12m tmpfs {home} && exec "$@"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", steps, "sh", *server, f"--options={options}"]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: (tmp_path / "targets.toml").exists(), 60)
            connection = Connections(tmp_path).get("local")
            target = NbdeployTarget(connection)
            until(lambda: target.status().healthy, 60)
            target.push(snapshots, snapshots.resolve("moody:1"))
            with Client(connection.url, connection.bearer()) as client:
                for _ in range(2):
                    with pytest.raises(NotWritable, match="No space left"):
                        client.request("PUT", f"/api/blobs/sha256/{'0' * 64}", os.urandom(16 * 2**20))
            assert target.predict("moody", [{"age": 3.0}]).frame["prediction"].to_list() == [6.0]
            target.push(snapshots, snapshots.resolve("moody:2"))
            assert target.predict("moody", [{"age": 3.0}]).frame["prediction"].to_list() == [9.0]
        finally:
            process.terminate()
