"""MLflow's own server answers for an exported snapshot as the snapshot does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

import nbdeploy as nd
from nbdeploy import api

PATIENCE = 120


@pytest.fixture
def server(stock: Path, tmp_path: Path) -> Iterator[str]:
    """``mlflow models serve`` on a loopback port, for the snapshot with notebook code."""
    folder = api.export("species", tmp_path / "out").path
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = os.pathsep.join([str(Path(nd.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(folder), "-p", str(port)]
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "-h", "127.0.0.1", "--env-manager", "local"],
            env=environment,
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield _ready(f"http://127.0.0.1:{port}", process, log)
        finally:
            os.killpg(process.pid, 15)
            process.wait(30)


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/ping", timeout=5).ok:
                return url
        except requests.RequestException:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def test_mlflow_serves_a_snapshot(server: str) -> None:
    """Answers are the snapshot's; another method by parameter; a missing column is a wrong request."""
    predictor = nd.load("species")
    sample: pd.DataFrame = predictor.sample.to_pandas()

    def ask(**request: Any) -> requests.Response:
        return requests.post(f"{server}/invocations", json=request, timeout=60)

    split = json.loads(sample.to_json(orient="split", index=False))
    answered = pd.DataFrame(ask(dataframe_split=split).json()["predictions"])
    assert answered["prediction"].tolist() == predictor.expected["prediction"].to_list()
    chances = pd.DataFrame(ask(dataframe_split=split, params={"method": "predict_proba"}).json()["predictions"])
    assert chances["probability_Gentoo"].tolist() == predictor.expected["probability_Gentoo"].to_list()
    refused = ask(dataframe_records=[{"island": "Biscoe"}])
    assert refused.status_code == 400
    assert "missing inputs" in refused.text
