"""Snapshots of every framework: proven in a clean process, and loaded here without the notebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbdeploy as nd
from nbdeploy.errors import InvalidData

NOTEBOOK = """
import json, warnings
warnings.simplefilter("ignore")
import catboost, lightgbm, nbdeploy as nd, numpy as np, pandas as pd, torch, xgboost
import statsmodels.formula.api as smf
from numpy import log1p
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
y = (X.a + X.b > 0).astype(int)
labels = np.where(y, "yes", "no")
narrow = X.to_numpy().astype("float32")
SHIFT = 0.5

def shifted(rows):
    return rows + SHIFT

def squared(column):
    return column ** 2

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Linear(3, 2)
    def forward(self, rows):
        return torch.softmax(self.layers(rows), dim=1)

class Deciding(Net):
    def forward(self, rows):
        return super().forward(rows) if bool(self.layers.bias.sum() > -99) else rows

torch.manual_seed(0)
logistic = LogisticRegression().fit(narrow, y)
cat = catboost.CatBoostClassifier(iterations=3, verbose=0, allow_writing_files=False, random_seed=0)
steps = [FunctionTransformer(shifted), FunctionTransformer(lambda rows: rows * 2.0), StandardScaler()]
models = {
    "xgb": (xgboost.XGBClassifier(n_estimators=3).fit(X, y), X),
    "lgb": (lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, labels), X),
    "cat": (cat.fit(X, labels), X),
    "inside": (make_pipeline(*steps, xgboost.XGBClassifier(n_estimators=3)).fit(X, y), X),
    "net": (Net(), narrow),
    "deciding": (Deciding(), narrow),
    "graph": (to_onnx(logistic, narrow[:1], options={"zipmap": False}), narrow),
    "formula": (smf.ols("t ~ squared(a) + np.abs(b) + log1p(abs(c) / SHIFT)", X.assign(t=y)).fit(), X),
}
said = {}
for name, (model, data) in models.items():
    nd.snapshot(model, name, data=data)
    if name in {"net", "deciding"}:
        said[name] = model.eval()(torch.from_numpy(narrow)).detach().numpy().ravel().tolist()
    else:
        said[name] = np.asarray((logistic if name == "graph" else model).predict(data)).ravel().tolist()
again = nd.snapshot(models["inside"][0], "inside", data=X).ref
json.dump({"again": again, "said": said}, open("answer.json", "w"))
"""

EXPECTED = {
    "xgb": ("xgboost", False, ["predict", "predict_proba"], "xgboost-cpu"),
    "lgb": ("lightgbm", False, ["decision_function", "predict", "predict_proba"], "lightgbm"),
    "cat": ("catboost", True, ["predict", "predict_log_proba", "predict_proba"], "catboost"),
    "inside": ("sklearn", True, ["predict", "predict_proba"], "xgboost-cpu"),
    "net": ("torch", False, ["predict"], "torch"),
    "deciding": ("torch_modules", True, ["predict"], "safetensors"),
    "graph": ("onnx", False, ["predict", "predict_proba"], "onnxruntime"),
    "formula": ("statsmodels", True, ["predict"], "statsmodels"),
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home with a snapshot of each framework, all taken by one program, and what the program saw."""
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "notebook.py").write_text(NOTEBOOK)
    environment = {**os.environ, "NBDEPLOY_HOME": str(folder)}
    command = [sys.executable, "notebook.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads((folder / "answer.json").read_text())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", EXPECTED)
def test_a_snapshot_answers_as_the_model_did(
    name: str, notebook: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says its flavor, whether it runs code, its methods and packages."""
    folder, answer = notebook
    monkeypatch.setenv("NBDEPLOY_HOME", str(folder))
    flavor, runs_code, methods, package = EXPECTED[name]
    shown = nd.show(name).document()
    assert (shown["flavor"], shown["runs_code"]) == (flavor, runs_code)
    assert shown["version"] == 1
    assert shown["rehearsal"]["max_difference"] == 0.0
    predictor = nd.load(name)
    assert list(predictor.signature.outputs) == methods
    assert package in predictor.bundle.content.environment.packages
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=list("abc"))
    rows = X if predictor.signature.container == "pandas" else X.to_numpy().astype("float32")
    found, said = np.asarray(predictor.predict(rows)).ravel().tolist(), answer["said"][name]
    assert found == said if isinstance(said[0], str) else np.allclose(found, said, rtol=1e-6)


def test_a_model_with_another_framework_inside_is_the_same_when_it_is_taken_again(
    notebook: tuple[Path, dict[str, Any]],
) -> None:
    """Parts that are stored by their own flavors do not change from one time to the next."""
    assert notebook[1]["again"] == "inside:1"


def test_models_without_answers_for_new_rows_are_refused() -> None:
    """What labels only the rows that it was fitted with is refused, and the message says what to do."""
    from sklearn.cluster import DBSCAN

    X = pd.DataFrame({"a": [0.0, 0.1, 5.0]})
    with pytest.raises(InvalidData, match=r"a DBSCAN labels only the rows .* fit a classifier on its labels"):
        nd.snapshot(DBSCAN().fit(X), "groups", data=X)


def test_asking_whose_a_model_is_loads_no_framework() -> None:
    """A model of scikit-learn brings in neither XGBoost nor PyTorch nor any other."""
    source = """
import sys
from nbdeploy.flavors import flavors_for
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
assert flavors_for(make_pipeline(LogisticRegression())) == ["sklearn", "python"]
frameworks = {"catboost", "lightgbm", "onnx", "onnxruntime", "statsmodels", "torch", "xgboost"}
print(sorted(frameworks & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_framework_is_named_with_its_install(
    notebook: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The distribution that the snapshot was made with, not only the module."""
    monkeypatch.setenv("NBDEPLOY_HOME", str(notebook[0]))
    monkeypatch.setitem(sys.modules, "xgboost", None)
    version = nd.show("xgb").manifest.parsed.environment.packages["xgboost-cpu"]
    with pytest.raises(nd.NbdeployError, match=rf"pip install 'xgboost-cpu=={version}'"):
        nd.load("xgb")
