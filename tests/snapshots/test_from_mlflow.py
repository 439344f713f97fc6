"""MLflow models become snapshots: looked at before they are loaded, proven before they are stored."""

from __future__ import annotations

import os
import warnings
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

import nbdeploy as nd
from nbdeploy import api
from nbdeploy.errors import Corrupted, Forbidden, InvalidData, InvalidName, WrongUsage
from nbdeploy.snapshots.from_mlflow import open_mlflow_model

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

with warnings.catch_warnings(action="ignore"):
    import mlflow.pyfunc
    import mlflow.sklearn

    class Doubled(mlflow.pyfunc.PythonModel):
        """A model that only MLflow can load."""

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def] # MLflow reads hints
            return model_input["a"] * 2


SCRIPT = """
import mlflow

class Model(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["a"]

mlflow.models.set_model(Model())
"""
ROWS = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20) % 3})
FITTED = LogisticRegression().fit(ROWS, (ROWS["a"] > 9).astype(int))


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Save with MLflow, as a user would."""

    def save(name: str, **options: Any) -> Path:
        folder = tmp_path / name
        with warnings.catch_warnings(action="ignore"):
            if "python_model" in options:
                mlflow.pyfunc.save_model(str(folder), pip_requirements=["mlflow-skinny"], **options)
            else:
                mlflow.sklearn.save_model(FITTED, str(folder), pip_requirements=["scikit-learn"], **options)
        return folder

    return save


def described(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Forge what MLmodel says."""
    document = yaml.safe_load((folder / "MLmodel").read_text())
    change(document)
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    return folder


def test_a_skops_model_becomes_a_snapshot_that_runs_no_code(saved: Callable[..., Path]) -> None:
    """Its input example proves it; the folder's name is its name."""
    snapshot = api.import_(saved("churn", input_example=ROWS))
    assert (snapshot.ref, snapshot.notices) == ("churn:1", [])
    assert snapshot.document()["runs_code"] is False
    assert snapshot.document()["rehearsal"]["rows"] == 20
    assert "MLflow" in snapshot.document()["note"]
    np.testing.assert_array_equal(nd.load("churn").predict_proba(ROWS), FITTED.predict_proba(ROWS))


@pytest.mark.filterwarnings("ignore")
def test_a_model_of_mlflows_own_is_kept_as_its_folder_and_said_to_run_code(
    saved: Callable[..., Path], tmp_path: Path
) -> None:
    """Given rows in a file; the answer names what ran, and the user's example rows stay out of the bundle."""
    ROWS.to_csv("rows.csv", index=False)
    snapshot = api.import_(saved("m", python_model=Doubled(), input_example=ROWS), "doubled", "rows.csv")
    assert snapshot.document()["runs_code"] is True
    assert "python_model.pkl" in snapshot.notices[-1]
    assert not [path for path in snapshot.manifest.files if "example" in path]
    assert nd.load("doubled").predict(ROWS).tolist() == (ROWS["a"] * 2).tolist()


def test_without_rows_it_asks_for_them(saved: Callable[..., Path]) -> None:
    """The message has the command."""
    with pytest.raises(InvalidData, match=r"no input example.*nbdeploy import .* NAME -X rows\.csv"):
        api.import_(saved("churn"))


def test_code_is_found_before_anything_is_loaded(saved: Callable[..., Path]) -> None:
    """Pickles, other loaders, classes from elsewhere and types that build anything."""
    assert open_mlflow_model(saved("plain"), ROWS).code == ()
    assert open_mlflow_model(saved("pickled", serialization_format="cloudpickle"), ROWS).code == ("model.pkl",)
    folder = saved("forged")
    described(folder, lambda d: d["flavors"]["sklearn"].update(skops_trusted_types=["os.system"]))
    described(folder, lambda d: d["flavors"]["python_function"].update(loader_module="antigravity"))
    assert open_mlflow_model(folder, ROWS).code == ("type os.system", "loader antigravity")
    boosted = {"model_class": "os.path", "skops_trusted_types": ["lightgbm.basic.Booster", "subprocess.Popen"]}
    boosted |= {"serialization_format": "skops"}
    described(folder, lambda d: d.update(flavors={"python_function": {}, "lightgbm": boosted}))
    assert open_mlflow_model(folder, ROWS).code == ("class os.path", "type subprocess.Popen", "loader None")


def test_a_pickle_is_found_whatever_its_file_is_called(saved: Callable[..., Path]) -> None:
    """MLflow loads by the format that is told, not by the suffix; a format that is not told is a pickle."""
    folder = saved("hidden", serialization_format="cloudpickle")
    (folder / "model.pkl").rename(folder / "model.bin")
    described(folder, lambda d: d["flavors"]["sklearn"].update(pickled_model="model.bin"))
    assert open_mlflow_model(folder, ROWS).code == ("pickle model.bin",)
    described(folder, lambda d: d["flavors"]["sklearn"].pop("serialization_format"))
    assert open_mlflow_model(folder, ROWS).code == ("pickle model.bin",)
    boosted = {"model_class": "lightgbm.sklearn.LGBMClassifier", "data": "model.txt"}
    described(folder, lambda d: d.update(flavors={"python_function": {}, "lightgbm": boosted}))
    assert open_mlflow_model(folder, ROWS).code[0] == "pickle model.txt"


@pytest.mark.parametrize("allowed", ["never", "signed"])
def test_code_of_others_is_not_loaded_where_it_may_not_run(
    saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, allowed: str
) -> None:
    """A pickle is refused unopened, and nothing is stored."""
    folder = saved("pickled", serialization_format="cloudpickle", input_example=ROWS)
    (folder / "model.pkl").write_bytes(b"no pickle, and nobody looks")
    monkeypatch.setenv("NBDEPLOY_ALLOW_CODE", allowed)
    with pytest.raises(Forbidden, match=rf"would run code of its author \(model.pkl\).*allow_code is {allowed}"):
        api.import_(folder)
    assert not api.list_snapshots().rows


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("library", "made"), [("xgboost", "XGBClassifier"), ("lightgbm", "LGBMClassifier")])
def test_boosted_trees_are_loaded_as_their_own_kind(tmp_path: Path, library: str, made: str) -> None:
    """Native files run no code, and the framework's own object has all of its methods."""
    framework, flavor = import_module(library), import_module(f"mlflow.{library}")
    model = getattr(framework, made)(n_estimators=2).fit(ROWS, (ROWS["a"] > 9).astype(int))
    flavor.save_model(model, str(tmp_path / "trees"), input_example=ROWS, pip_requirements=[library])
    found = open_mlflow_model(tmp_path / "trees")
    assert found.code == ()
    native = next(found.natives())
    assert type(native).__name__ == made
    np.testing.assert_array_equal(native.predict_proba(ROWS), model.predict_proba(ROWS))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("library", "file"), [("xgboost", "model.ubj"), ("lightgbm", "model.lgb")])
def test_a_forged_native_file_is_refused_before_its_framework_sees_it(tmp_path: Path, library: str, file: str) -> None:
    """As a bundle's own is: boosters of both, cut short and pointing outside."""
    framework, flavor = import_module(library), import_module(f"mlflow.{library}")
    kind = "DMatrix" if library == "xgboost" else "Dataset"
    booster = framework.train({"verbosity": 0}, getattr(framework, kind)(ROWS, (ROWS["a"] > 9).astype(int)), 2)
    folder = tmp_path / "trees"
    flavor.save_model(booster, str(folder), pip_requirements=[library])
    assert type(next(open_mlflow_model(folder, ROWS).natives())).__name__ == "Booster"
    whole = (folder / file).read_bytes()
    forged = whole.replace(b"leaf_value=", b"leaf_value=1 ") if library == "lightgbm" else whole[:-40]
    for raw in (forged, whole[: len(whole) // 2], b"", b"x"):
        (folder / file).write_bytes(raw)
        with pytest.raises(Corrupted, match=f"is not a {library} model, or is damaged"):
            next(open_mlflow_model(folder, ROWS).natives())


@pytest.mark.filterwarnings("ignore")
def test_a_forged_booster_in_a_skops_file_is_refused_too(tmp_path: Path) -> None:
    """LightGBM ends the process when a number is one too many."""
    lightgbm, flavor = import_module("lightgbm"), import_module("mlflow.lightgbm")
    model = lightgbm.LGBMClassifier(n_estimators=2, verbose=-1).fit(ROWS, ROWS["a"] > 9)
    folder = tmp_path / "trees"
    flavor.save_model(model, str(folder), pip_requirements=["lightgbm"])
    with zipfile.ZipFile(folder / "model.skops") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert b"leaf_value=" in files["schema.json"]
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content.replace(b"leaf_value=", b"leaf_value=1 "))
    with pytest.raises(Corrupted, match="is not a lightgbm model, or is damaged"):
        next(open_mlflow_model(folder, ROWS).natives())


@pytest.mark.filterwarnings("ignore")
def test_what_a_framework_follows_without_looking_counts_as_code(tmp_path: Path, saved: Callable[..., Path]) -> None:
    """CatBoost's own files, here as in a bundle; and classes that a framework's module only imports."""
    catboost, flavor = import_module("catboost"), import_module("mlflow.catboost")
    model = catboost.CatBoostClassifier(iterations=1, verbose=0, allow_writing_files=False)
    flavor.save_model(model.fit(ROWS, ROWS["a"] > 9), str(tmp_path / "cat"), pip_requirements=["catboost"])
    assert open_mlflow_model(tmp_path / "cat", ROWS).code == ("CatBoost's own file, which it follows without looking",)
    folder = saved("forged")
    for cls in ("xgboost.core.ctypes.CDLL", "xgboost.sklearn.os", "xgboost.Booster"):
        table = {"model_class": cls, "data": "model.ubj"}
        loader = {"loader_module": "mlflow.xgboost"}
        described(folder, lambda d, t=table, o=loader: d.update(flavors={"python_function": o, "xgboost": t}))
        assert open_mlflow_model(folder, ROWS).code == (f"class {cls}",)


def test_a_model_that_is_a_script_may_say_where_it_came_from(tmp_path: Path) -> None:
    """MLflow looks for the script's name only, and in the model's folder."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    mlflow.pyfunc.save_model(str(tmp_path / "made"), python_model=str(script), pip_requirements=["mlflow-skinny"])
    assert str(script) in (tmp_path / "made" / "MLmodel").read_text()
    script.unlink()
    assert "script.py" in open_mlflow_model(tmp_path / "made", ROWS).code


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("flavors"), "no table of flavors"),
        (lambda d: d.update(flavors=["sklearn"]), "no table of flavors"),
        (lambda d: d["flavors"].pop("python_function"), "no python_function flavor"),
    ],
)
def test_what_describes_no_model_is_refused(
    saved: Callable[..., Path], change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """In words."""
    with pytest.raises((Corrupted, InvalidData), match=message):
        open_mlflow_model(described(saved("churn"), change), ROWS)


def test_a_link_out_of_the_folder_is_refused(saved: Callable[..., Path]) -> None:
    """Its target would end up in the store."""
    folder = saved("churn")
    (folder / "extra").symlink_to("/etc/passwd")
    with pytest.raises(Corrupted, match="is a link"):
        open_mlflow_model(folder, ROWS)


@pytest.mark.parametrize("name", ["../secret.skops", "/etc/passwd", "sub/../../secret.skops", "C:\\x", "..\\x"])
def test_a_file_that_is_named_outside_of_the_folder_is_refused(saved: Callable[..., Path], name: str) -> None:
    """Whatever key names it: nothing beside the model is read."""
    folder = saved("churn", input_example=ROWS)
    (folder.parent / "secret.skops").write_bytes((folder / "model.skops").read_bytes())
    for change in (
        lambda d: d["flavors"]["sklearn"].update(pickled_model=name),
        lambda d: d["flavors"]["python_function"].update(model_path=name, code=None),
        lambda d: d["saved_input_example_info"].update(artifact_path=name),
    ):
        whole = (folder / "MLmodel").read_text()
        with pytest.raises(Corrupted, match="names a file outside of its folder"):
            api.import_(described(folder, change))
        (folder / "MLmodel").write_text(whole)


@pytest.mark.parametrize("name", [None, 7, "", ".", "other.skops", ["model.skops"]])
def test_the_file_of_the_model_is_one_of_its_own(saved: Callable[..., Path], name: Any) -> None:
    """The message has those that there are."""
    folder = described(saved("churn"), lambda d: d["flavors"]["sklearn"].update(pickled_model=name))
    with pytest.raises(Corrupted, match="none of the model's own: MLmodel, "):
        api.import_(folder, data=ROWS)


def test_names_are_checked_and_bundles_have_their_own(saved: Callable[..., Path], stock: Path, tmp_path: Path) -> None:
    """A folder whose name is no model's name needs one; an exported snapshot takes none."""
    with pytest.raises(InvalidName, match="'My Model' is not allowed"):
        api.import_(saved("My Model"), data=ROWS)
    with pytest.raises(WrongUsage, match="is no MLflow model"):
        api.import_(api.export("forest", tmp_path / "out").path, "other")
