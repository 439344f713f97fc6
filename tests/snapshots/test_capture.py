"""What a model reaches in the notebook becomes one readable module that stands alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.snapshots.capture.settings import settings_of
from tests.snapshots.conftest import Cells

Script = Callable[[str], dict[str, Any]]

CAPTURE = """
from nbdeploy.snapshots.capture import capture
captured = capture(model)
source = {path: content.decode() for path, content in captured.files.items() if path.endswith(".py")}
answer = {"module": captured.module, "source": "".join(source.values()), "packages": sorted(captured.packages)}
"""

REFUSED = """
from nbdeploy.snapshots.capture import capture
try:
    capture(model)
except Exception as error:
    answer = {"kind": type(error).__name__, "message": str(error)}
"""


def defined(source: str) -> dict[str, Any]:
    """Run captured source in an empty module, as a clean process does."""
    namespace: dict[str, Any] = {"__name__": "captured"}
    exec(compile(source, "captured.py", "exec", dont_inherit=True), namespace)
    return namespace


def test_classes_with_bases_decorators_and_class_attributes(script: Script) -> None:
    """What a definition needs while it is being defined comes before it, whatever the order of use."""
    answer = script(
        """
import functools
from dataclasses import dataclass, field
import math as m

LIMITS = {"low": 1, "high": [2, 3]}

class Base:
    unit = m.pi
    def base(self): return Later().value

def doubled(function):
    @functools.wraps(function)
    def inner(*args): return 2 * function(*args)
    return inner

class Model(Base):
    high = LIMITS["high"]
    @doubled
    def predict(self, rows): return [self.unit + len(self.high) + self.base() for _ in rows]

@dataclass
class Later:
    value: int = 5
    more: list = field(default_factory=list)

model = Model()
"""
        + CAPTURE
    )
    namespace = defined(answer["source"])
    assert namespace["Model"]().predict([0]) == 2 * [3.141592653589793 + 2 + 5]
    assert "import math as m" in answer["source"]


def test_local_names_are_not_mistaken_for_globals(script: Script) -> None:
    """A variable of a function, though the notebook has one of that name, is not carried along."""
    answer = script(
        """
rows = "a large table that the function does not use"
total = object()
def model(rows):
    total = sum(rows)
    return [total for row in rows]
"""
        + CAPTURE
    )
    assert "large table" not in answer["source"]
    assert defined(answer["source"])["model"]([1, 2]) == [3, 3]


def test_lambdas_and_their_like_on_one_line(script: Script) -> None:
    """A lambda is found by its code, beside another on its line."""
    answer = script(
        "shift = 3\nother, model = (lambda rows: rows), (lambda rows: [r + shift for r in rows])\n" + CAPTURE
    )
    namespace = defined(answer["source"])
    (name,) = [name for name in namespace if name.startswith("lambda_")]
    assert namespace[name]([1]) == [4]


def test_values_used_while_defining_come_first(home: Path, script: Script) -> None:
    """A default argument and a class attribute that are arrays of the notebook are there when they are needed."""
    script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
LIMIT = np.array([2.0])
class Model:
    weights = LIMIT * 3
    def predict(self, rows, limit=LIMIT): return (rows["a"] * self.weights[0] > limit[0]).to_numpy()
nd.snapshot(Model(), "early", pd.DataFrame({"a": [0.0, 1.0]}))
answer = {}
"""
    )
    import nbdeploy as nd

    assert nd.load("early").predict([{"a": 0.0}, {"a": 1.0}]).tolist() == [False, True]


def test_instances_bring_their_classes_and_names_keep_their_aliases(script: Script) -> None:
    """Classes reached through attributes, imported names under other names, functions under a second name."""
    answer = script(
        """
from os.path import join as glue
class Part:
    @property
    def where(self): return glue("a", "b")
class Model:
    def __init__(self): self.parts = {"x": [Part()]}
    def predict(self, rows): return [helper(self.parts["x"][0]) for _ in rows]
def read(part): return part.where
helper = read
model = Model()
"""
        + CAPTURE
    )
    namespace = defined(answer["source"])
    assert namespace["helper"](namespace["Part"]()) == "a/b"
    assert "class Part" in answer["source"]
    assert "from os.path import join as glue" in answer["source"]


def test_nothing_of_the_notebook_is_nothing_captured(script: Script) -> None:
    """A model of a package's own classes brings no source."""
    answer = script("from collections import Counter\nmodel = Counter('aab')\n" + CAPTURE)
    assert (answer["module"], answer["source"]) == (None, "")
    assert "collections" in answer["packages"]


def test_the_module_is_named_by_its_content(script: Script) -> None:
    """The same source is the same module; another is another, so that two snapshots never meet."""
    first = script("def model(rows): return rows\n" + CAPTURE)
    again = script("\n\ndef model(rows): return rows\n" + CAPTURE)
    other = script("def model(rows): return rows[:1]\n" + CAPTURE)
    assert first["module"] == again["module"] != other["module"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("exec('def model(rows): return rows')\n", "source of model was not found"),
        (
            "import threading\nclass M:\n    def __init__(self): self.a = {'b': [threading.Lock()]}\nmodel = M()\n",
            r"the model\.a\['b'\]\[0\]",
        ),
        ("model = eval('lambda rows: rows')\n", "source of a lambda was not found"),
    ],
)
def test_what_cannot_be_carried_is_named(script: Script, source: str, message: str) -> None:
    """The message says what, and what to do instead."""
    answer = script(source + REFUSED)
    assert answer["kind"] == "NotCapturable"
    assert re.search(message, answer["message"]), answer["message"]


def test_cells_of_a_real_kernel_are_captured(home: Path) -> None:
    """In IPython the source comes from the cells, decorators and magics in them included."""
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "%load_ext nbdeploy\nimport pandas as pd",
        "%time limit = 3\nclass Empty:\n    pass",
        "class Flag(Empty):\n    high = 2\n    def predict(self, rows):\n        return (rows['a'] > limit).tolist()",
        "%deploy snapshot Flag() flag -X pd.DataFrame({'a':[1,5]})",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(Path.cwd())}}).execute()
    import nbdeploy as nd

    assert nd.load("flag").predict([{"a": 5}, {"a": 1}]) == [True, False]


def test_settings_that_the_code_reads_are_named(cells: Cells) -> None:
    """A variable of the environment was there in the notebook; elsewhere somebody has to set it."""
    cells.run(
        "import os\nfrom os import getenv, environ\nNAME = 'LATER'\n"
        "def model(x):\n    os.environ['WRITTEN'] = '1'\n"
        "    return x * float(os.environ['SCALE']), getenv('MODE', 'a'), environ.get('SHIFT'), "
        "{}.get('OTHER'), environ[NAME]"
    )
    assert settings_of(cells.capture(cells["model"])) == [
        "its code reads from the environment: MODE, SCALE, SHIFT; set this wherever the snapshot is used"
    ]
    cells.run("def plain(x): return x")
    assert settings_of(cells.capture(cells["plain"])) == []
