"""Pipelines of real runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.parameters import Text
from nbdeploy.batch.schedules import PipelineJob, Surroundings
from nbdeploy.commands import shell
from nbdeploy.errors import RunFailed, WrongUsage
from nbdeploy.settings import Settings
from nbdeploy.types import Progress

PREPARE = """import nbdeploy as nd
from pathlib import Path
Path('made.txt').write_text(f'rows of {month}')
nd.output('made.txt', 'table', metrics={'rows': 3})
"""
TRAIN = """import nbdeploy as nd
from pathlib import Path
if not Path('mended').exists():
    raise ValueError('no labels')
nd.output(metrics={'auc': rows / 4})
print(Path(data).read_text())
"""
PIPELINE = """\
parameters: {month: }
steps:
  train:
    notebook: train.ipynb
    parameters: {data: "${steps.prepare.outputs.table}", rows: "${steps.prepare.metrics.rows}"}
  prepare:
    notebook: prepare.ipynb
    parameters: {month: "${parameters.month}"}
    outputs: [table]
  other:
    notebook: other.ipynb
"""


@pytest.fixture
def project(notebook: Any) -> Path:
    folder = Path("project").absolute()
    notebook(folder / "prepare.ipynb", PREPARE, parameters="month = ''")
    notebook(folder / "train.ipynb", TRAIN, parameters="data: str\nrows: int = 0")
    notebook(folder / "other.ipynb", "1")
    (folder / "monthly.yaml").write_text(PIPELINE)
    return folder


def test_a_pipeline_that_goes_on(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs and metrics are passed on; what failed is run again when it goes on, and what succeeded is not."""
    path = str(project / "monthly.yaml")
    assert shell.run(["run", path, "-p", "month", "2026-09", "--json"]) == 1
    answer = capsys.readouterr()
    first = json.loads(answer.out)
    assert {step["name"]: step["status"] for step in first["steps"]} == {
        "train": "failed",
        "prepare": "succeeded",
        "other": "succeeded",
    }
    assert first["steps"][0]["error"].endswith("ValueError: no labels")
    assert f"next: nbdeploy run {path} --resume {first['id']}" in answer.err
    (project / "mended").touch()
    steps: list[Progress] = []
    found = nd.pipeline(path, resume=first["id"][-4:], progress=steps.append)
    assert found.line.startswith(f"pipeline {first['id']} of monthly.yaml succeeded: 3 steps in ")
    assert found["train"].metrics == {"auc": 0.75}
    assert "rows of 2026-09" in nd.logs(found["train"].id)
    assert found["prepare"].id == first["steps"][1]["run"]["id"]
    assert len(nd.runs()) == 4
    assert {(step.total, step.unit) for step in steps} == {(3, "steps")}
    assert steps[0].done == 2


def test_what_a_step_was_to_publish(project: Path) -> None:
    """A step that does not publish what it says has failed, and what needs it does not begin."""
    (project / "monthly.yaml").write_text(
        "steps:\n  a: {notebook: other.ipynb, outputs: [table]}\n  b: {notebook: other.ipynb, needs: a}\n"
    )
    with pytest.raises(RunFailed, match=r"step a failed: run .* did not publish output table; not begun: b; next:"):
        nd.pipeline(project / "monthly.yaml")
    assert len(nd.runs()) == 1


def test_interrupted(project: Path) -> None:
    """An interrupt stops what goes on, and says how to go on."""

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"was stopped; next: nbdeploy run .*monthly\.yaml --resume"):
        nd.pipeline(project / "monthly.yaml", {"month": "2026-09"}, progress=interrupt)
    assert {run.status for run in nd.runs()} == {"stopped"}


def test_refused(project: Path) -> None:
    """How steps run is said in the file only; parameters are the pipeline's own."""
    path = project / "monthly.yaml"
    with pytest.raises(WrongUsage, match=r"monthly\.yaml says itself how its steps run: leave out kernel"):
        nd.pipeline(path, kernel="python3")
    with pytest.raises(WrongUsage, match="needs a value for month"):
        nd.pipeline(path)
    assert shell.run(["run", str(path), "out.ipynb"]) == 2
    assert shell.run(["run", str(path), "--kernel", "python3"]) == 2
    assert len(nd.runs()) == 0


def test_a_schedule_runs_a_pipeline(project: Path, settings: Settings) -> None:
    """The words of a time are put into its parameters; the run of a time is the command that anybody would type."""
    order = Order.of("project/monthly.yaml", {"month": Text("{{ previous_month }}")}, raw={"month": "x"})
    job = PipelineJob.of(order, Surroundings.of(settings, Path.cwd()))
    due = datetime(2026, 10, 1, tzinfo=UTC)
    job.check(due)
    prepared = job.prepare(due, settings, "monthly")
    request = prepared.folder.read()
    assert request.command[3:] == [
        "nbdeploy", "run", "--json", "--progress=json",
        "--parameter", "month", "2026-09", "--raw", "month", "x", "--", str(project / "monthly.yaml"),
    ]  # fmt: skip
    assert prepared.run.command == "run --parameter month 2026-09 --raw month x monthly.yaml"
    with pytest.raises(WrongUsage, match="leave out kernel"):
        PipelineJob.of(Order.of("project/monthly.yaml", kernel="python3"), job.at)
