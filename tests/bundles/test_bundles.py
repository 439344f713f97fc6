"""A bundle is a folder that MLflow loads too, and that travels unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import py_compile
import subprocess
import sys
from collections.abc import Callable
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.bundles import Trust
from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.flavors.native_state import check_native_state
from nbdeploy.manifest import canonical_json, sha256
from nbdeploy.predictor import load
from nbdeploy.settings import Settings
from tests.models import NUMBERS, penguins


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


def resealed(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Forge a bundle whose digests are right."""
    content, record = (json.loads((folder / f"{name}.json").read_text()) for name in ("content", "record"))
    change(content, record)
    raw = json.dumps(content).encode()
    document = {**record, "digest": f"sha256:{sha256(raw)}"}
    document.pop("sha256")
    (folder / "content.json").write_bytes(raw)
    (folder / "record.json").write_bytes(canonical_json({**document, "sha256": sha256(canonical_json(document))}))


EVIL = b"import pathlib; pathlib.Path('ran').write_text('')"


@pytest.mark.parametrize(
    "change",
    [
        lambda c, r: c["files"].update({"../x": c["files"].pop("model/model.skops")}),
        lambda c, r: c["files"].update({"code/nbdeploy_0123456789ab.py": {"sha256": sha256(EVIL), "size": len(EVIL)}}),
        lambda c, r: r["files"].update({"code/nbdeploy_0123456789ab.py": {"sha256": sha256(EVIL), "size": len(EVIL)}}),
        lambda c, r: c["loader"]["trusted"].append("os.system"),
        lambda c, r: r.update(runs_code=True),
        lambda c, r: r.update(flavor="python"),
        lambda c, r: r.update(metrics="good"),
        lambda c, r: r.update(version=10**30),
        lambda c, r: r["files"]["README.md"].update(sha256="../../x"),
        lambda c, r: c["canonical"].update(multiple=0),
        lambda c, r: c["signature"].update(default_method="predct"),
        lambda c, r: c.update(protocol=2),
        lambda c, r: c["loader"].update(trusted=[None]),
        lambda c, r: c["loader"].update(parts=[{"flavor": "python", "loader": {}}]),
        lambda c, r: c["signature"].update(outputs={}),
        lambda c, r: r["rehearsal"].update(max_difference="none"),
        lambda c, r: r["rehearsal"]["cpu"].update(libraries=[{"architecture": "x"}]),
        lambda c, r: r.update(twin={"compiler": "rows", "tried": {"sample": None}}),
    ],
    ids=[
        *("outside", "unsaid code", "code in the record", "types", "runs_code", "flavor", "metrics", "version"),
        *("digest", "padding", "method", "protocol"),
        *("no types", "parts", "no methods", "proof", "processor", "twin"),
    ],
)
def test_a_forged_bundle_is_refused_and_runs_nothing(
    forest: Any, tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]
) -> None:
    """Right digests do not make a bundle right: paths, code, types, names and numbers are checked."""
    folder = api.export("forest", tmp_path / "out").path
    (folder / "code").mkdir()
    (folder / "code" / "nbdeploy_0123456789ab.py").write_bytes(EVIL)
    resealed(folder, lambda c, r: None)
    load(folder, Trust())
    resealed(folder, change)
    with pytest.raises(Corrupted):
        load(folder, Trust())
    assert not Path("ran").exists()


def test_rows_that_are_no_table_are_refused_when_they_are_read(forest: Any, tmp_path: Path) -> None:
    """The record's digest may fit: what it lists need not be Parquet."""
    folder, forged = api.export("forest", tmp_path / "out").path, b"no table"
    entry = {"sha256": sha256(forged), "size": len(forged)}
    for name in ("sample", "expected"):
        (folder / f"{name}.parquet").write_bytes(forged)
    resealed(folder, lambda c, r: r["files"].update({"sample.parquet": entry, "expected.parquet": entry}))
    for name in ("sample", "expected"):
        with pytest.raises(Corrupted, match=f"{name}.parquet of the bundle sha256:.* holds no table"):
            getattr(load(folder, Trust()), name)


def test_rows_that_do_not_fit_the_signature_are_refused_when_they_are_read(forest: Any, tmp_path: Path) -> None:
    """Nothing is cast in silence, by the predictor or by verify."""
    folder = api.export("forest", tmp_path / "out").path

    def integers(content: dict[str, Any], record: dict[str, Any]) -> None:
        content["signature"]["columns"][0].update(type="int64", dtype="int64")
        record["name"] = "forged"

    resealed(folder, integers)
    name = load(folder, Trust()).signature.names[0]
    message = rf"does not fit its signature: it has {name} \(Float64\) where the signature has {name} \(Int64\)"
    with pytest.raises(Corrupted, match=message):
        _ = load(folder, Trust()).sample
    assert api.import_(folder).ref == "forged:1"
    with pytest.raises(Corrupted, match=message):
        api.verify("forged")
    resealed(folder, lambda c, r: c["signature"]["outputs"]["predict"].update(columns=["other"]))
    with pytest.raises(Corrupted, match=r"expected.parquet .* has no answers named other"):
        _ = load(folder, Trust()).expected


def test_a_flavor_finds_listed_files_only(forest: Any, tmp_path: Path) -> None:
    """One that lies beside the model was never checked, and one that is not listed is not there."""
    folder = api.export("forest", tmp_path / "out").path
    (folder / "model" / "more.py").write_bytes(EVIL)
    with pytest.raises(Corrupted, match=r"more.py is not listed by its bundle.*delete it"):
        load(folder, Trust())
    (folder / "model" / "more.py").unlink()
    (folder / "model" / "model.skops").unlink()
    resealed(folder, lambda c, r: c["files"].pop("model/model.skops"))
    with pytest.raises(Corrupted, match=r"model\.skops"):
        load(folder, Trust())
    resealed(
        folder, lambda c, r: (c.update(flavor="python", runs_code=True), r.update(flavor="python", runs_code=True))
    )
    with pytest.raises(Corrupted, match=r"lacks a file that its flavor python reads: .*model\.pkl"):
        load(folder, Trust())


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("Model/model.skops", "cannot lie side by side"),
        ("model/model.skops/more", "cannot lie side by side"),
        ("C:x", "outside of itself"),
        ("model/a\0b", "outside of itself"),
        ("model/a\nb", "outside of itself"),
    ],
)
def test_names_that_no_file_system_takes_side_by_side_are_refused(
    forest: Any, tmp_path: Path, path: str, message: str
) -> None:
    """On every system, so that a bundle means the same on each."""
    folder = api.export("forest", tmp_path / "out").path
    resealed(folder, lambda c, r: c["files"].update({path: {"sha256": sha256(b""), "size": 0}}))
    with pytest.raises(Corrupted, match=message):
        load(folder, Trust())


@pytest.mark.parametrize("name", ["content", "record"])
def test_documents_that_are_nested_without_end_are_refused(forest: Any, tmp_path: Path, name: str) -> None:
    """A reader that follows them would run out of stack."""
    folder = api.export("forest", tmp_path / "out").path
    (folder / f"{name}.json").write_bytes(b'{"a":' * 200_000 + b"1" + b"}" * 200_000)
    with pytest.raises(Corrupted):
        load(folder, Trust())


def test_files_that_no_document_lists_are_not_looked_at(stock: Path, tmp_path: Path) -> None:
    """Unlisted code and cached bytecode beside listed code are not run."""
    folder = api.export("species", tmp_path / "out").path
    (folder / "code" / "nbdeploy_0123456789ab.py").write_bytes(EVIL)
    listed = next(path for path in (folder / "code").glob("*.py") if path.name != "nbdeploy_0123456789ab.py")
    py_compile.compile(str(folder / "code" / "nbdeploy_0123456789ab.py"), cfile=cache_from_source(str(listed)))
    source = f"from nbdeploy.mlflow import _load_pyfunc; _load_pyfunc({str(folder)!r})"
    subprocess.run([sys.executable, "-c", source], check=True)
    assert not Path("ran").exists()


def test_a_damaged_archive_is_refused_wherever_it_is_damaged(forest: Any, tmp_path: Path) -> None:
    """One byte flipped anywhere in a .zip is either found, or changes nothing."""
    path = api.export("forest", tmp_path / "forest.zip").path
    whole = path.read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with contextlib.suppress(Corrupted):
            assert api.import_(path).ref == "forest:1"


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


def test_a_tree_that_points_outside_of_itself_is_refused(forest: Any) -> None:
    """Indices are checked before scikit-learn follows them: children, circles and columns."""
    check_native_state(forest)
    tree = forest.estimators_[0].tree_
    for field, value in [("left_child", 10**6), ("left_child", 0), ("feature", 99)]:
        state = tree.__getstate__()
        state["nodes"] = state["nodes"].copy()
        state["nodes"][field][0] = value
        forest.estimators_[0].tree_ = forged = type(tree)(tree.n_features, tree.n_classes, tree.n_outputs)
        forged.__setstate__(state)
        with pytest.raises(Corrupted, match="outside of itself"):
            check_native_state(forest)
    forest.estimators_[0].tree_ = tree
    forest.n_features_in_ = 3
    with pytest.raises(Corrupted, match="outside of itself"):
        check_native_state(forest)


def test_histogram_trees_and_neighbours_are_checked_too() -> None:
    """Their nodes are arrays that a file could forge as well."""
    X, y = penguins()
    X = X[NUMBERS].fillna(0.0).to_numpy()
    boosted = HistGradientBoostingClassifier(max_iter=2).fit(X, y)
    near = KNeighborsClassifier(algorithm="kd_tree").fit(X, y)
    check_native_state([boosted, near])
    boosted._predictors[0][0].nodes["left"][0] = 10**9
    with pytest.raises(Corrupted, match="outside of itself"):
        check_native_state(boosted)


def test_the_same_training_is_the_same_content_in_every_process(tmp_path: Path) -> None:
    """No addresses, dates, durations or hash order: another process stores the same digest."""
    source = """
import sys
from nbdeploy.flavors.sklearn import FLAVOR
from nbdeploy.manifest import sha256
from pathlib import Path
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
model = make_pipeline(TfidfVectorizer(), LogisticRegression())
texts = ["good day", "bad day", "good night", "bad night"] * 5
search = GridSearchCV(model, {"logisticregression__C": [1.0, 2.0]}, cv=2).fit(texts, [1, 0, 1, 0] * 5)
search.words = {"some", "words", "in", "a", "set"}
folder = Path(sys.argv[1])
FLAVOR.save(search, folder, None)
assert search.refit_time_ > 0
print(sha256((folder / "model/model.skops").read_bytes()))
"""
    digests = set()
    for seed in ("1", "2", "3"):
        command = [sys.executable, "-c", source, str(tmp_path / seed)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        digests.add(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert len(digests) == 1


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
print(json.dumps([str(label) for label in pd.DataFrame(model.predict(rows)).iloc[:, 0]]))
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
    source = next((folder / "code").glob("*.py"))
    source.write_text(source.read_text() + "# changed")
    with pytest.raises(AssertionError, match="changed or is damaged"):
        _by_mlflow(folder, refuse=False)
