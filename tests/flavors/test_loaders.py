"""What a bundle says of loading its model is held to its types before anything is done with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbdeploy.errors import Corrupted
from nbdeploy.flavors import FLAVORS
from nbdeploy.flavors.native_state import is_plain
from tests.flavors.test_forged import stored

WRONG: list[Any] = [None, -1, 1.5, True, "x", "../x", "", [], {}, [1], {"a": 1}, [["a"]], {"a": [1]}]


@pytest.mark.parametrize("field", ["functions", "imports", "module"])
@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_what_a_formula_names_is_names(tmp_path: Path, field: str, value: Any) -> None:
    """No attribute is looked up, and no module imported, by what is no name."""
    legal = value is None or isinstance(value, str) if field == "module" else value == {}
    if not legal:
        with pytest.raises(Corrupted, match="what the bundle says of loading its model"):
            FLAVORS["statsmodels"].load(tmp_path, {field: value})


def test_a_formula_finds_functions_in_captured_modules_only(tmp_path: Path) -> None:
    """Not in whatever else is loaded."""
    for module in ("os", "builtins", None, "nbdeploy_0123456789ab"):
        with pytest.raises(Corrupted, match=r"no module that was captured|the bundle's code has no such function"):
            FLAVORS["statsmodels"].load(tmp_path, {"module": module, "functions": {"f": "system"}})


@pytest.mark.parametrize("value", [value for value in WRONG if value != []], ids=repr)
def test_tables_of_steps_parts_and_types_are_tables(tmp_path: Path, value: Any) -> None:
    """Of a chain and of a scikit-learn model."""
    for name, field in (("chain", "parts"), ("sklearn", "parts"), ("sklearn", "trusted")):
        for ask in (FLAVORS[name].runs_code, lambda table, name=name: FLAVORS[name].load(tmp_path, table)):
            with pytest.raises(Corrupted, match="what the bundle says of loading its model"):
                ask({field: value})


def test_a_chain_has_steps_of_known_flavors(tmp_path: Path) -> None:
    """At least one step and the model, none of them a chain."""
    part = {"flavor": "python", "loader": {}}
    for parts in ([], [part], [part, {**part, "flavor": "chain"}], [part, {**part, "flavor": "nope"}]):
        with pytest.raises(Corrupted):
            FLAVORS["chain"].runs_code({"parts": parts})


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(steps={}),
        lambda d: d.update(output=1.5),
        lambda d: d.update(output="x"),
        lambda d: d.update(output=[]),
        lambda d: d["steps"][0].update(arguments=None),
        lambda d: d["steps"][0].update(arguments="rows"),
        lambda d: d["steps"][0].update(keywords=[1]),
        lambda d: d["steps"][0].update(keywords={"nothing": 1}),
        lambda d: d["steps"][0].update(arguments=[]),
        lambda d: d["steps"][0]["arguments"].extend([1] * 9),
    ],
)
def test_a_program_of_pytorch_is_held_to_what_operations_take(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    """When it is loaded, and not when the first row comes."""
    saved = stored("torch layers", tmp_path)
    path = tmp_path / "model" / "program.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(Corrupted):
        FLAVORS["torch"].load(tmp_path, saved.loader)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("xgb classifier", lambda d: d["parameters"].update(max_bin="x")),
        ("xgb classifier", lambda d: d["parameters"].update(base_score={})),
        ("lgb classifier", lambda d: d.update(classes=None)),
        ("lgb classifier", lambda d: d["classes"].update(values=[])),
    ],
)
def test_what_stands_beside_a_native_file_is_tried_when_it_is_loaded(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], None]
) -> None:
    """Parameters that the framework refuses, and classes that are not the model's."""
    flavor, saved = FLAVORS[{"x": "xgboost", "l": "lightgbm"}[name[0]]], stored(name, tmp_path)
    flavor.load(tmp_path, saved.loader)
    path = tmp_path / "model" / "estimator.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(Corrupted):
        flavor.load(tmp_path, saved.loader)


def test_what_a_module_has_only_imported_is_not_its_own() -> None:
    """scikit-learn's modules import classes of others, which do more than keep numbers."""
    assert is_plain("sklearn.linear_model._logistic.LogisticRegression")
    for name in ("sklearn.datasets._base.Path", "sklearn.datasets._openml.GzipFile", "sklearn._loss.loss.np"):
        assert not is_plain(name)
    for name in ("sklearn..x", "sklearn.", "sklearn.\0.x", ".x", ""):
        assert not is_plain(name)
