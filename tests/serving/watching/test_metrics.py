"""Numbers of one process, of several, and of those that died."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from nbdeploy.serving.watching.metrics import FLUSH_SECONDS, Metrics
from nbdeploy.serving.watching.workers import collected, prepare, retire
from nbdeploy.store import Store

WORKER = """
import sys
from nbdeploy.serving.watching.metrics import Metrics
metrics = Metrics()
for _ in range(int(sys.argv[1])):
    metrics.record("churn", 3, "oip", "ok", 2, 0.002)
    metrics.answered("POST", 200)
metrics.wait({("churn", 2): 7, ("churn", 3): 4})
metrics.wait({("churn", 3): 5})
metrics.called("churn", 3, 4)
print("ready", flush=True)
sys.stdin.read()
print(metrics.text().decode())
"""


def samples(text: str) -> dict[str, float]:
    """Values by name and labels."""
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(text: str, name: str, **labels: str) -> float:
    found = [
        v for key, v in samples(text).items() if key.startswith(name + "[") and all(x in key for x in labels.values())
    ]
    return sum(found)


def test_several_workers_count_as_one_and_go_on_counting_when_they_die(tmp_path: Path) -> None:
    """Whoever is asked; gauges of the dead are gone, and so are their files."""
    environment = {**os.environ, **prepare(tmp_path / "metrics")}

    def worker(times: int) -> Any:
        command = [sys.executable, "-c", WORKER, str(times)]
        made = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert made.stdout is not None
        assert made.stdout.readline() == "ready\n"
        return made

    first, second, third = worker(10), worker(20), worker(30)
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=20)
    retire(tmp_path / "metrics", first.pid)
    retire(tmp_path / "metrics", first.pid)
    second.send_signal(signal.SIGKILL)
    second.communicate(timeout=20)
    retire(tmp_path / "metrics", second.pid)
    text = third.communicate(timeout=20)[0]
    assert value(text, "nbdeploy_requests_total", version="3") == 60
    assert value(text, "nbdeploy_rows_total") == 120
    assert value(text, "nbdeploy_request_seconds_count") == 60
    assert value(text, "nbdeploy_request_seconds_bucket", le="0.0025") == 60
    assert value(text, "nbdeploy_http_responses_total", status="200") == 60
    assert value(text, "nbdeploy_batch_requests_sum") == 12
    assert value(text, "nbdeploy_queue") == 5
    assert value(text, "nbdeploy_build_info") == 1
    left = {path.name for path in (tmp_path / "metrics").glob("*.db")}
    assert {name for name in left if str(first.pid) in name or str(second.pid) in name} == set()
    prepare(tmp_path / "metrics")
    assert list((tmp_path / "metrics").glob("*.db")) == []


def test_callers_cannot_make_labels(shared: Any) -> None:
    """Neither by names of models and versions, nor by methods, paths or protocols."""
    before = set(samples(shared.ask("GET", "/metrics").text))
    for number in range(30):
        shared.ask("POST", f"/models/nobody{number}/predict", json=[])
        shared.ask("POST", f"/v2/models/churn/versions/{number + 7}/infer", json={})
        shared.ask(f"BREW{number}", "/models/churn/predict")
        shared.ask("GET", f"/way{number}", token="nbd_wrong")
    added = set(samples(shared.ask("GET", "/metrics").text)) - before
    assert len(added) <= 8
    assert "nobody" not in str(added) + str(before)


def test_outcomes_are_told_apart(shared: Any) -> None:
    """By deployment, version and protocol, with how long they took."""
    shared.ask("POST", "/models/churn/predict", json=[{"age": 1, "balance": 0}])
    shared.ask("POST", "/models/churn/predict", json=[{"age": "old", "balance": 0}])
    shared.ask("GET", "/metrics", token="nbd_wrong")
    text = shared.ask("GET", "/metrics").text
    for outcome in ("ok", "refused"):
        labels = f'{{deployment="churn",outcome="{outcome}",protocol="records",version="1"}}'
        assert f"nbdeploy_requests_total{labels}" in text
        assert f"nbdeploy_request_seconds_count{labels}" in text
    assert value(text, "nbdeploy_refused_total", reason="Unauthenticated") >= 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 9), st.sampled_from(["ok", "late"])), max_size=30))
def test_what_is_summed_up_first_is_what_the_library_would_have_counted(asked: list[tuple[float, int, str]]) -> None:
    """Bucket by bucket, at their edges too; nothing is lost before it is shown, nor counted twice."""
    asked = [*asked, (0.005, 1, "ok"), (30.0, 1, "ok")]

    async def counted() -> str:
        metrics = Metrics()
        for seconds, rows, outcome in asked:
            metrics.record("churn", 1, "oip", outcome, rows, seconds)
        metrics.flush()
        metrics.flush()
        return metrics.text().decode()

    text = asyncio.run(counted())
    for bound in (0.0005, 0.005, 0.5, 30.0):
        expected = sum(seconds <= bound for seconds, _, _ in asked)
        assert value(text, "nbdeploy_request_seconds_bucket", le=f"'{bound}'") == expected
    assert value(text, "nbdeploy_request_seconds_bucket", le="+Inf") == len(asked)
    assert value(text, "nbdeploy_request_seconds_sum") == pytest.approx(sum(seconds for seconds, _, _ in asked))
    assert value(text, "nbdeploy_rows_total") == sum(rows for _, rows, _ in asked)


def test_counts_are_shown_soon_by_themselves() -> None:
    """Another worker that is asked sees them, whether or not more requests come."""

    async def counted() -> tuple[str, str]:
        metrics = Metrics()
        metrics.answered("GET", 200)
        before = metrics.text().decode()
        await asyncio.sleep(FLUSH_SECONDS + 0.1)
        return before, metrics.text().decode()

    before, after = asyncio.run(counted())
    assert [value(text, "nbdeploy_http_responses_total") for text in (before, after)] == [0, 1]


def test_a_process_that_begins_to_count_at_this_moment_is_waited_for(tmp_path: Path) -> None:
    """Its file is empty until it has its length."""
    prepare(tmp_path)
    begun = tmp_path / "counter_1.db"
    begun.touch()
    made = threading.Timer(0.1, lambda: begun.write_bytes(struct.pack("i", 8) + bytes(1020)))
    made.start()
    assert list(collected(tmp_path).collect()) == []
    made.join()
    assert begun.stat().st_size == 1024


def test_queues_and_memory_are_those_of_all_workers(run: Any, snapshots: Store) -> None:
    """Whoever is asked: what waits is added up, processes are counted once, and what is gone is not shown."""
    with run(workers=2, open_metrics=True) as place, ThreadPoolExecutor(12) as clients:
        for name in ("moody:1", "churn:1"):
            place.target.push(snapshots, snapshots.resolve(name))

        def shown(name: str, model: str = "moody") -> list[float]:
            texts = [place.ask("GET", "/metrics", headers={"Connection": "close"}).text for _ in range(6)]
            return [value(text, name, model=f"('model', '{model}')", version="'1'") for text in texts]

        asked = [clients.submit(place.ask, "POST", "/models/moody/predict", json=[{"age": -1200}]) for _ in range(12)]
        deadline = time.monotonic() + 20
        while not all(8 <= number <= 11 for number in shown("nbdeploy_queue")):
            assert time.monotonic() < deadline
        assert [answer.result().status_code for answer in asked] == [200] * 12
        while max(shown("nbdeploy_queue")):
            assert time.monotonic() < deadline + 20
        for model in ("moody", "churn"):
            assert min(shown("nbdeploy_memory_bytes", model)) > 2**20
            assert shown("nbdeploy_model_processes", model) == [1] * 6
            assert min(shown("nbdeploy_cpu_seconds_total", model)) > 0
        place.target.undeploy("churn")
        assert 'model="churn"' not in "".join(
            line for line in place.ask("GET", "/metrics").text.splitlines() if line.startswith("nbdeploy_memory")
        )
