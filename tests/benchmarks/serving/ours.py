"""Our own endpoint, as a user starts it: with tokens, metrics and the prediction log."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.serving.models import MODELS, Rows
from tests.benchmarks.serving.peers import Ask
from tests.benchmarks.serving.processes import free_port

__all__ = ["Ours", "endpoint"]


@dataclass(frozen=True)
class Ours:
    """A running endpoint that serves every model, and a token for predictions."""

    port: int
    token: str

    def ask(self, model: str, rows: Rows) -> Ask:
        """Return a request of JSON records."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        return Ask(f"/models/{model}/predict", msgspec.json.encode(rows.records()), headers)

    def ask_binary(self, model: str, table: Any) -> Ask:
        """Return a request of the binary tensor extension of the Open Inference Protocol, for binary answers."""
        tensor = {
            "name": "input",
            "shape": list(table.shape),
            "datatype": "FP64",
            "parameters": {"binary_data_size": table.nbytes},
        }
        head = msgspec.json.encode({"inputs": [tensor], "parameters": {"binary_data_output": True}})
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
            "Authorization": f"Bearer {self.token}",
        }
        return Ask(f"/v2/models/{model}/infer", head + table.tobytes(), headers)


@contextlib.contextmanager
def endpoint(home: Path, options: Sequence[str] = ()) -> Iterator[Ours]:
    """Serve all models of a home, as ``nbdeploy serve`` does."""
    port = free_port()
    with (home / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "nbdeploy", "serve", "--port", str(port), *options]
        process = subprocess.Popen(command, env=_environment(home), stdout=log, stderr=log)
        try:
            _wait(process, port, home)
            for model in MODELS:
                _run(home, "push", model, "--to", "local")
            yield Ours(
                port, json.loads(_run(home, "token", "create", "bench", "--scope", "predict", "--json"))["token"]
            )
        finally:
            process.terminate()
            process.wait(30)


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "NBDEPLOY_HOME": str(home)}


def _run(home: Path, *words: str) -> str:
    command = [sys.executable, "-m", "nbdeploy", *words]
    done = subprocess.run(command, env=_environment(home), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"nbdeploy {' '.join(words)}: {done.stderr}")
    return done.stdout


def _wait(process: subprocess.Popen[bytes], port: int, home: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            break
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5),
        ):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the endpoint does not start: {(home / 'serve.log').read_text()}")
