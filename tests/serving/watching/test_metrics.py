"""Numbers of one process, of several, and of those that died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from nbdeploy.serving.watching.metrics import Metrics
from nbdeploy.serving.watching.workers import prepare, retire

WORKER = """
import sys
from nbdeploy.serving.watching.metrics import Metrics
metrics = Metrics()
for _ in range(int(sys.argv[1])):
    metrics.record("churn", 3, "oip", "ok", 2, 0.002)
    metrics.answered("POST", 200)
metrics.queued("churn", 3, 5)
metrics.memory("churn", 3, 1000)
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
    assert value(text, "nbdeploy_memory_bytes") == 1000
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


def test_counting_costs_microseconds() -> None:
    """A request is counted twice: by its model, and by its status (forty are allowed for on a busy machine)."""
    metrics = Metrics()

    def seconds(times: int = 500) -> float:
        begun = time.perf_counter()
        for _ in range(times):
            metrics.record("churn", 1, "oip", "ok", 1, 0.001)
            metrics.answered("POST", 200)
        return (time.perf_counter() - begun) / times

    assert min(seconds() for _ in range(5)) < 40e-6
