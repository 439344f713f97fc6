"""A request of 1,000 rows by the binary tensor extension, beside the model alone."""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.serving.bars import Batch
from tests.benchmarks.serving.ours import Ours

__all__ = ["binary"]

_ROWS, _TIMES = 1_000, 60

_ALONE = """
import sys, time, statistics, joblib, numpy as np
from sklearn.datasets import load_breast_cancer
model, X = joblib.load(sys.argv[1]), load_breast_cancer().data
X = np.ascontiguousarray(np.resize(X, (1000, X.shape[1])))
taken = []
for _ in range(60):
    begun = time.perf_counter()
    model.predict(X)
    taken.append(time.perf_counter() - begun)
print(statistics.median(taken) * 1000)
"""


def binary(folder: Path, ours: Ours, models: Sequence[str]) -> list[Batch]:
    """Measure medians in milliseconds."""
    return [_measured(folder, ours, model) for model in models]


def _measured(folder: Path, ours: Ours, model: str) -> Batch:
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    X = load_breast_cancer().data
    ask = ours.ask_binary(model, np.ascontiguousarray(np.resize(X, (_ROWS, X.shape[1]))))
    command = [sys.executable, "-c", _ALONE, str(folder / f"{model}.joblib")]
    alone = float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    connection, taken = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=30), []
    for _ in range(_TIMES):
        begun = time.perf_counter()
        connection.request("POST", ask.path, ask.body, dict(ask.headers))
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200:
            return Batch(model, reason=f"status {answer.status}: {body[:120].decode(errors='replace')}")
    return Batch(model, statistics.median(taken), alone)
