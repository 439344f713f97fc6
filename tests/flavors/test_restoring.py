"""What stored bundles call by name is where they look for it, and gives away nothing to those that are forged."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import pytest
import xgboost

import nbdeploy.mlflow
from nbdeploy.errors import Corrupted
from nbdeploy.flavors import FLAVORS, restoring
from nbdeploy.flavors.pickling import dumps
from nbdeploy.flavors.sklearn import PART
from nbdeploy.snapshots import mlmodel
from tests.flavors.cases import frame


def test_the_names_that_stored_bundles_hold_stay() -> None:
    """They are in pickles, skops files and MLmodel that were written years ago."""
    assert pickle.loads(b"cnbdeploy.flavors.restoring\nattribute\n.") is restoring.attribute
    assert pickle.loads(b"cnbdeploy.flavors.restoring\nfrom_files\n.") is restoring.from_files
    assert PART == "nbdeploy.flavors.restoring.Part"
    assert restoring.attribute("collections", "OrderedDict.fromkeys") == OrderedDict.fromkeys
    assert restoring.Part(number=3).number == 3
    assert mlmodel._OURS == {"loader_module": "nbdeploy.mlflow"}
    assert callable(nbdeploy.mlflow._load_pyfunc)


def test_a_pickle_names_nothing_else_of_ours(tmp_path: Path) -> None:
    """A booster in an object of the notebook goes by its native files."""
    X, y, _ = frame()
    model = xgboost.XGBClassifier(n_estimators=2).fit(X, y)
    raw = dumps({"booster": model}, None)
    assert raw.count(b"nbdeploy") == raw.count(b"nbdeploy.flavors.restoring") == 1
    assert pickle.loads(raw)["booster"].predict(X).tolist() == model.predict(X).tolist()


def test_files_in_a_pickle_lead_nowhere_else_and_are_of_native_flavors(tmp_path: Path) -> None:
    """A forged pickle runs code anyway; what is merely damaged is said in words."""
    for name in ("../x", "/etc/x", "a/../../x", "a\\..\\x"):
        with pytest.raises(Corrupted, match="outside of its model"):
            restoring.from_files("xgboost", {name: b""}, {})
    with pytest.raises(Corrupted, match="flavor 'python'; there are: catboost, lightgbm, xgboost"):
        restoring.from_files("python", {}, {})
    assert "python" in FLAVORS
