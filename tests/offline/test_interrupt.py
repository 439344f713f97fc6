"""An interrupt stops a job cleanly, and says how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

import nbdeploy as nd
from nbdeploy.offline.journal import place_of
from tests.models import NUMBERS, penguins


@pytest.mark.parametrize("workers", ["1", "2"])
def test_control_c_keeps_what_is_done(stock: Path, workers: str) -> None:
    """Exit status 130, one line that names ``--resume``, no half-written output, no process left."""
    frame = penguins()[0][NUMBERS].fillna(0.0)
    pd.concat([frame] * 100).to_csv("in.csv", index=False)
    words = ["predict", "forest", "in.csv", "--out", "out.csv", "--chunk", "50", "--workers", workers]
    journal = place_of(Path("out.csv"))
    with subprocess.Popen(
        [sys.executable, "-m", "nbdeploy", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as job:
        while not (journal.exists() and journal.stat().st_size > 5_000) and job.poll() is None:
            time.sleep(0.001)
        started = psutil.Process(job.pid).children(recursive=True)
        os.kill(job.pid, signal.SIGINT)
        _, said = job.communicate(timeout=60)
    assert job.returncode == 130, said
    assert "out.csv is not written: the same command with --resume goes on" in said
    assert "Traceback" not in said
    assert sorted(p.name for p in Path().iterdir()) == [".out.csv.nbdeploy-journal", "in.csv"]
    assert not any(process.is_running() for process in started)
    assert nd.predict("forest", "in.csv", "out.csv", resume=True).rows == 34_400
