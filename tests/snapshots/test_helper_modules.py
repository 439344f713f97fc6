"""Helper modules beside the notebook travel with the snapshot, and stay apart from all others of their name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors.modules import load_modules
from nbdeploy.flavors.pickling import naming
from tests.snapshots.conftest import Cells

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write files beside the notebook."""
    beside = tmp_path / "beside"
    beside.mkdir()
    monkeypatch.syspath_prepend(str(beside))

    def write(**files: str) -> Path:
        for name, source in files.items():
            path = beside / f"{name.replace('__slash__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        importlib.invalidate_caches()
        return beside

    return write


def test_a_helper_module_is_carried_as_its_own_file(cells: Cells, write: Write) -> None:
    """What the notebook imports from a file beside it comes along, unchanged, with what that file uses."""
    write(helpers="import json\nLIMIT = 3\ndef clean(x):\n    # as it was\n    return json.loads(x) + LIMIT\n")
    cells.run("from helpers import clean\nimport helpers as h\ndef model(x): return clean(x) + h.LIMIT")
    captured = cells.capture(cells["model"])
    assert b"# as it was" in captured.files["code/helpers.py"]
    assert "json" in captured.packages
    assert "helpers" not in captured.packages
    assert cells.carried(cells["model"])("4") == 10


def test_packages_come_whole_as_far_as_they_are_imported(cells: Cells, write: Write) -> None:
    """Relative imports, imports inside functions, and folders without ``__init__`` are followed."""
    write(
        features__slash____init__="from .text import upper\n",
        features__slash__text="from . import shared\ndef upper(x): return shared.mark(x.upper())\n",
        features__slash__shared="def mark(x):\n    from helpers_late.inside import END\n    return x + END\n",
        features__slash__unused="raise RuntimeError('never imported')\n",
        helpers_late__slash__inside="END = '!'\n",
    )
    cells.run("import features.text as ft\nimport features\ndef model(x): return ft.upper(x) + features.upper('b')")
    captured = cells.capture(cells["model"])
    assert {path for path in captured.files if "/nbdeploy_" not in path} == {
        *(f"code/features/{name}.py" for name in ("__init__", "text", "shared")),
        "code/helpers_late/inside.py",
    }
    assert cells.carried(cells["model"])("a") == "A!B!"


def test_objects_of_helper_classes(cells: Cells, write: Write) -> None:
    """An object whose class is in a helper module gets the captured class, not the one of the process."""
    write(helpers="class Scaler:\n    k = 2\n    def predict(self, x): return x * self.k\n")
    cells.run("from helpers import Scaler\nmodel = Scaler()")
    carried = cells.carried(cells["model"])
    assert type(carried) is not type(cells["model"])
    assert type(carried).__module__.endswith(".helpers")
    assert carried.predict(3) == 6


def test_two_snapshots_with_different_helpers_in_one_process(cells: Cells, write: Write) -> None:
    """Each has its own, and neither is an unrelated module of that name."""
    beside = write(helpers="def f(x): return 'first'\n")
    cells.run("import helpers\ndef model(x): return helpers.f(x)")
    first = cells.carried(cells["model"])
    (beside / "helpers.py").write_text("def f(x): return 'the second'\n")
    del sys.modules["helpers"]
    cells.run("import helpers\ndef model(x): return helpers.f(x)")
    second = cells.carried(cells["model"])
    sys.modules["helpers"].f = lambda x: "unrelated"  # type: ignore[attr-defined]
    assert (first(0), second(0)) == ("first", "the second")


def test_functions_that_only_a_helper_can_make(cells: Cells, write: Write) -> None:
    """A closure made by a helper's factory is written down, and finds the helper's own globals."""
    write(helpers="OFFSET = 100\ndef make(k):\n    def scale(x): return x * k + OFFSET\n    return scale\n")
    cells.run("from helpers import make\nmodel = make(3)")
    assert "from helpers import OFFSET" in cells.source(cells["model"])
    assert cells.carried(cells["model"])(2) == 106


def test_a_decorator_of_a_helper(cells: Cells, write: Write) -> None:
    """What a helper's decorator made of a notebook function is made again."""
    write(
        helpers="import functools\ndef twice(f):\n    @functools.wraps(f)\n"
        "    def inner(x): return f(f(x))\n    return inner\n"
    )
    cells.run("from helpers import twice\n@twice\ndef model(x): return x + 1")
    assert "@twice\ndef model" in cells.source(cells["model"])
    assert cells.carried(cells["model"])(1) == 3


def test_site_packages_are_never_included(cells: Cells) -> None:
    """Installed packages are requirements, not source."""
    cells.run("import polars as pl\nimport click.testing\ndef model(x): return pl.DataFrame({'x': [click.testing]})")
    captured = cells.capture(cells["model"])
    assert [path for path in captured.files if "nbdeploy_" not in path] == []
    assert {"polars", "click"} <= captured.packages


def test_a_file_edited_after_its_import_is_refused(cells: Cells, write: Write) -> None:
    """What would be stored is not what the model ran with."""
    beside = write(helpers="def f(x): return 1\n")
    cells.run("import helpers\ndef model(x): return helpers.f(x)")
    (beside / "helpers.py").write_text("def f(x): return 22\n")
    with pytest.raises(NotCapturable, match=r"helpers\.py was edited after .* f is not what the file has"):
        cells.capture(cells["model"])


def test_a_class_of_an_edited_file_is_refused(cells: Cells, write: Write) -> None:
    """Before the file is loaded again its classes are not what it has; afterwards older objects are not."""
    beside = write(helpers="class M:\n    def predict(self, x): return x + 1\n")
    cells.run("import helpers, importlib\nold = helpers.M()")
    (beside / "helpers.py").write_text("class M:\n    # edited\n    def predict(self, x): return x * 100\n")
    with pytest.raises(NotCapturable, match=r"helpers\.py was edited after .* M\.predict is not what the file has"):
        cells.capture(cells["old"])
    cells.run("importlib.reload(helpers)\nnew = helpers.M()")
    with pytest.raises(NotCapturable, match=r"the model\[0\] .*loaded again since .*; make the object again$"):
        cells.capture([cells["old"], cells["new"]])
    assert cells.carried(cells["new"]).predict(2) == 200


@pytest.mark.parametrize(
    "paths",
    [
        ["code/../x.py"],
        ["code/a-b.py"],
        ["code/class.py"],
        ["code/helpers.py"],
        ["code/nbdeploy_0123456789ab.py", "code/nbdeploy_ba9876543210.py"],
        ["code/nbdeploy_0123456789ab.py", "code/helpers.so"],
        ["code/nbdeploy_0123456789ab.py", "code/h.py", "code/h/__init__.py"],
        ["code/nbdeploy_0123456789ab.py", "code/nbdeploy_0123456789ab/x.py"],
    ],
)
def test_names_from_a_bundle_are_checked_before_anything_runs(tmp_path: Path, paths: list[str]) -> None:
    """Only the names that a capture gives are loaded."""
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("raise SystemExit('it ran')")
    with pytest.raises(Corrupted, match="not the name of a captured module"):
        load_modules(tmp_path, paths)


def test_a_module_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """A captured module that raises is forgotten with all that it imported."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/nbdeploy_00ff00ff00ff.py").write_text("import helpers_of_it\nraise ValueError('no')")
    (tmp_path / "code/helpers_of_it.py").write_text("x = 1")
    files = ["code/nbdeploy_00ff00ff00ff.py", "code/helpers_of_it.py"]
    with pytest.raises(ValueError, match="no"):
        load_modules(tmp_path, files)
    assert not [name for name in sys.modules if name.startswith("nbdeploy_00ff00ff00ff")]
    (tmp_path / files[0]).write_text("from helpers_of_it import x")
    load_modules(tmp_path, files)
    loaded: Any = sys.modules["nbdeploy_00ff00ff00ff"]
    assert loaded.x == 1


def test_a_pipeline_with_a_helper_step_is_stored_without_pickle(cells: Cells, write: Write, tmp_path: Path) -> None:
    """skops finds classes and functions of helper modules below the captured module."""
    write(
        helpers="""
from sklearn.base import BaseEstimator, TransformerMixin
class Shift(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.by_ = 1.0
        return self
    def transform(self, X): return X + self.by_
def double(X): return X * 2
def times(k):
    def inner(X): return X * k
    return inner
"""
    )
    cells.run(
        "from helpers import Shift, double, times\nfrom sklearn.pipeline import make_pipeline\n"
        "from sklearn.preprocessing import FunctionTransformer as F\nimport numpy as np\n"
        "model = make_pipeline(Shift(), F(double), F(times(3)), F(lambda X: X - 1)).fit(np.ones((2, 1)))"
    )
    captured = cells.capture(cells["model"])
    with naming(captured.names), cells.inside():
        saved = FLAVORS["sklearn"].save(cells["model"], tmp_path, captured.module)
    assert saved.runs_code
    cells.load(captured)
    loaded = FLAVORS["sklearn"].load(tmp_path, saved.loader)
    assert loaded.transform(np.ones((1, 1))).tolist() == [[11.0]]
    assert type(loaded[0]).__module__ == f"{captured.module}.helpers"


def test_two_classes_of_one_name_in_a_pipeline_are_pickled_instead(cells: Cells, tmp_path: Path) -> None:
    """skops has one name for a class; the next flavor takes the model."""
    step = "from sklearn.base import BaseEstimator, TransformerMixin\nclass S(TransformerMixin, BaseEstimator):\n"
    cells.run(
        f"{step}    def transform(self, X): return X + 1\nfirst = S()",
        f"{step}    def transform(self, X): return X * 2\n"
        "from sklearn.pipeline import make_pipeline\nmodel = make_pipeline(first, S())",
    )
    captured = cells.capture(cells["model"])
    with naming(captured.names), cells.inside(), pytest.raises(NotCapturable, match="by one name"):
        FLAVORS["sklearn"].save(cells["model"], tmp_path, captured.module)
    assert [step.transform(3) for step in cells.carried(cells["model"])] == [4, 6]


def test_objects_of_a_helper_that_was_reloaded(cells: Cells, write: Write) -> None:
    """An object of before the reload gets the class that the file has, as one of after it would."""
    write(helpers="class M:\n    def predict(self, x): return x + 1\n")
    cells.run("import helpers, importlib\nmodel = helpers.M()\nimportlib.reload(helpers)")
    assert cells.carried(cells["model"]).predict(1) == 2


def test_code_of_a_loaded_snapshot_is_not_taken_again(cells: Cells) -> None:
    """It belongs to the other snapshot; the message says so."""
    cells.run("class M:\n    def predict(self, x): return x\nmodel = M()")
    loaded = cells.carried(cells["model"])
    with pytest.raises(NotCapturable, match="its code is that of a loaded snapshot"):
        cells.capture(loaded)


def test_a_helper_variable_that_the_notebook_changed(cells: Cells, write: Write) -> None:
    """The file is as it was; the captured module assigns to it what the notebook did."""
    write(helpers="LIMIT = 3\ndef f(x): return x > LIMIT\n")
    cells.run("import helpers\nhelpers.LIMIT = 50\ndef model(x): return helpers.f(x)")
    assert "helpers.LIMIT = 50" in cells.source(cells["model"])
    assert [cells.carried(cells["model"])(x) for x in (10, 60)] == [False, True]
