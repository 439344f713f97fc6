"""An endpoint under load that loses processes: no wrong answer, no lost one."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbdeploy.connections import Connections
from nbdeploy.serving import background
from nbdeploy.serving.options import Options
from nbdeploy.settings import Settings
from nbdeploy.store import Store
from nbdeploy.targets import connect
from tests.serving.conftest import Place, run_endpoint
from tests.serving.load import Counts, load

MOODY = "/models/moody/predict"


@pytest.fixture(scope="module")
def busy(snapshots: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Two workers; `moody` answers from its own process, `churn` by its twin."""
    with (
        pytest.MonkeyPatch.context() as patch,
        run_endpoint(tmp_path_factory.mktemp("busy") / "endpoint", workers=2, timeout=8.0) as place,
    ):
        # A test's lines are not to be those that are left out behind the tracebacks of the one before.
        patch.setattr("nbdeploy.serving.supervisor.output.LINES_PER_SECOND", 10_000)
        for name in ("moody:1", "churn:1"):
            place.target.push(snapshots, snapshots.resolve(name))
        yield place


def asking(place: Place, clients: int = 4) -> contextlib.AbstractContextManager[Counts]:
    """Ask `moody` for doubled ages: each version answers with another factor."""

    def right(n: int, version: str, answer: Any) -> bool:
        return answer == [{"prediction": (1.0 + int(version)) * (n + 1)}]

    return load(place, MOODY, lambda n: [{"age": float(n + 1)}], right, clients)


def workers(place: Place) -> list[int]:
    assert place.server.supervisor is not None
    return place.server.supervisor.workers


def models(place: Place, key: str = "moody:1") -> list[int]:
    assert place.server.supervisor is not None
    return place.server.supervisor.models.get(key, [])


def ended(pid: int) -> bool:
    """Whether a process runs no more, although nobody may have asked how it ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_version_is_replaced_without_a_failed_request(busy: Place, snapshots: Store) -> None:
    """There and back under load; after the answer to a push, nobody gets the old version."""
    with asking(busy) as counts:
        for name in ("moody:2", "moody:1"):
            busy.target.push(snapshots, snapshots.resolve(name))
            for _ in range(10):
                assert busy.ask("POST", MOODY, json=[{"age": 1}]).headers["x-nbdeploy-version"] == name[-1]
    assert counts.clean, counts
    assert (counts.again, counts.versions) == (0, {"1", "2"})


def test_a_killed_worker_loses_no_answer(busy: Place) -> None:
    """Its clients find their connection closed, ask again, and are answered; another worker takes its place."""
    killed = workers(busy)[0]
    with asking(busy) as counts:
        os.kill(killed, signal.SIGKILL)
        until(lambda: killed not in workers(busy) and len(workers(busy)) == 2)
        time.sleep(0.2)
    assert counts.clean, counts
    assert counts.again <= 4


def test_a_killed_model_process_loses_no_answer(busy: Place) -> None:
    """What it was asked is asked again inside, so that clients notice nothing."""
    with asking(busy) as counts:
        for _ in range(3):
            (killed,) = models(busy)
            os.kill(killed, signal.SIGKILL)
            until(lambda killed=killed: len(models(busy)) == 1 and models(busy) != [killed])
            seen = counts.right
            until(lambda seen=seen: counts.right >= seen + 8)  # a request that loses two processes is given up
    assert counts.clean, counts
    assert counts.again == 0


@pytest.mark.parametrize(
    ("age", "status", "told"),
    [
        (-1, 503, "ended while it answered these rows"),
        (-2, 503, "did not answer within"),
        (-3, 400, "SystemExit: 3"),
        (-6, 400, "ValueError: not this row"),
    ],
)
def test_a_row_that_breaks_the_model_fails_alone(busy: Place, age: int, status: int, told: str) -> None:
    """A signal, an endless loop, an exit, an error: all others are answered meanwhile, and afterwards."""
    with asking(busy) as counts:
        answer = busy.ask("POST", MOODY, json=[{"age": age}])
        assert (answer.status_code, told in answer.json()["error"]) == (status, True), answer.text
        time.sleep(0.3)
    assert counts.clean, counts
    assert counts.again == 0


def test_what_a_model_prints_is_in_the_log(busy: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Under the version's name."""
    with caplog.at_level("INFO"):
        assert busy.ask("POST", MOODY, json=[{"age": -4}]).json() == [{"prediction": -8.0}]
        until(lambda: "moody:1: the model prints" in caplog.text)


def test_a_trace_is_followed_into_the_model_s_process(busy: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Lines that the model makes the process log name it."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    with caplog.at_level("INFO"):
        busy.ask("POST", MOODY, json=[{"age": -6}], headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
        busy.ask("POST", MOODY, json=[{"age": -6}])
        until(lambda: caplog.text.count("WARNING nbdeploy.serving.model_process: moody:1") >= 2)
    lines = [line for line in caplog.text.splitlines() if "WARNING nbdeploy.serving.model_process: moody:1" in line]
    assert [f"[trace {trace}]" in line for line in lines] == [True, False]


def test_a_worker_that_stands_still_is_replaced(busy: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event loop turns no more; it holds connections, and answers none of them."""
    monkeypatch.setattr("nbdeploy.serving.supervisor.crew.HUNG_SECONDS", 4.0)
    stopped = workers(busy)[0]
    with asking(busy) as counts:
        os.kill(stopped, signal.SIGSTOP)
        until(lambda: stopped not in workers(busy) and len(workers(busy)) == 2, 60)
        seen = counts.right
        until(lambda: counts.right > seen + 8)
    assert counts.clean, counts


def test_nothing_is_left_of_a_model_whose_source_is_killed(busy: Place) -> None:
    """What it is forked from dies while it is in the middle of an answer: it ends, and another one is loaded."""
    assert busy.server.supervisor is not None
    (model,) = models(busy)
    with ThreadPoolExecutor(1) as client, asking(busy) as counts:
        late = client.submit(busy.ask, "POST", MOODY, json=[{"age": -1500}])
        time.sleep(0.3)
        os.kill(busy.server.supervisor.versions.running["moody:1"].loaded.zygote.pid, signal.SIGKILL)
        until(lambda: ended(model), 2.0)
        assert late.result().json() == [{"prediction": -3000.0}]
    assert counts.clean, counts
    assert counts.again == 0


def test_a_change_reaches_all_workers_within_a_second(busy: Place) -> None:
    """The best of three: other programs may have kept the machine busy. Afterwards nobody answers as before."""
    seconds = []
    for status, change in ((404, "unload"), (200, "load")) * 3:
        begun = time.monotonic()
        assert busy.ask("POST", f"/v2/repository/models/churn/{change}").status_code == 200
        seconds.append(time.monotonic() - begun)
        for _ in range(10):
            answer = busy.ask("POST", "/models/churn/predict", json=[{"age": 1, "balance": 0}])
            assert answer.status_code == status
    assert min(seconds[::2]) < 1.0


def test_a_twin_answers_in_the_workers_which_load_no_framework(busy: Place) -> None:
    """While the model's own process stands still; what many rows take, is its work."""
    body = "age,balance\n" + "43,0\n" * 20
    (stopped,) = models(busy, "churn:1")
    os.kill(stopped, signal.SIGSTOP)
    try:
        for _ in range(4):
            answer = busy.ask("POST", "/models/churn/predict", data=body, headers={"Content-Type": "text/csv"})
            assert (answer.status_code, len(answer.json())) == (200, 20)
    finally:
        os.kill(stopped, signal.SIGCONT)
    for pid in workers(busy):
        assert "sklearn" not in Path(f"/proc/{pid}/maps").read_text()
    assert "sklearn" in Path(f"/proc/{stopped}/maps").read_text()


def test_idle_connections_keep_nobody_waiting(busy: Place) -> None:
    """Two thousand of them."""
    host, _, port = busy.url.removeprefix("http://").partition(":")
    with contextlib.ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
        with asking(busy) as counts:
            time.sleep(0.5)
    assert counts.clean, counts
    assert counts.again == 0


def test_a_model_that_only_crashes_is_unready_and_others_are_not(run: Any, snapshots: Store) -> None:
    """It says so, in its readiness too; and pushed again it answers again."""
    with run() as place:
        for name in ("moody:1", "churn:1"):
            place.target.push(snapshots, snapshots.resolve(name))
        for _ in range(3):
            answer = place.ask("POST", MOODY, json=[{"age": -1}])
            assert answer.status_code == 503
        assert "ended 3 times before it answered anything" in place.ask("POST", MOODY, json=[{"age": 1}]).text
        assert place.ask("GET", "/v2/models/moody/ready").status_code == 503
        assert place.ask("POST", "/models/churn/predict", json=[{"age": 1, "balance": 0}]).status_code == 200
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        assert place.ask("POST", MOODY, json=[{"age": 1}]).json() == [{"prediction": 2.0}]


def test_a_model_that_leaks_is_replaced_by_a_new_process(run: Any, snapshots: Store) -> None:
    """Before it takes the machine's memory, and without a failed request."""
    with run(model_memory=600 * 2**20) as place:
        place.target.push(snapshots, snapshots.resolve("moody:1"))
        first = models(place)
        with asking(place, 2) as counts:
            for _ in range(5):
                assert place.ask("POST", MOODY, json=[{"age": -5}]).json() == [{"prediction": -10.0}]
            until(lambda: len(models(place)) == 1 and models(place) != first)
            until(lambda: not psutil.pid_exists(first[0]))
        assert counts.clean, counts
        assert counts.again == 0


def test_an_endpoint_whose_supervisor_is_killed_ends_and_comes_back(tmp_path: Path, snapshots: Store) -> None:
    """All its processes end by themselves; the next start serves what was served, and forgets half an upload."""
    settings = Settings.load()
    first = background.start(tmp_path / "endpoint", settings, Options(port=0, workers=2))
    connection = Connections(settings.home).get(first.target)
    connect(connection).push(snapshots, snapshots.resolve("moody:1"))
    upload = socket.create_connection(("127.0.0.1", int(first.url.rpartition(":")[2])))
    head = f"PUT /api/blobs/sha256/{'0' * 64} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {connection.token}\r\n"
    upload.sendall(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
    until(lambda: bool(list((tmp_path / "endpoint").glob(".upload-*"))))
    family = psutil.Process(first.pid).children(recursive=True)
    assert len(family) >= 5
    psutil.Process(first.pid).kill()
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    upload.close()
    port = int(first.url.rpartition(":")[2])
    again = background.start(tmp_path / "endpoint", settings, Options(port=port, workers=2))
    try:
        assert again.url == first.url
        assert not list((tmp_path / "endpoint").glob(".upload-*"))
        answer = connect(connection).predict("moody", [{"age": 3.0}]).frame
        assert answer["prediction"].to_list() == [6.0]
        for process in [psutil.Process(again.pid), *psutil.Process(again.pid).children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        until(lambda: background.running(tmp_path / "endpoint") is None)
        background.start(tmp_path / "endpoint", settings, Options(port=port))
        assert connect(connection).predict("moody", [{"age": 3.0}]).frame["prediction"].to_list() == [6.0]
    finally:
        background.stop(tmp_path / "endpoint")
