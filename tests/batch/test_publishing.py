"""Outputs of real runs: published at success and only then, wherever a process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.batch import Run
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.outputs import Outputs, Staging
from nbdeploy.batch.processes import Worker, here
from nbdeploy.commands import shell
from nbdeploy.errors import RunFailed
from nbdeploy.settings import Settings

SCORE = """%load_ext nbdeploy
from pathlib import Path
auc = 0.87
Path('scores.csv').write_text('id,p')
declared = %deploy output scores.csv --metric auc $auc --metric rows 120
%deploy output {Path('scores.csv')} --name again
"""


def test_a_notebook_publishes(notebook: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run returns its outputs as paths and its metrics as numbers; its record lists them."""
    run = nd.run(notebook(tmp_path / "score.ipynb", SCORE))
    assert run.metrics == {"auc": 0.87, "rows": 120}
    assert run.outputs["scores"].read_text() == "id,p"
    assert list(run.outputs) == ["again", "scores"]
    listed = nd.runs()[0]
    assert (listed.outputs, listed.metrics) == (run.outputs, run.metrics)
    document = json.loads(json.dumps(listed.document()))
    assert document["outputs"]["scores"] == str(run.folder / "outputs" / "scores" / "scores.csv")
    assert document["metrics"] == {"auc": 0.87, "rows": 120}
    assert str(run.outputs["scores"]) in str(run)
    assert "published when run" in run.output.read_text()
    assert shell.run(["runs", run.id[-4:]]) == 0
    assert f"output scores  {run.outputs['scores']}" in capsys.readouterr().out


def test_a_run_that_fails_publishes_nothing(notebook: Any, tmp_path: Path) -> None:
    """What was declared before an error is listed as unpublished, and is kept apart."""
    with pytest.raises(RunFailed) as caught:
        nd.run(notebook(tmp_path / "score.ipynb", SCORE, "1 / 0"))
    run = nd.runs()[0]
    assert (dict(run.outputs), dict(run.metrics)) == ({}, {})
    assert run.unpublished.metrics == {"auc": 0.87, "rows": 120}
    assert run.unpublished.outputs["scores"] == run.folder / "unpublished" / "scores" / "scores.csv"
    assert run.document()["unpublished"]["metrics"] == {"auc": 0.87, "rows": 120}
    assert "unpublished output scores" in str(run)
    assert str(run.id) in str(caught.value)


def test_where_a_run_works(notebook: Any, tmp_path: Path) -> None:
    """Inputs are copied when the run is asked for, into a directory of its own; variables come from files."""
    read = "import os\nfrom pathlib import Path\nprint(Path('day.csv').read_text(), Path('data/x').read_text())\n"
    path = notebook(tmp_path / "project" / "a.ipynb", f"{read}print(os.environ['GREETING'])\nPath('made').touch()")
    Path("day.csv").write_text("today")
    Path("data").mkdir()
    Path("data/x").write_text("deep")
    Path(".env").write_text("# ours\nexport GREETING='good day'\n")
    assert shell.run(["run", str(path), "--input", "day.csv", "--input", "data", "--env-file", ".env"]) == 0
    run = nd.runs()[0]
    assert "today deep\ngood day\n" in nd.logs(run.id)
    assert (run.folder / "work" / "made").exists()
    assert sorted(each.name for each in path.parent.iterdir()) == ["a.ipynb"]


def test_killed_before_it_could_say_so(settings: Settings, tmp_path: Path) -> None:
    """A run whose process is killed after it published has succeeded; one that had not is lost, with nothing to see."""
    folders = [Folder.new(settings.home / "runs", datetime.now(UTC)) for _ in range(2)]
    gone = Worker(here(), 2**22, 1.0)
    with Ledger(settings.db) as ledger:
        for folder in folders:
            run = Run(folder.path.name, tmp_path / "a.ipynb", tmp_path / "a", folder.path, "queued")
            ledger.add(replace(run, created=datetime.now(UTC)))
            assert ledger.start(run.id, gone)
            outputs = Outputs(folder.path)
            outputs.begin()
            Staging(outputs.staged).tell({"auc": 0.5})
        outputs.publish()
        lost, through = (ledger.get(folder.path.name) for folder in folders)
    assert (lost.status, dict(lost.metrics), lost.unpublished.metrics) == ("lost", {}, {"auc": 0.5})
    assert (through.status, through.metrics, through.unpublished.metrics) == ("succeeded", {"auc": 0.5}, {})


PUBLISH = """
import os, sys
from pathlib import Path
import nbdeploy as nd
from nbdeploy.batch.outputs import Outputs

def publish(run):
    os.environ["NBDEPLOY_RUN"] = run
    outputs = Outputs(Path(run))
    outputs.begin()
    for number in range(20):
        Path("file.csv").write_text(str(number) * 100_000)
        nd.output("file.csv", f"file{number}", metrics={f"m{number}": number})
    outputs.publish()

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        publish(line.strip())
        os._exit(0)
    print(pid, flush=True)
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


def test_killed_at_any_time(tmp_path: Path) -> None:
    """All outputs are there, whole, or none is: wherever the process that declares and publishes is killed."""
    seen = set()
    took = 0.0
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for attempt in range(16):
            run = tmp_path / f"run{attempt}"
            run.mkdir()
            process.stdin.write(f"{run}\n")
            process.stdin.flush()
            pid, begun = int(process.stdout.readline()), time.monotonic()
            if attempt:
                time.sleep(took * attempt / 14)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
            took = took or time.monotonic() - begun
            published = Outputs(run).read()
            seen.add(published is not None)
            assert published is not None or not (run / "outputs").exists()
            if published is not None:
                assert sorted(published.metrics.values()) == list(range(20))
                assert {name: path.read_text() for name, path in published.outputs.items()} == {
                    f"file{number}": str(number) * 100_000 for number in range(20)
                }
        process.stdin.close()
    assert seen == {True, False}
