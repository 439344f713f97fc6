"""Whether an execution has succeeded: real kernels, in this process."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.batch.executing import execution
from nbdeploy.batch.executing.transcript import Transcript
from nbdeploy.batch.executing.watch import Watch
from nbdeploy.batch.failure import Failed, Failure
from nbdeploy.batch.folder import Folder, Request
from nbdeploy.batch.kernels import Kernel

Execute = Callable[..., tuple[Failure | None, dict[str, Any], str]]
AGAIN = "import os, sys\nos.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])"
UNHEARD = """
import os, sys
code = '''
from ipykernel import kernelapp, kernelbase
own = kernelbase.Kernel._publish_status
kernelbase.Kernel._publish_status = lambda k, status, *a, **b: status == "starting" or own(k, status, *a, **b)
kernelapp.launch_new_instance()
'''
os.execv(sys.executable, [sys.executable, "-c", code, *sys.argv[1:]])
"""
SHOWN = "get_ipython().showtraceback((ValueError, ValueError('shown'), None))"


@pytest.fixture
def execute(tmp_path: Path, notebook: Any) -> Execute:
    """Execute cells; gives why they failed, the executed notebook and the log."""

    def do(*cells: str, tags: dict[int, str] | None = None, **limits: Any) -> Any:
        path = notebook(tmp_path / "a.ipynb", *cells)
        document = json.loads(path.read_text())
        for position, tag in (tags or {}).items():
            document["cells"][position]["metadata"]["tags"] = [tag]
        files, log = Folder(tmp_path / "run"), io.StringIO()
        files.path.mkdir()
        request = Request("run", str(path), str(tmp_path / "out.ipynb"), kernel=limits.pop("kernel", Kernel()))
        files.write(request, json.dumps(document).encode())
        watch = Watch(lambda *_: None, Transcript(log), own=request.kernel.own, **limits)
        failure = None
        try:
            execution.execute(files, request, watch)
        except Failed as error:
            failure = error.failure
        return failure, json.loads(files.executed(request).read_text()), log.getvalue()

    return do


def text_of(cell: dict[str, Any]) -> str:
    return "".join("".join(output.get("text", "")) for output in cell["outputs"])


@pytest.mark.parametrize(
    ("cell", "name", "message"),
    [
        ("import sys\nsys.exit(1)", "SystemExit", "1"),
        ("exit(1)", "SystemExit", "1"),
        ("import os\nos._exit(3)", "DeadKernelError", "the kernel died with exit status 3"),
        (AGAIN, "DeadKernelError", "the kernel restarted itself: what the cells before had made is lost"),
        (UNHEARD, "DeadKernelError", "the kernel restarted itself: what the cells before had made is lost"),
        ("%%bash\nfalse", "CalledProcessError", "non-zero exit status 1"),
        (SHOWN, "ValueError", "shown"),
        ("input('name? ')", "StdinNotImplementedError", "asks for input, and a run has nobody to ask"),
        ("import time\ntime.sleep(60)", "TimeoutError", "the cell took longer than 1 s"),
    ],
)
def test_failed_is_failed(execute: Execute, cell: str, name: str, message: str) -> None:
    """A cell that ends badly in any way fails the run at once, and no cell after it is executed."""
    failure, executed, log = execute("1", cell, "print('after')", cell_timeout=1 if name == "TimeoutError" else 30)
    assert failure is not None
    assert (failure.name, failure.cell, failure.total, failure.source) == (name, 2, 3, cell)
    assert message in failure.message
    assert "after" not in log
    marked = [one for one in executed["cells"] if one["cell_type"] == "code"]
    assert [one["metadata"]["papermill"]["status"] for one in marked] == ["completed", "failed", "pending"]
    assert "papermill-error-cell" in "".join(executed["cells"][0]["source"])


def test_errors_that_are_expected_and_cells_that_are_passed_over(execute: Execute) -> None:
    """Tags say which errors are expected and which cells not to run; a notebook that ends itself well is no failure."""
    cells = ("1 / 0", "1 / 0", "", "print('last')\nimport sys\nsys.exit()", "print('never')")
    failure, executed, log = execute(*cells, tags={0: "raises-exception", 1: "skip"})
    assert failure is None
    assert [bool(one["outputs"]) for one in executed["cells"]] == [True, False, False, True, False]
    assert executed["cells"][4]["metadata"]["nbdeploy"] == {"skipped": "the notebook ended itself before"}
    assert "ZeroDivisionError" in log
    assert "never" not in log
    assert "— the notebook has ended itself in cell 4 of 5" in log


def test_a_notebook_that_prints_much(execute: Execute) -> None:
    """Of what a cell prints its beginning and its end are kept; a progress bar takes one line."""
    much = "for number in range(300):\n    print(f'{number:05}' + 'x' * 99_994)"
    bar = "import sys, time\nfor n in range(5):\n    print(f'\\r{n} of 4', end='', file=sys.stderr, flush=True)"
    shown = "from IPython.display import HTML, display\nfor n in range(3):\n    display(HTML('y' * 2**25))"
    failure, executed, log = execute(much, bar, shown)
    assert failure is None
    first, second, third = executed["cells"]
    printed = text_of(first)
    assert len(printed) < 2**20 + 2**17
    assert printed.startswith("00000xxx")
    assert printed.endswith("xxx\n")
    assert "… 28 MiB left out …\n" in printed
    assert len(log) < 10 * 2**20 + 2**17
    assert "… 19 MiB left out …\n" in log
    assert text_of(second).strip() == "4 of 4"
    assert log.count(" of 4") == 1
    assert [output["output_type"] for output in third["outputs"]] == ["display_data", "stream"]
    assert text_of(third) == "… 2 outputs (64 MiB) left out …\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["/no/such/python", "-f", "{connection_file}"], "No such file or directory.*; its command: /no/such/python"),
        (["/bin/sh", "-c", "echo no licence >&2; exit 5"], "did not get ready with exit status 5"),
    ],
)
def test_a_kernel_that_does_not_start(
    execute: Execute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], message: str
) -> None:
    """The message names the kernel, its command and how it ended."""
    place = tmp_path / "jupyter" / "kernels" / "broken"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "b", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    failure, _, _ = execute("1", kernel=Kernel("broken", own=False))
    assert failure is not None
    assert failure.name == "KernelNotStarted"
    assert failure.message.startswith("the kernel 'broken' could not be started: ")
    assert re.search(message, failure.message)
