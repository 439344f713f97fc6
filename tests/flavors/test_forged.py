"""Files that were tampered with: native code is not given what would lead it outside of its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbdeploy.errors import Corrupted
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors import lightgbm as lightgbm_flavor
from nbdeploy.flavors import xgboost as xgboost_flavor
from nbdeploy.flavors.ubjson import parse
from tests.flavors.cases import cases, frame

pytestmark = pytest.mark.filterwarnings("ignore")


@cache
def xgboost_document() -> bytes:
    with warnings.catch_warnings(action="ignore"):
        model, _ = cases()["xgb categories"].make()
    return bytes(model.get_booster().save_raw("ubj"))


def tree_of(document: Any) -> Any:
    return document["learner"]["gradient_booster"]["model"]["trees"][0]


def replaced(name: str, place: int, value: int) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        array = np.array(tree_of(document)[name])
        array[place] = value
        tree_of(document)[name] = array

    return change


@pytest.mark.parametrize(
    "change",
    [
        replaced("left_children", 0, 10**6),
        replaced("right_children", 0, -5),
        replaced("left_children", 0, 0),
        replaced("parents", 1, 10**6),
        replaced("split_indices", 0, 99),
        replaced("categories_segments", 0, 10**9),
        replaced("categories_nodes", 0, 10**6),
        lambda d: tree_of(d).update(split_conditions=tree_of(d)["split_conditions"][:1]),
        lambda d: tree_of(d)["tree_param"].update(num_nodes="100000"),
        lambda d: d["learner"]["gradient_booster"]["model"]["iteration_indptr"].__setitem__(-1, 99),
        lambda d: d["learner"]["gradient_booster"]["model"]["tree_info"].__setitem__(0, 99),
        lambda d: d["learner"]["gradient_booster"]["model"]["gbtree_model_param"].update(num_trees="1"),
        lambda d: d["learner"]["learner_model_param"].update(num_feature="1"),
    ],
    ids=[
        *("child", "sign", "circle", "parent", "column", "categories", "node"),
        *("short", "count", "rounds", "group", "trees", "columns"),
    ],
)
def test_a_forged_tree_of_xgboost_is_refused(change: Callable[[Any], None]) -> None:
    """Each index and each length is held against what it points into."""
    document = parse(xgboost_document())
    xgboost_flavor.check(document)
    for name in ("iteration_indptr", "tree_info"):
        model = document["learner"]["gradient_booster"]["model"]
        model[name] = np.array(model[name])
    change(document)
    with pytest.raises((ValueError, KeyError)):
        xgboost_flavor.check(document)


@cache
def lightgbm_text(name: str) -> str:
    with warnings.catch_warnings(action="ignore"):
        model, _ = cases()[name].make()
    return str(model.booster_.model_to_string(num_iteration=-1))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("lgb categories", "left_child", "1000000"),
        ("lgb categories", "right_child", "-1000000"),
        ("lgb categories", "left_child", "0"),
        ("lgb categories", "split_feature", "99"),
        ("lgb categories", "threshold", "99"),
        ("lgb categories", "num_leaves", "1000000"),
        ("lgb categories", "cat_boundaries", "99"),
        ("lgb categories", "tree_sizes", "3"),
        ("lgb categories", "max_feature_idx", "0"),
        ("lgb linear", "leaf_features", "99"),
        ("lgb linear", "num_features", "99"),
        ("lgb linear", "leaf_value", ""),
    ],
)
def test_a_forged_tree_of_lightgbm_is_refused(name: str, field: str, value: str) -> None:
    """The first number of a field, in every line that has it."""
    text = lightgbm_text(name)
    lightgbm_flavor.check(text)
    lines = text.split("\n")
    changed = [
        f"{field}={value}{line[len(field) + 1 :].partition(' ')[1]}{line.partition('=')[2].partition(' ')[2]}"
        if line.startswith(f"{field}=") and line.partition("=")[2].strip()
        else line
        for line in lines
    ]
    assert changed != lines
    forged = "\n".join(changed)
    # The sizes are those of the forged trees, so that what is refused is the forged number itself.
    starts = [forged.index(f"Tree={i}\n") for i in range(text.count("Tree="))] + [forged.index("end of trees")]
    sizes = " ".join(str(len(forged[a:b].encode())) for a, b in pairwise(starts))
    if field != "tree_sizes":
        forged = "\n".join(f"tree_sizes={sizes}" if li.startswith("tree_sizes=") else li for li in forged.split("\n"))
    with pytest.raises((ValueError, KeyError, IndexError)):
        lightgbm_flavor.check(forged)


def stored(name: str, folder: Path) -> Any:
    """A case's files, and its loader's table."""
    with warnings.catch_warnings(action="ignore"):
        model, data = cases()[name].make()
        return FLAVORS[cases()[name].flavor].save(model, folder, None, data)


def test_a_program_of_pytorch_computes_only(tmp_path: Path) -> None:
    """Operations that read files, change tensors, or are no operations of tensors are not looked up."""
    saved = stored("torch layers", tmp_path)
    path = tmp_path / "model" / "program.json"
    whole = path.read_text()
    flavor = FLAVORS["torch"]
    flavor.load(tmp_path, saved.loader)
    for operation in (
        *("aten.from_file.default", "aten.add_.Tensor", "operator.call", "os.system", "aten.__class__.mro"),
        *("aten._sobol_engine_ff_.default", "aten.set_.source_Tensor", "hub.load", "aten.linear", "aten..default"),
    ):
        document = json.loads(whole)
        document["steps"][0]["operation"] = operation
        path.write_text(json.dumps(document))
        with pytest.raises(Corrupted):
            flavor.load(tmp_path, saved.loader)
    for change in (
        lambda d: d["steps"][0].update(arguments=[{"of": "later"}]),
        lambda d: d.update(output={"of": "nowhere"}),
        lambda d: d.update(dtype="torch.load"),
        lambda d: d.pop("input"),
    ):
        document = json.loads(whole)
        change(document)
        path.write_text(json.dumps(document))
        with pytest.raises(Corrupted):
            flavor.load(tmp_path, saved.loader)


def test_an_onnx_graph_reads_no_other_file(tmp_path: Path) -> None:
    """Tensors outside of the graph are refused when it is loaded, and taken in when it is stored from a path."""
    import onnx

    stored("onnx graph", tmp_path / "stored")
    path = tmp_path / "stored" / "model" / "model.onnx"
    graph = onnx.load(path)
    outside = tmp_path / "outside.onnx"
    table = onnx.numpy_helper.from_array(np.zeros((64, 64), dtype="float32"), "weights")
    graph.graph.initializer.append(table)
    onnx.save(graph, outside, save_as_external_data=True, location="weights.bin", size_threshold=0)
    path.write_bytes(outside.read_bytes())
    with pytest.raises(Corrupted, match="other files"):
        FLAVORS["onnx"].load(tmp_path / "stored", {})
    assert FLAVORS["onnx"].accepts(str(outside))
    FLAVORS["onnx"].save(outside, tmp_path / "inside", None)
    (tmp_path / "weights.bin").unlink()
    session = FLAVORS["onnx"].load(tmp_path / "inside", {})
    assert FLAVORS["onnx"].call(session, "predict", frame()[0].to_numpy()).shape == (96, 1)


def test_a_part_that_the_table_does_not_list_is_refused(tmp_path: Path) -> None:
    """The models inside of a model, and their flavors, are those of the loader's table."""
    saved = stored("booster in a search", tmp_path)
    parts = saved.loader["parts"]
    forged = [parts[:-1], [*parts, parts[0]], [{**parts[0], "flavor": "python"}, *parts[1:]]]
    for table in forged:
        with pytest.raises(Corrupted, match="inside of this model"):
            FLAVORS["sklearn"].load(tmp_path, {**saved.loader, "parts": table})


FLIP = """
import random, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from nbdeploy.errors import Corrupted
from nbdeploy.flavors import FLAVORS
from tests.flavors.cases import cases
from tests.flavors.test_forged import NATIVE, stored
refused = 0
for name in NATIVE:
    case, folder = cases()[name], Path(sys.argv[1]) / name.replace(" ", "_")
    saved = stored(name, folder)
    data = case.make()[1]
    flavor = FLAVORS[case.flavor]
    places = random.Random(0)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in {".pkl", ".json"}):
        whole = path.read_bytes()
        for _ in range(40):
            at = places.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([places.randrange(256)]) + whole[at + 1 :])
            print(name, path.name, at, flush=True)
            try:
                model = flavor.load(folder, saved.loader)
            except Corrupted:
                refused += 1
                continue
            try:
                flavor.call(model, case.methods[0], data)
            except Exception:
                pass
        path.write_bytes(whole)
print("refused", refused)
"""

NATIVE = ("xgb categories", "lgb categories", "lgb linear", "onnx graph", "torch layers", "mixed pipeline")


def test_changed_bytes_crash_nothing(tmp_path: Path) -> None:
    """Random bytes anywhere in a native file: refused, or a model that answers or fails; the process lives."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    command = [sys.executable, "-c", FLIP, str(tmp_path)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout[-200:], done.stderr[-2000:])
    assert int(done.stdout.split()[-1]) > 40
