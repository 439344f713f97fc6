"""Runs that fail: real kernels, real signals."""

from __future__ import annotations

import json
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


def test_killed_kernel(settings: Settings, notebook: Any, tmp_path: Path) -> None:
    """A kernel that dies is noticed, and the cell that it died in is named."""
    path = notebook(tmp_path / "dies.ipynb", "1", "import os\nos.kill(os.getpid(), 9)", "print('after')")
    run, said = failed(path, settings, timeout=120)
    assert "failed in cell 2 of 3" in said
    assert "the kernel died, killed by SIGKILL" in said
    assert run.seconds is not None
    assert run.seconds < 60
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
