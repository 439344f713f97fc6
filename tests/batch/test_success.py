"""A run that succeeds: one real kernel, looked at from all sides."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nbdeploy import batch
from nbdeploy.settings import Settings
from nbdeploy.types import Progress

DECLARED = """
count: int = 0
ratio = 0.5
flag = False
nothing = 1
zip_code = "00000"
items: list[int] = []
table = {}
word = ""
nan = 0.0
big = 0
"""
CELLS = (
    "# Look\nfrom pathlib import Path\nPath('data.txt').read_text()",
    "values = {name: globals()[name] for name in "
    "('count', 'ratio', 'flag', 'nothing', 'zip_code', 'items', 'table', 'word', 'big')}\n"
    "Path('seen.txt').write_text(repr(values), encoding='utf-8')\nprint('\\x1b[31mloud\\x1b[0m', nan)",
    "import os\nPath('env.txt').write_text(os.environ['NBDEPLOY_HOME'] + ' ' + os.environ['GREETING'])",
)
WORD = 'quote " and \\ backslash, Größe, 企鹅 🐧\nnew line, {braces}, $dollar'
TABLE = {"a": [1, {"b": None}], "ü": -2.5e-300}
TYPED = {"zip_code": "08001", "table": TABLE, "word": WORD, "nan": float("nan"), "big": 2**70}
TYPED_AT_A_PROMPT = {"count": "7", "ratio": "1e-3", "flag": "yes", "nothing": "None", "items": "[1, 2]"}
EXPECTED = {
    "count": 7,
    "ratio": 0.001,
    "flag": True,
    "nothing": None,
    "zip_code": "08001",
    "items": [1, 2],
    "table": TABLE,
    "word": WORD,
    "big": 2**70,
}


@dataclass
class Finished:
    """What a run left."""

    run: batch.Run
    folder: Path
    output: Path
    steps: list[Progress] = field(default_factory=list)


@pytest.fixture(scope="module")
def finished(shared: Settings, notebook: Any, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A notebook for a kernel that is not installed, in a folder with a difficult name."""
    folder = tmp_path_factory.mktemp("project") / "Größe {x} 100%"
    path = notebook(folder / "train.ipynb", *CELLS, parameters=DECLARED, kernel="an-environment-long-gone")
    (folder / "data.txt").write_text("beside the notebook")
    (folder / "json.py").write_text("raise RuntimeError('shadows the standard library')")
    output, steps = folder / "new" / "out.ipynb", list[Progress]()
    texts = {name: batch.Text(text) for name, text in TYPED_AT_A_PROMPT.items()}
    run = batch.run(
        batch.Order.of(path, {**TYPED, **texts}, output=output),
        settings=shared,
        progress=steps.append,
        environment={"GREETING": "hello"},
    )
    return Finished(run, folder, output, steps)


def test_values_arrive_typed(finished: Finished) -> None:
    """Every value has in the kernel the type and content that it was given."""
    seen = ast.literal_eval((finished.folder / "seen.txt").read_text(encoding="utf-8"))
    assert repr(seen) == repr(EXPECTED)


def test_progress(finished: Finished) -> None:
    """Each cell is announced before it runs, and the end is told."""
    told = dict.fromkeys((step.done, step.total, step.unit) for step in finished.steps if step.unit == "cells")
    assert list(told) == [(done, 5, "cells") for done in range(6)]
    assert next(step for step in finished.steps if step.done == 2).message == "# Look"


def test_output(finished: Finished) -> None:
    """The executed notebook is where it was asked for, strict JSON, and names its source."""
    text = finished.output.read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert document["cells"][2]["outputs"][0]["data"]["text/plain"] == ["'beside the notebook'"]
    assert document["metadata"]["papermill"]["input_path"] == str(finished.folder / "train.ipynb")
    assert document["metadata"]["kernelspec"]["name"] == "an-environment-long-gone"
    assert [path.name for path in finished.output.parent.iterdir()] == ["out.ipynb"]


def test_environment(finished: Finished, shared: Settings) -> None:
    """The kernel sees the settings in force, and the variables given."""
    assert (finished.folder / "env.txt").read_text() == f"{shared.home} hello"


def test_record(finished: Finished, shared: Settings) -> None:
    """What the run answers is what the database keeps, found by its id or an end of it."""
    assert finished.run.status == "succeeded"
    assert batch.find(shared, finished.run.id) == finished.run
    assert batch.find(shared, finished.run.id[-4:]) == finished.run
    assert batch.runs(shared)[0] == finished.run


def test_what_is_said(finished: Finished) -> None:
    """The line, the card and the document tell status, time and output."""
    run = finished.run
    assert re.fullmatch(
        rf"run \d{{8}}-\d{{6}}-[0-9a-f]{{4}} succeeded in \d+\.\d s: {re.escape(str(run.output))}", run.line
    )
    assert "zip_code='08001'" in str(run)
    document = json.loads(json.dumps(run.document(), allow_nan=False))
    assert {
        "id": run.id,
        "status": "succeeded",
        "output": str(finished.output),
        "error": None,
    }.items() <= document.items()
    assert document["seconds"] > 0
    assert document["parameters"]["nan"] == "nan"


def test_log(finished: Finished, shared: Settings) -> None:
    """The log holds a heading for each cell and what it printed, without colours, and no noise."""
    log = batch.logs(shared, finished.run.id)
    assert "— cell 4 of 5: values = {" in log
    assert "\nloud nan\n" in log
    assert "arning" not in log


def test_stop_after_the_end(finished: Finished, shared: Settings) -> None:
    """Stopping a run that has ended changes nothing."""
    assert batch.stop(shared, finished.run.id) == finished.run
