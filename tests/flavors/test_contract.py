"""The contract of every flavor: what is stored answers the same, is the same bytes again, and is not believed."""

from __future__ import annotations

import json
import linecache
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import polars as pl
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nbdeploy.codecs import bind, describe, rebuild
from nbdeploy.codecs.outputs import describe_output
from nbdeploy.errors import Corrupted, NotCapturable
from nbdeploy.flavors import FLAVORS, Saved, flavors_for
from nbdeploy.flavors.pickling import dumps
from nbdeploy.manifest import sha256
from nbdeploy.predictor import Caller
from nbdeploy.types import Canonical
from tests.flavors.cases import NAMES, Case, cases, frame
from tests.flavors.outside import install

OUTSIDE: dict[str, Case] = {}


@pytest.fixture(scope="module", autouse=True)
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A distribution from outside that adds a flavor and a model of its own."""
    with install(tmp_path_factory.mktemp("site")) as case:
        OUTSIDE[case.name] = case
        yield


@dataclass
class Stored:
    """A case carried out: the model, its bytes, and what was loaded from them."""

    case: Case
    model: Any
    data: Any
    folder: Path
    saved: Saved
    before: bytes
    after: bytes
    again: dict[str, bytes]
    refitted: dict[str, bytes]

    @property
    def flavor(self) -> Any:
        return FLAVORS[self.case.flavor]

    @property
    def files(self) -> dict[str, bytes]:
        return contents(self.folder)

    def answers(self, model: Any, rows: list[int] | None = None) -> dict[str, pl.DataFrame]:
        """What a model answers by canonical calls, for all rows or for some of them."""
        signature = describe(self.data)
        wire = bind(self.data, signature)
        caller = Caller(model, self.case.flavor, signature, Canonical())
        return {
            method: describe_output(method, caller.raw(wire if rows is None else wire[rows], method), None)[1]
            for method in self.case.methods
        }


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def state(case: Case, model: Any) -> bytes:
    """Everything that an object holds; of a session, the model it was made from."""
    raw = getattr(model, "_model_bytes", None)
    if isinstance(raw, bytes):
        return raw
    if hasattr(model, "save_to_buffer"):
        return bytes(model.save_to_buffer())
    return dumps(model, case.module) if case.module else pickle.dumps(model)


def save(case: Case, model: Any, data: Any, folder: Path) -> Saved:
    """As a snapshot does: by the first flavor that can."""
    signature = describe(data)
    example = rebuild(bind(data, signature)[:40], signature)
    folder.mkdir()
    for name in flavors_for(model):
        try:
            saved = FLAVORS[name].save(model, folder, case.module, example)
        except NotCapturable:
            continue
        assert name == case.flavor
        return saved
    raise AssertionError(f"no flavor stores {case.name}")


@cache
def carried_out(name: str, base: Path) -> Stored:
    """Made once for all tests of a case."""
    case, folder = {**cases(), **OUTSIDE}[name], base / name.replace(" ", "_")
    folder.mkdir()
    with warnings.catch_warnings(action="ignore"):
        (model, data), (other, _) = case.make(), case.make()
        before = state(case, model)
        saved = save(case, model, data, folder / "first")
        save(case, model, data, folder / "again")
        save(case, other, data, folder / "refitted")
    after = state(case, model)
    again, refitted = contents(folder / "again"), contents(folder / "refitted")
    return Stored(case, model, data, folder / "first", saved, before, after, again, refitted)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stored")


@pytest.fixture(params=[*NAMES, "outside"])
def stored(request: pytest.FixtureRequest, base: Path) -> Stored:
    with warnings.catch_warnings(action="ignore"):
        return carried_out(request.param, base)


pytestmark = pytest.mark.filterwarnings("ignore")


def test_every_method_of_what_is_loaded_answers_the_same(stored: Stored) -> None:
    """Save, load, ask: bit for bit; also row by row, and in another order."""
    assert stored.flavor.methods(stored.model) == stored.case.methods
    loaded = stored.flavor.load(stored.folder, stored.saved.loader)
    assert stored.flavor.methods(loaded) == stored.case.methods
    assert stored.flavor.classes(loaded) == stored.flavor.classes(stored.model)
    expected, found = stored.answers(stored.model), stored.answers(loaded)
    for method in stored.case.methods:
        assert expected[method].equals(found[method]), method
    rows = len(next(iter(expected.values())))
    order = [*range(rows - 1, -1, -3)]
    alone = [stored.answers(loaded, [row]) for row in order[:5]]
    shuffled = stored.answers(loaded, order)
    for method in stored.case.methods:
        assert shuffled[method].equals(expected[method][order]), method
        assert pl.concat([one[method] for one in alone]).equals(expected[method][order[:5]]), method


def test_the_same_model_is_the_same_bytes(stored: Stored) -> None:
    """Stored twice, and trained twice: running a seeded notebook again creates nothing new."""
    assert stored.again == stored.files
    assert stored.refitted == stored.files


def test_the_users_object_is_as_it_was(stored: Stored) -> None:
    """Storing changes nothing in it, and asking nothing that would be stored."""
    assert stored.after == stored.before
    stored.answers(stored.model)
    folder = stored.folder.parent / "asked"
    save(stored.case, stored.model, stored.data, folder)
    assert contents(folder) == stored.files


def test_what_runs_code_says_so(stored: Stored) -> None:
    """The flavor knows from the loader's table alone, whatever a bundle says."""
    told = stored.case.module is None and stored.saved.runs_code
    assert told == (stored.case.runs_code and stored.case.module is None)
    assert stored.flavor.runs_code(stored.saved.loader) == stored.case.runs_code
    json.dumps(dict(stored.saved.loader))


def test_a_truncated_file_is_refused(stored: Stored) -> None:
    """Wherever any of the files ends too early."""
    for path, whole in stored.files.items():
        for size in sorted({0, len(whole) // 3, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 1} - {len(whole)}):
            (stored.folder / path).write_bytes(whole[:size])
            with pytest.raises(Corrupted):
                stored.flavor.load(stored.folder, stored.saved.loader)
        (stored.folder / path).write_bytes(whole)


def test_it_is_taken_by_its_flavor_only(stored: Stored) -> None:
    """No other flavor claims a model, except those that are asked when the best one fails."""
    found = [name for name in flavors_for(stored.model) if name not in {"python", "sklearn", "torch", "torch_modules"}]
    assert found == ([stored.case.flavor] if FLAVORS[stored.case.flavor].priority == 20 and found else [])
    assert stored.case.flavor in flavors_for(stored.model)


DIGESTS = """
import sys, json, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from tests.flavors.test_contract import contents, save
from tests.flavors.cases import cases
from nbdeploy.manifest import sha256
found = {}
for name, case in cases().items():
    folder = Path(sys.argv[1]) / name.replace(" ", "_")
    save(case, *case.make(), folder)
    found[name] = {path: sha256(content) for path, content in contents(folder).items()}
print(json.dumps(found))
"""


def test_another_process_stores_the_same_bytes(base: Path, tmp_path: Path) -> None:
    """No addresses, dates, durations, random names or hash order in any file of any flavor."""
    here = {name: {path: sha256(content) for path, content in carried_out(name, base).files.items()} for name in NAMES}
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": root}
    command = [sys.executable, "-c", DIGESTS, str(tmp_path)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout.splitlines()[-1])
    assert {name for name in here if here[name] != there[name]} == set()


def own_objective(truth: Any, guess: Any) -> tuple[Any, Any]:
    """Squared error, by hand."""
    return guess - truth, 1.0 + 0.0 * guess


def test_what_a_native_format_leaves_out_is_pickled(tmp_path: Path) -> None:
    """LightGBM's text does not hold an objective of the user's own: the estimator is pickled, its trees are not."""
    from lightgbm import LGBMRegressor

    X, y, _ = frame()
    model = LGBMRegressor(objective=own_objective, n_estimators=3, verbose=-1).fit(X, y)
    assert flavors_for(model) == ["lightgbm", "sklearn", "python"]
    for name in ("lightgbm", "sklearn"):
        with pytest.raises(NotCapturable, match="objective"):
            FLAVORS[name].save(model, tmp_path / name, None)
    FLAVORS["python"].save(model, tmp_path, None)
    assert (FLAVORS["python"].load(tmp_path, {}).predict(X) == model.predict(X)).all()
    assert b"end of trees" in (tmp_path / "model" / "model.pkl").read_bytes()


def test_the_lines_of_a_notebook_are_no_content_of_a_script(tmp_path: Path) -> None:
    """TorchScript remembers for tracebacks where a module was written, which is another file in another kernel."""
    import torch

    path = tmp_path / "cell.py"
    path.write_text("import torch\nclass Rule(torch.nn.Module):\n    def forward(self, rows): return rows.relu()\n")
    names: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(path.read_text(), str(path), "exec"), names)
    linecache.checkcache()
    with warnings.catch_warnings(action="ignore"):
        FLAVORS["torch_scripts"].save(torch.jit.script(names["Rule"]()), tmp_path, None)
    with ZipFile(tmp_path / "model/script.pt") as archive:
        assert not [name for name in archive.namelist() if str(path).encode() in archive.read(name)]


def test_a_booster_inside_of_a_pipeline_works_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """CatBoost is told so with each call only, which a pipeline does not; outside of a canonical call it is free."""
    import catboost

    seen: list[int] = []
    check = catboost.CatBoost._process_predict_input_data

    def spied(self: Any, data: Any, name: str, thread_count: int, *more: Any) -> Any:
        seen.append(thread_count)
        return check(self, data, name, thread_count, *more)

    monkeypatch.setattr(catboost.CatBoost, "_process_predict_input_data", spied)
    data, y, _ = frame()
    quiet = {"iterations": 2, "verbose": 0, "allow_writing_files": False}
    model = make_pipeline(StandardScaler(), catboost.CatBoostClassifier(**quiet)).fit(data, y)
    inputs = describe(data)
    Caller(model, "sklearn", inputs, Canonical()).native(bind(data, inputs), "predict")
    assert seen == [1]
    model.predict(data)
    assert seen == [1, -1]


def test_the_order_of_operator_sets_is_no_content(tmp_path: Path) -> None:
    """Converters write them as they come out of a set."""
    model, _ = cases()["onnx graph"].make()
    model.opset_import.add(domain="ai.onnx.ml", version=1)
    stored = []
    for name in ("one", "other"):
        FLAVORS["onnx"].save(model, tmp_path / name, None)
        stored.append((tmp_path / name / "model/model.onnx").read_bytes())
        sets = list(model.opset_import)[::-1]
        del model.opset_import[:]
        model.opset_import.extend(sets)
    assert stored[0] == stored[1]
