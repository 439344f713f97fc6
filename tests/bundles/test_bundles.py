"""A bundle is a folder that MLflow loads too, and that travels unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.flavors.skops_files import canonical
from nbdeploy.settings import Settings


@pytest.fixture
def forest(stock: Path) -> Any:
    """The model of a stored snapshot that runs no code."""
    return nd.load("forest").model


def test_bundle_holds_what_the_contract_lists(forest: Any, tmp_path: Path) -> None:
    """Documents, model, sample, expected answers, environment and card are all there."""
    folder = api.export("forest", tmp_path / "out").path
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names >= {
        *("content.json", "record.json", "MLmodel", "requirements.txt", "sample.parquet", "expected.parquet"),
        *("profile.json", "README.md", "model/model.skops"),
    }
    assert "scikit-learn==" in (folder / "requirements.txt").read_text()
    content = json.loads((folder / "content.json").read_text())
    assert set(content["files"]) == {"model/model.skops", "requirements.txt"}


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_export_and_import_keep_number_and_digest(forest: Any, tmp_path: Path, name: str) -> None:
    """A folder or an archive read into another store is the same version, byte for byte."""
    before = nd.show("forest").stored
    api.export("forest", tmp_path / name)
    elsewhere = Settings.load(environ={"NBDEPLOY_HOME": str(tmp_path / "elsewhere")})
    after = api.import_(tmp_path / name, settings=elsewhere).stored
    assert (after, after.record) == (before, before.record)
    assert api.verify("forest", settings=elsewhere).document()["rehearsal"]["max_difference"] == 0.0


def test_one_changed_byte_is_refused_wherever_it_is(forest: Any, tmp_path: Path) -> None:
    """Every file of an exported bundle is covered by a digest."""
    folder = api.export("forest", tmp_path / "out").path
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole = path.read_bytes()
        path.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        with pytest.raises(Corrupted):
            api.import_(folder)
        path.write_bytes(whole)
    assert api.import_(folder).ref == "forest:1"


def test_bundle_outside_of_itself_is_refused(forest: Any, tmp_path: Path) -> None:
    """A file name that leads out of the folder is refused before anything is read."""
    folder = api.export("forest", tmp_path / "out").path
    text = (folder / "content.json").read_text().replace("model/model.skops", "../model.skops")
    (folder / "content.json").write_text(text)
    with pytest.raises(Corrupted):
        api.import_(folder)


def test_what_is_no_bundle_says_so(tmp_path: Path) -> None:
    """Nothing there, a folder of something else, a file that is no archive."""
    with pytest.raises(NotFound, match="no bundle"):
        api.import_(tmp_path / "nothing")
    with pytest.raises(Corrupted, match="is not a bundle"):
        api.import_(tmp_path)
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(Corrupted, match="is not a bundle"):
        api.import_(tmp_path / "x.zip")


def test_export_never_overwrites(forest: Any, tmp_path: Path) -> None:
    """A folder with something in it stays as it is."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(Conflict, match="not an empty folder"):
        api.export("forest", tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


def test_a_bundle_that_lies_about_running_code_is_refused(forest: Any, tmp_path: Path) -> None:
    """Types that are not scikit-learn's own cannot be listed in a bundle that says it runs no code."""
    from nbdeploy.manifest import Manifest
    from nbdeploy.predictor import load

    folder = api.export("forest", tmp_path / "out").path
    content = json.loads((folder / "content.json").read_text())
    content["loader"]["trusted"].append("os.system")
    forged = Manifest.sealed(json.dumps(content).encode(), json.loads((folder / "record.json").read_text()))
    (folder / "content.json").write_bytes(forged.content)
    (folder / "record.json").write_bytes(forged.record)
    with pytest.raises(Corrupted, match="would run code"):
        load(folder)


def test_a_tree_that_points_outside_of_itself_is_refused(forest: Any) -> None:
    """Node indices are checked before scikit-learn follows them."""
    from nbdeploy.flavors.sklearn import _check_tree

    tree = forest.estimators_[0].tree_
    _check_tree(tree)
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    tree.__setstate__(state)
    with pytest.raises(Corrupted, match="outside of itself"):
        _check_tree(tree)


def test_skops_bytes_are_the_same_each_time(forest: Any) -> None:
    """No addresses, no dates: the same model is the same bytes."""
    from skops.io import dumps

    assert canonical(dumps(forest), None) == canonical(dumps(forest), None)
    with zipfile.ZipFile(__import__("io").BytesIO(canonical(dumps(forest), None))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


MLFLOW = """
import sys, json, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "nbdeploy" and {refuse}:
            raise ImportError("nbdeploy is not here")
sys.meta_path.insert(0, Refuse())
rows = pd.read_parquet(sys.argv[1] + "/sample.parquet")
model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps([str(label) for label in model.predict(rows)]))
"""


def _by_mlflow(folder: Path, refuse: bool) -> list[str]:
    command = [sys.executable, "-c", MLFLOW.replace("{refuse}", str(refuse)), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    labels: list[str] = json.loads(done.stdout.splitlines()[-1])
    return labels


def test_mlflow_loads_a_pure_model_without_nbdeploy(forest: Any, tmp_path: Path) -> None:
    """The exported folder is an MLflow model that needs scikit-learn and skops only."""
    folder = api.export("forest", tmp_path / "out").path
    assert _by_mlflow(folder, refuse=True) == nd.load("forest").expected["prediction"].to_list()


def test_mlflow_loads_captured_code_through_nbdeploy(stock: Path, tmp_path: Path) -> None:
    """A model with a notebook class loads in MLflow too, by our loader."""
    folder = api.export("species", tmp_path / "out").path
    predictor = nd.load("species")
    assert _by_mlflow(folder, refuse=False) == predictor.expected["prediction"].to_list()
