"""Runs that fail: real kernels, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbdeploy import batch
from nbdeploy.batch.failure import Failure
from nbdeploy.errors import RunFailed
from nbdeploy.settings import Settings
from nbdeploy.types import Progress


def failed(notebook: Path, settings: Settings, **options: Any) -> tuple[batch.Run, str]:
    with pytest.raises(RunFailed) as caught:
        batch.run(batch.Order.of(notebook, **options), settings=settings)
    run = caught.value.run
    assert isinstance(run, batch.Run)
    assert batch.find(settings, run.id) == run
    return run, str(caught.value)


def test_failing_cell(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """The error shows the cell, its source and the error; the output is kept up to there."""
    cells = ("print('before')", "x = 1\n1 / 0", "print('after')")
    output = tmp_path / "out.ipynb"
    run, said = failed(notebook(tmp_path / "bad.ipynb", *cells), settings, output=output)
    assert "bad.ipynb failed in cell 2 of 3\n    1 | x = 1\n>   2 | 1 / 0\nZeroDivisionError: division by zero" in said
    assert run.error is not None
    assert (run.error.cell, run.error.total, run.error.source) == (2, 3, "x = 1\n1 / 0")
    assert "----> 2 1 / 0" in run.error.traceback
    assert "\x1b" not in run.error.traceback
    text = output.read_text()
    assert "before\\n" in text
    assert "after\\n" not in text
    assert "failed in cell 2 of 3: ZeroDivisionError" in run.line
    assert json.loads(json.dumps(run.document()))["error"]["name"] == "ZeroDivisionError"


LEAVING = """
import os, subprocess, sys, time
from pathlib import Path
from nbdeploy.survival import survivor
held = bytearray(os.urandom(2**20) * 200)
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
kept = subprocess.Popen(sleeper, env=survivor(), start_new_session=True).pid
if os.fork() == 0:
    os.setsid()
    daemon = subprocess.Popen(sleeper, start_new_session=True, stdin=-3, stdout=-3, stderr=-3).pid
    Path("pids.part").write_text(f"{os.getppid()} {daemon} {kept}")
    Path("pids.part").rename("pids")
    os._exit(0)
os.wait()
time.sleep(600)
"""


def test_killed_kernel(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """The signal, the memory and the cell are told within seconds; daemons end with the run, survivors do not."""
    killed: list[float] = []

    def kill() -> None:
        while not (tmp_path / "pids").exists():
            time.sleep(0.05)
        time.sleep(1.2)
        os.kill(int((tmp_path / "pids").read_text().split()[0]), signal.SIGKILL)
        killed.append(time.monotonic())

    killer = threading.Thread(target=kill)
    killer.start()
    run, said = failed(notebook(tmp_path / "dies.ipynb", "1", LEAVING, "print('after')"), settings, timeout=120)
    ended = time.monotonic()
    killer.join()
    assert ended - killed[0] < 5
    _, daemon, kept = map(int, (tmp_path / "pids").read_text().split())
    assert psutil.pid_exists(kept)
    psutil.Process(kept).kill()
    assert not psutil.pid_exists(daemon)
    assert f"process {daemon} " in batch.logs(settings, run.id)
    assert "failed in cell 2 of 3" in said
    found = re.search(
        r"the kernel died, killed by SIGKILL; the run took (\d+) MiB of memory then, \d+ MiB at most", said
    )
    assert found is not None
    assert int(found[1]) > 200
    assert run.peak_memory is not None
    assert run.peak_memory > 200 * 2**20
    assert run.document()["peak_memory"] == run.peak_memory
    assert "of memory at most" in str(run)
    assert "DeadKernelError" in run.output.read_text()


def test_killed_process(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """If the run's own process is killed, the run is lost and says how."""
    run, said = failed(notebook(tmp_path / "orphan.ipynb", "import os\nos.kill(os.getppid(), 9)"), settings)
    assert run.status == "lost"
    assert "the run's process was killed by signal 9" in said
    assert "— cell 1 of 1: import os" in said


def test_timeout(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """A run that takes longer than allowed is ended, and the kernel with it."""
    path = notebook(tmp_path / "slow.ipynb", "import threading\nthreading.Event().wait()")
    run, said = failed(path, settings, timeout=4)
    assert "TimeoutError: the run took longer than 4 s" in said
    assert run.status == "failed"


def test_output_that_became_unwritable(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """If the output cannot be written in the end the run has failed, and the notebook is kept."""
    output = tmp_path / "out.ipynb"
    run, said = failed(notebook(tmp_path / "a.ipynb", f"import os\nos.mkdir({str(output)!r})"), settings, output=output)
    assert "NotWritable" in said
    assert json.loads(run.output.read_text())["cells"][0]["execution_count"] == 1


def test_interrupt(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """Ctrl-C while waiting stops the run, its process and its kernel, and says so in the record."""
    note = "import os\nfrom pathlib import Path\nPath('pids').write_text(f'{os.getpid()} {os.getppid()}')"
    path = notebook(tmp_path / "long.ipynb", note, "import threading\nthreading.Event().wait()")

    def interrupt(step: Progress) -> None:
        if step.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.run(batch.Order.of(path), settings=settings, progress=interrupt)
    assert [run.status for run in batch.runs(settings)] == ["stopped"]
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


def test_long_cell_is_shortened_around_the_error() -> None:
    """Of a long cell the lines around the failing one are shown."""
    source = "\n".join(f"line {number}" for number in range(1, 101))
    shown = Failure("E", "m", 1, 1, source=source, traceback="Cell In[1], line 50\n").excerpt().splitlines()
    assert shown[0].strip() == shown[-1].strip() == "…"
    assert "> 50 | line 50" in "\n".join(shown).replace(">  ", "> ")
    assert len(shown) == 17
