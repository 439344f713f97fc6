"""Going on from a checkpoint: real runs, real kernels."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import batch
from nbdeploy.batch.checkpoints import save
from nbdeploy.errors import Conflict, InvalidData, RunFailed, WrongUsage
from nbdeploy.settings import Settings

SETUP = """
%load_ext nbdeploy
import json as codec
from pathlib import Path
from dataclasses import dataclass
LIMIT = 5
counter = 0

@dataclass
class Point:
    x: int

def double(value):
    return value * 2 * factor

class Child(Point if True else made_later):
    pass
"""
SLOW = """
Path("slow.txt").open("a").write("x")
import numpy as np
factor = 10
matrix = np.arange(200_000.0).reshape(1000, 200)
view = {"same": matrix, "points": [Point(1), Child(2)]}
half = lambda value: value / 2
print("slow part")
"""
MARK = "%deploy checkpoint factor matrix view half"
AFTER = """
assert view["same"] is matrix and matrix[-1, -1] == 199_999
assert isinstance(view["points"][0], Point) and type(view["points"][1]) is Child
assert half(double(3)) == 30 and LIMIT == 5 and codec.loads("[1]") == [1]
assert "counter" not in globals() or attempts == 1
attempts = len(Path("slow.txt").read_text())
if not Path("repaired").exists():
    raise ConnectionError(month)
factor = 11
"""
LAST = "%deploy output --metric answer {double(1)}"


def code(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text())["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@dataclass
class Project:
    """A notebook whose run has failed after its checkpoint."""

    settings: Settings
    notebook: Path
    failed: batch.Run
    said: str

    def resume(self, **options: Any) -> batch.Run:
        order = batch.Order.of(options.pop("notebook", ""), resume=self.failed.id[-8:], **options)
        return batch.run(order, settings=self.settings)

    @property
    def slow(self) -> int:
        return len((self.notebook.parent / "slow.txt").read_text())


@pytest.fixture(scope="module")
def project(shared: Settings, notebook: Any, tmp_path_factory: pytest.TempPathFactory) -> Project:
    path = notebook(
        tmp_path_factory.mktemp("project") / "long.ipynb",
        SETUP,
        SLOW,
        MARK,
        AFTER.replace("or attempts == 1", "or True"),
        LAST,
        parameters="month = 1\nattempts = 1",
    )
    with pytest.raises(RunFailed) as caught:
        batch.run(batch.Order.of(path, {"month": 7}), settings=shared)
    assert isinstance(caught.value.run, batch.Run)
    return Project(shared, path, caught.value.run, str(caught.value))


def test_a_run_goes_on_after_its_checkpoint(project: Project) -> None:
    """What came before is shown and not executed; imports, definitions and variables are back, parameters the same."""
    assert project.said.endswith(f"; from its checkpoint: nbdeploy run --resume {project.failed.id}")
    assert project.failed.error is not None
    assert (project.failed.error.name, project.failed.error.message, project.slow) == ("ConnectionError", "7", 1)
    said = [text for cell in code(project.failed.output) for out in cell["outputs"] for text in out.get("text", ())]
    assert any("factor, matrix, view, half (2 MiB) hold when this cell has ended" in text for text in said)
    (project.notebook.parent / "repaired").touch()
    try:
        run = project.resume()
    finally:
        (project.notebook.parent / "repaired").unlink()
    assert (run.status, project.slow, run.parameters["month"]) == ("succeeded", 1, 7)
    assert run.metrics == {"answer": 22}
    *before, restoring, after, last = code(run.output)
    assert [cell["metadata"]["nbdeploy"]["skipped"] for cell in before] == [
        f"restored from run {project.failed.id}"
    ] * 5
    assert before[3]["outputs"][0]["text"] == ["slow part\n"]
    assert restoring["outputs"][0]["text"] == ["restored factor, matrix, view, half\n"]
    assert after["metadata"]["papermill"]["status"] == last["metadata"]["papermill"]["status"] == "completed"
    assert f"— cells 1 to 5 are skipped: restored from run {project.failed.id}" in batch.logs(project.settings, run.id)
    assert not (run.folder / "checkpoints").exists()


def test_only_what_comes_after_may_have_changed(project: Project) -> None:
    """A cell before the checkpoint, or a parameter: refused before anything runs, naming it. A repaired cell runs."""
    written = project.notebook.read_text()
    with pytest.raises(Conflict, match=r"parameter 'month' was 7 in run .* and is 8 here: run the notebook without"):
        project.resume(parameters={"month": 8})
    project.notebook.write_text(written.replace("slow part", "other part"))
    with pytest.raises(Conflict, match=r"code cell 3 of .*long\.ipynb is not what it was in run .*after code cell 4"):
        project.resume(notebook=project.notebook)
    project.notebook.write_text(written.replace("raise ConnectionError(month)", "raise KeyError(month)"))
    try:
        with pytest.raises(RunFailed) as caught:
            project.resume()
    finally:
        project.notebook.write_text(written)
    assert isinstance(caught.value.run, batch.Run)
    assert caught.value.run.error is not None
    assert (caught.value.run.error.name, project.slow) == ("KeyError", 1)
    assert (caught.value.run.folder / "checkpoints").exists()


def test_what_cannot_be_resumed_is_said(project: Project, settings: Settings) -> None:
    """A run that has succeeded, none at all, nothing named."""
    with pytest.raises(WrongUsage, match="name a notebook, or a run to --resume"):
        batch.run(batch.Order.of(""), settings=settings)
    done = next(run for run in batch.runs(project.settings) if run.status == "succeeded")
    with pytest.raises(WrongUsage, match="has succeeded: there is nothing to resume"):
        batch.run(batch.Order.of("", resume=done.id), settings=project.settings)


def test_a_retry_goes_on_after_the_checkpoint_too(
    settings: Settings, notebook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second attempt does not execute what the first has saved, and has its secrets again."""
    monkeypatch.setenv("TOKEN", "sesame-open")
    first = "from pathlib import Path\nPath('first.txt').open('a').write('x')\nkept = 41\nimport nbdeploy as nd"
    second = "again = Path('tried').exists()\nPath('tried').touch()\nkept += 1\nif not again: import os; os._exit(1)"
    path = notebook(
        tmp_path / "a.ipynb",
        first,
        "nd.checkpoint(kept=kept)",
        second,
        "assert (kept, token) == (42, 'sesame' + '-open')",
        parameters="token = ''",
    )
    order = batch.Order.of(path, {"token": batch.Secret("env:TOKEN")}, retries=1, retry_wait=0.0)
    run = batch.run(order, settings=settings)
    assert (run.status, run.attempt) == ("succeeded", 2)
    assert (tmp_path / "first.txt").read_text() == "x"
    assert "— cells 1 to 4 are skipped: restored from attempt 1" in batch.logs(settings, run.id)


def test_saving_outside_of_a_run_says_so_and_does_nothing(tmp_path: Path) -> None:
    """It is no error: the same notebook works in Jupyter."""
    saved = save({"x": 1, "y": 2})
    assert saved.line == "checkpoint of x, y: this is no run, nothing is saved; nbdeploy run NOTEBOOK would save it"
    assert saved.document() == {"run": None, "names": ["x", "y"], "bytes": 0}
    assert list(tmp_path.glob("**/checkpoints")) == []


def test_what_cannot_be_saved_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, its type and what to do; nothing half-written is left."""
    (tmp_path / "run" / "staged").mkdir(parents=True)
    monkeypatch.setenv("NBDEPLOY_RUN", str(tmp_path / "run"))
    with pytest.raises(
        InvalidData, match=r"handle cannot be saved in a checkpoint: it is of type generator .*leave it"
    ):
        save({"fine": 1, "handle": (each for each in [1])})
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []
    assert save({"fine": sys.maxsize}).run == "run"
