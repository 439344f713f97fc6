"""Endpoints as processes: started, registered, found, stopped."""

from __future__ import annotations

import logging
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from nbdeploy.connections import Connection, Connections
from nbdeploy.errors import Conflict, Forbidden, InvalidData, NotWritable, WrongUsage
from nbdeploy.serving import background
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.home import Home
from nbdeploy.serving.options import Options
from nbdeploy.settings import Settings
from nbdeploy.store import Store
from nbdeploy.targets import connect


def test_a_background_endpoint_is_started_once_and_stopped(tmp_path: Path, snapshots: Store) -> None:
    """It registers as `local`; what it served is there again after a restart, under the same token."""
    settings = Settings.load()
    first = background.start(settings.endpoint_home, settings)
    try:
        again = background.start(settings.endpoint_home, settings)
        assert (again.url, again.pid, again.started) == (first.url, first.pid, False)
        before = Connections(settings.home).get("local")
        connect(before).push(snapshots, snapshots.resolve("churn:1"))
    finally:
        stopped = background.stop(settings.endpoint_home)
    assert stopped.pid == first.pid
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{first.url}/ping", timeout=10)
    assert background.running(settings.endpoint_home) is None
    assert background.stop(settings.endpoint_home).pid is None
    background.start(settings.endpoint_home, settings)
    try:
        after = Connections(settings.home).get("local")
        assert after.token == before.token
        assert [d.name for d in connect(after).status().deployments] == ["churn"]
    finally:
        background.stop(settings.endpoint_home)


def test_the_endpoint_is_nobody_s_child(tmp_path: Path) -> None:
    """It survives the kernel that starts it, and leaves it no dead entry."""
    settings = Settings.load()
    endpoint = background.start(tmp_path / "endpoint", settings)
    try:
        assert endpoint.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
        assert os.getsid(endpoint.pid) != os.getsid(0)
    finally:
        background.stop(tmp_path / "endpoint")


def test_an_endpoint_that_cannot_start_says_why(tmp_path: Path) -> None:
    """With the last line of its log."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WrongUsage, match=f"cannot listen on 127.0.0.1:{port}.*--port"):
            background.start(tmp_path / "endpoint", Settings.load(), Options(port=port))
    assert background.running(tmp_path / "endpoint") is None


def test_a_home_has_one_server(place: Any, run: Any) -> None:
    """A second one says who runs."""
    with pytest.raises(Conflict, match=rf"process {os.getpid()} at {place.url}.*serve --stop"), run(place.home):
        pass
    assert place.ask("GET", "/ping").status_code == 200


def test_a_stale_note_is_nobody(place: Any, tmp_path: Path) -> None:
    """A process number that another process has now is not taken for the server."""
    home = Home(tmp_path / "other")
    running = Home(place.home).running()
    assert running is not None
    home.make()
    home.announce(type(running)(1, -9.0, running.url, running.started, running.version))
    assert home.running() is None
    assert background.stop(home.folder).pid is None


def test_a_request_under_way_is_answered_before_the_end(run: Any, snapshots: Store) -> None:
    """Stopping waits for it."""
    with run() as place, ThreadPoolExecutor(1) as client:
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        answer = client.submit(place.target.predict, "moody", [{"age": -1500.0}])
        time.sleep(0.5)
        place.stop()
        assert answer.result(60).frame["prediction"].to_list() == [-3000.0]
        with pytest.raises(requests.ConnectionError):
            place.ask("GET", "/ping")


def test_stopping_removes_the_note(run: Any) -> None:
    """endpoint.json is there while it runs."""
    with run() as place:
        assert (place.home / "endpoint.json").stat().st_mode & 0o777 == 0o600
    assert not (place.home / "endpoint.json").exists()


def test_a_home_keeps_its_name_and_token(run: Any) -> None:
    """Only the address follows the port."""
    with run() as place:
        first = place.connection
    with run() as place:
        assert (place.connection.name, place.connection.token) == (first.name, first.token)
        assert place.connection.url == place.url
    assert [token.name for token in Tokens(place.home).all()] == ["owner"]


def test_a_revoked_owner_gets_a_new_token(run: Any) -> None:
    """Whoever may start the server may enter it."""
    with run() as place:
        Tokens(place.home).revoke("owner")
        assert place.ask("GET", "/api/deployments").status_code == 401
    with run() as place:
        assert place.ask("GET", "/api/deployments").status_code == 200


def test_a_second_endpoint_gets_a_name_of_its_own(run: Any, tmp_path: Path) -> None:
    """`local` stays with the first home."""
    with run() as first, run(tmp_path / "second") as second:
        assert first.endpoint.target == "local"
        assert second.endpoint.target == f"local-{second.url.rpartition(':')[2]}"
        assert second.ask("GET", "/api/deployments", token=first.connection.token).status_code == 401


def test_a_foreign_local_is_left_alone(run: Any, tmp_path: Path) -> None:
    """A target that the user named `local` keeps its address and token."""
    mine = Connection("local", "https://elsewhere.example", token="nbd_secret")
    Connections(tmp_path / "user").add(mine)
    with run() as place:
        assert place.endpoint.target.startswith("local-")
    assert Connections(tmp_path / "user").get("local") == mine


def test_other_machines_are_let_in_only_with_tokens(run: Any, tmp_path: Path) -> None:
    """The refusal says how to make one."""
    with pytest.raises(Forbidden, match="nbdeploy token create"), run(host="0.0.0.0"):
        pass
    Tokens(tmp_path / "endpoint").create("team", "deploy")
    with run(host="0.0.0.0") as place:
        assert place.url.startswith("http://127.0.0.1:")
        assert place.ask("GET", "/api/deployments", token=None).status_code == 401


def test_anonymous_is_for_loopback(run: Any, tmp_path: Path) -> None:
    """Even where tokens exist."""
    Tokens(tmp_path / "endpoint").create("team", "deploy")
    with pytest.raises(WrongUsage, match=r"127\.0\.0\.1"), run(host="0.0.0.0", anonymous="predict"):
        pass
    with pytest.raises(InvalidData, match="predict"):
        Options(anonymous="admin")


def test_an_address_that_cannot_be_had_is_refused(run: Any, tmp_path: Path) -> None:
    """With what to do."""
    Tokens(tmp_path / "endpoint").create("team", "deploy")
    with pytest.raises(Conflict, match=r"cannot listen on 192\.0\.2\.1"), run(host="192.0.2.1"):
        pass


def test_a_home_that_cannot_be_made_is_refused(run: Any, tmp_path: Path) -> None:
    """A file is in its way."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="cannot be made"), run(tmp_path / "file" / "endpoint"):
        pass


def test_secrets_stay_out_of_the_log(place: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Neither good nor bad ones."""
    caplog.set_level(logging.DEBUG)
    place.ask("GET", "/api/deployments")
    place.ask("GET", "/api/deployments", token="nbd_wrong")
    for text in (caplog.text, place.log.read_text()):
        assert place.connection.token not in text
        assert "nbd_wrong" not in text


def test_a_clock_that_jumps_hides_no_endpoint(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times since 1970 move with the clock, of a running process too."""
    booted, create_time = psutil.boot_time(), psutil.Process.create_time
    monkeypatch.setattr(psutil, "boot_time", lambda: booted + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600)
    found = background.running(place.home)
    assert found is not None
    assert found.pid == os.getpid()
