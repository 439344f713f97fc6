"""Cells of a real IPython shell: magics, futures, cells run again, and how they are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Script = Callable[[str], dict[str, Any]]

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance(user_module=sys.modules["__main__"])

def run(cell):
    shell.run_cell(cell, store_history=True).raise_error()

def source(model):
    from nbdeploy.snapshots.capture import capture
    captured = capture(model)
    return captured.files[f"code/{captured.module}.py"].decode()
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came out of one shell's cells."""
    import json
    import os
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("shell")
    (folder / "helpers_here.py").write_text("def tidy(x):\n    return x.strip()\n")
    (folder / "script.py").write_text(SHELL + CELLS)
    environment = {**os.environ, "NBDEPLOY_HOME": str(folder / "home"), "IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    answer: dict[str, Any] = json.loads((folder / "answer.json").read_text())
    return answer


CELLS = r"""
from nbdeploy.errors import NotCapturable
from nbdeploy.snapshots.capture import capture
from nbdeploy.snapshots.capture.secrets import find_secrets

said = {}
run("%%time\nimport math\ndef timed(x):\n    return math.floor(x)")
said["time"] = source(timed)
run("%%capture\ndef quiet(x):\n    return x + 1")
said["capture"] = source(quiet)
run("%time LIMIT = 3\nfiles = !echo hello\ndef limited(x):\n    return x > LIMIT, files[0]")
said["line magics"] = source(limited)
run("def edited(x):\n    return 'first'")
kept = edited
run("def edited(x):\n    return 'second'")
said["edited"] = source([kept, edited])
run("from __future__ import annotations")
run("from dataclasses import dataclass\n@dataclass\nclass Point:\n    x: Undefined\n"
    "    def far(self) -> Point:\n        return Point(2 * self.x)\npoint = Point(1)")
said["annotations"] = source(point)
run("from helpers_here import tidy\n%alias_magic t time\ndef clean(x):\n    return tidy(x)")
said["helper"] = sorted(capture(clean).files)
run("token = 1\n\ndef leaking(x):\n    password = 'hunter2!Xy9'\n    return x")
said["secret"] = [str(finding) for finding in find_secrets(leaking, capture(leaking))]
run("%%time\nx = 1\ndef leaking_too(x):\n    password = 'hunter2!Xy9'\n    return x")
said["secret below a cell magic"] = [str(finding) for finding in find_secrets(leaking_too, capture(leaking_too))]
run("%%writefile helpers_late.py\nVALUE = 5")
run("import helpers_late\ndef late(x):\n    return helpers_late.VALUE")
said["written"] = sorted(capture(late).files)
run("def shelled(x):\n    display(x)\n    return get_ipython()")
said["shell names"] = source(shelled)

import json
json.dump(said, open("answer.json", "w"))
"""


@pytest.mark.parametrize(
    ("what", "written"),
    [
        ("time", ["import math", "def timed(x):\n    return math.floor(x)"]),
        ("capture", ["def quiet(x)"]),
        ("line magics", ["LIMIT = 3", "# files: a SList, carried beside this file"]),
        ("edited", ["def edited_2(x):\n    return 'first'", "def edited(x):\n    return 'second'"]),
        ("annotations", ["from __future__ import annotations", "class Point:\n    x: Undefined"]),
        ("shell names", ["from IPython import get_ipython", "import display"]),
    ],
)
def test_cells_are_captured_as_they_ran(said: dict[str, Any], what: str, written: list[str]) -> None:
    """Whatever magic a cell began with, and however often it was edited since."""
    for text in written:
        assert text in said[what], said[what]


def test_files_beside_the_notebook_are_found(said: dict[str, Any]) -> None:
    """Also one that a cell has written."""
    assert "code/helpers_here.py" in said["helper"]
    assert "code/helpers_late.py" in said["written"]


def test_cells_are_named_as_the_notebook_names_them(said: dict[str, Any]) -> None:
    """By the number beside the cell, and the line in it, a cell magic's line included."""
    assert said["secret"] == ["In [9], line 4: Secret Keyword"]
    assert said["secret below a cell magic"] == ["In [10], line 4: Secret Keyword"]


def test_helpers_beside_a_script_travel_with_its_snapshot(home: Path, script: Script) -> None:
    """Proven in a clean process where they are not; two versions with different helpers load side by side."""
    import nbdeploy as nd

    notebook = """
import pandas as pd
import nbdeploy as nd
from helpers_of_script import Model
df = pd.DataFrame({"a": [1.0, 2.0]})
answer = nd.snapshot(Model(), "helped", data=df).document()
"""
    helper = "FACTOR = {}\nclass Model:\n    def predict(self, rows):\n        return (rows['a'] * FACTOR).tolist()\n"
    for factor in (3, 50):
        (home.parent / "helpers_of_script.py").write_text(helper.format(factor))
        assert script(notebook)["runs_code"] is True
    first, second = nd.load("helped:1"), nd.load("helped:2")
    assert (first.predict([{"a": 1.0}]), second.predict([{"a": 1.0}])) == ([3.0], [50.0])
    assert (first.bundle.path / "code/helpers_of_script.py").read_text() == helper.format(3)
