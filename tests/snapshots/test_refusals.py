"""What cannot be taken out of a notebook is named, with the path to it and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import nbdeploy as nd
from nbdeploy.errors import Conflict, InvalidData, NotCapturable, WrongUsage
from nbdeploy.snapshots.options import Options
from tests.snapshots.conftest import Cells


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        pytest.param(
            """
import sqlite3
class Step:
    pass
s = Step()
s.conn = sqlite3.connect(':memory:')
class M:
    steps = None
    def predict(self, x): return x
model = M()
model.steps = [('a', 1), ('b', s)]
""",
            r"the model\.steps\[1\]\[1\]\.conn \(a Connection\) cannot be carried .* keep it out of the model",
            id="a connection in a step",
        ),
        pytest.param(
            """
import threading
lock = threading.Lock()
def model(x):
    with lock:
        return x
""",
            r"the variable lock \(a lock\), which model uses, .* open or make it inside the function",
            id="a lock that a function uses",
        ),
        pytest.param(
            """
import io
log = {'to': [io.TextIOWrapper(io.BytesIO())]}
def model(x): return log and x
""",
            r"the variable log\['to'\]\[0\] \(a TextIOWrapper\), which model uses",
            id="a file in a dictionary",
        ),
        pytest.param(
            """
def make(source):
    def inner(x): return next(source) + x
    return inner
model = make(i for i in range(3))
""",
            r"the variable source of inner \(a generator\) cannot .* keep a list of what it yields",
            id="a generator in a closure",
        ),
        pytest.param(
            """
import threading
class M:
    def predict(self, x): return x
model = M()
model.worker = threading.Thread()
""",
            r"the model\.worker",
            id="a thread",
        ),
        pytest.param(
            """
Made = type('Made', (), {'predict': len})
class Box: pass
model = Box()
model.inner = Made()
""",
            r"the model\.inner: the source of Made was not found: Made was made by a call",
            id="a class made by type()",
        ),
        pytest.param(
            """
class Box: pass
model = Box()
model.key = eval('lambda x: x')
""",
            r"the model\.key: the source of a lambda was not found; define it with def",
            id="a lambda without source",
        ),
        pytest.param(
            """
from functools import partial
import threading
model = partial(print, threading.Lock())
""",
            r"the model\.args\[0\] \(a lock\)",
            id="an argument of a partial",
        ),
        pytest.param(
            """
class S:
    __slots__ = ('handle',)
import io
model = S()
model.handle = io.TextIOWrapper(io.BytesIO())
""",
            r"the model\.handle \(a TextIOWrapper\)",
            id="a slot",
        ),
        pytest.param(
            """
import math
class M: pass
model = M()
model.lib = math
""",
            r"the model\.lib \(a module\) .* import math inside",
            id="a module",
        ),
        pytest.param(
            """
import threading
class Node: pass
model, other = Node(), Node()
model.other, other.back, other.lock = other, model, threading.Lock()
""",
            r"the model\.other\.lock \(a lock\)",
            id="objects that hold each other",
        ),
        pytest.param(
            """
def make(scale):
    class M:
        for factor in range(scale): pass
    return M
model = make(3)()
""",
            r"the class make\.<locals>\.M uses scale, a variable of the function",
            id="a class that a function's variable is in",
        ),
    ],
)
def test_what_cannot_be_carried_is_named_with_its_path(cells: Cells, cell: str, message: str) -> None:
    """Attributes, items, slots, closures and globals: the message leads to it, and says what to do."""
    cells.run(*cell.split("# %%\n"))
    with pytest.raises(NotCapturable) as caught:
        cells.capture(cells["model"])
    assert re.search(message, str(caught.value), re.DOTALL), str(caught.value)


def test_a_script_edited_since_it_ran_is_refused(cells: Cells, tmp_path: object) -> None:
    """A function whose file has another text by now has no source any more."""
    import linecache
    from pathlib import Path

    path = Path(str(tmp_path)) / "script.py"
    path.write_text("def model(x):\n    return 1\n")
    exec(compile(path.read_text(), str(path), "exec"), vars(cells.main))
    path.write_text("def model(x):\n    return 22222\n")
    linecache.checkcache(str(path))
    with pytest.raises(NotCapturable, match=r"the source of model was not found.*edited since it ran"):
        cells.capture(cells["model"])


def test_what_the_store_will_not_take_is_said_before_it_is_proven(stock: Path) -> None:
    """Nobody waits for the proof of numbers under the name of a classifier, or of what cannot be measured."""
    X = pd.DataFrame({"a": [1.0, 2.0, 4.0]})
    model, said = LinearRegression().fit(X, X["a"]), list[str]()
    with pytest.raises(Conflict, match="answers labels, and this one numbers"):
        nd.snapshot(model, "lr", X, progress=lambda step: said.append(step.message))
    assert "saving the model" in said
    assert not any("rehearsing" in message for message in said)
    with pytest.raises(
        InvalidData, match=r"rows to measure on \(--test\) do not fit the model: missing columns: a; .*b"
    ):
        nd.snapshot(model, "line", X, test=(X.rename(columns={"a": "b"}), X["a"]))


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_is_a_number(tolerance: float) -> None:
    """One that allows nothing, or everything, proves nothing."""
    with pytest.raises(WrongUsage, match="give a relative difference such as 1e-6, or 0"):
        Options(tolerance=tolerance)
