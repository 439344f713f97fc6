"""A request of 1,000 rows by the binary tensor extension, beside the model alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.serving.bars import Batch
from tests.benchmarks.serving.load import Load, load, median
from tests.benchmarks.serving.ours import Ours

__all__ = ["binary"]

_ROWS = 1_000

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


def binary(folder: Path, ours: Ours, models: Sequence[str], turns: int, seconds: float) -> list[Batch]:
    """Measure medians in milliseconds; the endpoint and the model alone take turns."""
    return [_measured(folder, ours, model, turns, seconds) for model in models]


def _measured(folder: Path, ours: Ours, model: str, turns: int, seconds: float) -> Batch:
    import numpy as np
    from sklearn.datasets import load_breast_cancer

    X = load_breast_cancer().data
    ask = ours.ask_binary(model, np.ascontiguousarray(np.resize(X, (_ROWS, X.shape[1]))))
    alone, loads = list[float](), list[Load]()
    for _ in range(turns):
        alone.append(_alone(folder / f"{model}.joblib"))
        loads.append(load(ours.port, ask, 1, seconds))
    found = median(loads)
    return Batch(model, found.p50, statistics.median(alone), f"{found.failed} requests failed" if found.failed else "")


def _alone(model: Path) -> float:
    command = [sys.executable, "-c", _ALONE, str(model)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
