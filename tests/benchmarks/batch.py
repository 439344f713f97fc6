"""What a run costs beyond papermill, what a queue costs beyond its runs, and an idle scheduler: ``python -m
tests.benchmarks.batch``.

Each bar is held against what was measured in the same minutes on the same machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from nbdeploy import batch
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker
from nbdeploy.batch.queue.queue import Queue
from nbdeploy.batch.queue.station import Station
from nbdeploy.settings import Settings
from tests.batch.conftest import write_notebook
from tests.batch.queue.making import dispatchers
from tests.batch.waiting import until
from tests.benchmarks.figures import Figures

_RUNS, _AT_ONCE, _PAIRS, _TIMES = 50, 2, 5, 5
_IDLE_SECONDS, _WARM_SECONDS = 60, 10


def main() -> int:
    """Measure, and print one table."""
    figures = Figures("Runs of notebooks")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = Settings.load(place, {"NBDEPLOY_HOME": f"{place}/home", "NBDEPLOY_RUNS_AT_ONCE": str(_AT_ONCE)})
        path = write_notebook(place / "a.ipynb", "x = 1 + 1", "print(x)", parameters="n = 1")
        ours, theirs = _beside(settings, path)
        figures.add("nbdeploy run, beside papermill (both from a shell)", ours, theirs)
        figures.add("a run beyond papermill : 1.0 s", ours - theirs, 1.0, 1)
        pair = statistics.median(_queue(settings, path, _AT_ONCE) for _ in range(_PAIRS))
        taken = _queue(settings, path, _RUNS)
        figures.add(
            f"{_RUNS} queued, {_AT_ONCE} at once : pairs, one after another", taken, pair * _RUNS / _AT_ONCE, 1.1
        )
        figures.add("from an end to the next start : 0.1 s", _gap(settings), 0.1, 1)
        figures.add("an idle scheduler, share of a core : 0.5 %", _idle(settings, path) * 100, 0.5, 1, "%")
        _left(settings)
    return figures.show()


def _beside(settings: Settings, notebook: Path) -> tuple[float, float]:
    """Median seconds of the same notebook by both programs, in turns; no dispatcher lives before."""
    out = notebook.with_name("out.ipynb")
    ours, theirs = [], []
    for _ in range(_TIMES):
        theirs.append(_program("papermill", str(notebook), str(out)))
        _left(settings)
        ours.append(_program("nbdeploy", "run", str(notebook), str(out), home=settings.home))
    return statistics.median(ours), statistics.median(theirs)


def _program(module: str, *words: str, home: Path | None = None) -> float:
    environment = {"NBDEPLOY_HOME": str(home)} if home else {}
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-P", "-m", module, *words], check=True, capture_output=True, env=_environment(environment)
    )
    return time.perf_counter() - begun


def _queue(settings: Settings, notebook: Path, count: int) -> float:
    """Seconds from the first submission to the last end; a dispatcher lives already."""
    with Ledger(settings.db) as ledger:
        Station(settings.home, ledger.url).wake()
        queue = Queue(ledger, settings.home, Worker.of())
        begun = time.perf_counter()
        for _ in range(count):
            batch.submit(batch.Order.of(notebook), settings=settings)
        while queue.open():
            time.sleep(0.1)
        taken = time.perf_counter() - begun
        assert {run.status for run in ledger.all(count)} == {"succeeded"}
        return taken


def _gap(settings: Settings) -> float:
    """Median seconds between the end of a process and the start of the one that takes its place."""
    runs = [run for run in batch.runs(settings, _RUNS) if run.started and run.finished]
    starts = sorted(run.started for run in runs if run.started)[_AT_ONCE:]
    ends = sorted(run.finished for run in runs if run.finished)
    return statistics.median((start - end).total_seconds() for start, end in zip(starts, ends, strict=False))


def _idle(settings: Settings, notebook: Path) -> float:
    """The share of a core that a scheduler takes that has schedules, and nothing to do."""
    for number in range(20):
        words = ["schedule", "add", f"s{number}", str(notebook), "--cron", "0 6 1 1 *"]
        _program("nbdeploy", *words, home=settings.home)
    scheduler = subprocess.Popen(
        [sys.executable, "-P", "-m", "nbdeploy", "scheduler"],
        env=_environment({"NBDEPLOY_HOME": str(settings.home)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(_WARM_SECONDS)
        before = _cpu(scheduler.pid)
        time.sleep(_IDLE_SECONDS)
        return (_cpu(scheduler.pid) - before) / _IDLE_SECONDS
    finally:
        scheduler.terminate()
        scheduler.wait()


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def _left(settings: Settings) -> None:
    """Wait until no dispatcher lives."""
    until(lambda: not list(dispatchers(settings)))


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Modules are compiled once, as those of installed packages are."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **more}


if __name__ == "__main__":
    sys.exit(main())
