"""A snapshot is proven in a clean process before it is stored; what cannot be proven is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import nbdeploy as nd
from nbdeploy.errors import InvalidData, NotFound, RehearsalFailed
from nbdeploy.flavors.sklearn import FLAVOR
from tests.models import NOTEBOOK, NUMBERS, penguins

Script = Callable[[str], dict[str, Any]]


def test_notebook_class_travels_with_its_source(script: Script) -> None:
    """A class from ``__main__``, the function and the constant it uses load where no notebook is."""
    script(NOTEBOOK + "import nbdeploy as nd\nanswer = nd.snapshot(species, 'species', data=X, test=(X, y)).document()")
    shown = nd.show("species").document()
    assert shown["runs_code"] is True
    assert shown["rehearsal"]["max_difference"] == 0.0
    assert shown["rehearsal"]["rows"] >= 200
    predictor = nd.load("species")
    X, y = penguins()
    assert (predictor.predict(X) == y).mean() > 0.98
    source = next((predictor.bundle.path / "code").glob("*.py")).read_text()
    assert "class BillShape" in source
    assert "SCALE = 10.0" in source
    assert "def slenderness" in source


def test_function_over_fitted_globals_is_a_model(script: Script) -> None:
    """A plain function is a model; the fitted objects it uses travel as values."""
    script(
        NOTEBOOK
        + """
import nbdeploy as nd
import numpy as np

def risk(rows):
    return np.where(species.predict(rows) == "Adelie", "low", "high")

answer = {"line": nd.snapshot(risk, "risk", data=X).line, "said": risk(X).tolist()}
"""
    )
    said = json.loads(Path("answer.json").read_text())["said"]
    assert nd.load("risk").predict(penguins()[0]).tolist() == said


def test_what_skops_cannot_store_is_pickled_and_said(script: Script) -> None:
    """A notebook class that keeps a pandas object is pickled, the last resort; a lambda in a pipeline is not."""
    script(
        """
import nbdeploy as nd
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

class Center(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.mean_ = X.mean()
        return self
    def transform(self, X):
        return X - self.mean_

X = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 0.0, 1.0]})
y = [0, 0, 1, 1]
nd.snapshot(make_pipeline(Center(), LogisticRegression()).fit(X, y), "centred", X)
logs = FunctionTransformer(lambda d: np.log1p(d))
nd.snapshot(make_pipeline(logs, LogisticRegression()).fit(X, y), "logged", X)
answer = {}
"""
    )
    rows = pd.DataFrame({"a": [1.0, 4.0], "b": [0.0, 1.0]})
    for name, flavor in (("centred", "python"), ("logged", "sklearn")):
        assert nd.show(name).document()["runs_code"] is True
        assert nd.show(name).document()["flavor"] == flavor
        assert nd.load(name).predict(rows).tolist() == [0, 1]


def test_an_ordinary_mixed_pipeline_runs_no_code() -> None:
    """Imputers, scalers, encoders, forests, neighbours and searches of scikit-learn's own load without running code."""
    X, y = penguins()
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), ["island", "sex"]),
    )
    for model in (
        LogisticRegression(),
        RandomForestClassifier(5),
        KNeighborsClassifier(),
        HistGradientBoostingClassifier(),
    ):
        with TemporaryDirectory() as folder:
            assert not FLAVOR.save(make_pipeline(columns, model).fit(X, y), Path(folder), None).runs_code, model


def test_later_redefinition_does_not_change_the_snapshot(script: Script) -> None:
    """What is stored is the code that made the model, not what the name means later."""
    answer = script(
        NOTEBOOK
        + """
import nbdeploy as nd
first = nd.snapshot(species, "species", data=X)
before = species.predict(X).tolist()
def slenderness(length, depth):
    return 0 * length
second = nd.snapshot(species, "species", data=X)
answer = {"versions": [first.ref, second.ref], "before": before}
"""
    )
    assert answer["versions"] == ["species:1", "species:2"]
    assert nd.load("species:1").predict(penguins()[0]).tolist() == answer["before"]


def test_pure_scikit_learn_runs_no_code(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Nothing of the notebook, nothing pickled: the snapshot says that loading it executes nothing."""
    X, y = numbers
    model = make_pipeline(StandardScaler(), RandomForestClassifier(10, n_jobs=2, random_state=0)).fit(X, y)
    snapshot = nd.snapshot(model, "forest", data=X, test=(X, y))
    assert snapshot.document()["runs_code"] is False
    assert list(snapshot.metrics)[:3] == ["auc", "accuracy", "f1"]
    low, high = snapshot.intervals["accuracy"]
    assert low <= snapshot.metrics["accuracy"] <= high
    assert model[-1].n_jobs == 2, "the user's model is as it was"
    np.testing.assert_array_equal(
        nd.load("forest").predict_proba(X), model.set_params(randomforestclassifier__n_jobs=1).predict_proba(X)
    )


def test_same_content_again_is_the_same_version(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Running the cell again stores nothing, and says so; another model is another version."""
    X, y = numbers
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    first = nd.snapshot(model, "lr", data=X)
    again = nd.snapshot(
        make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), "lr", data=X, note="another remark"
    )
    assert (first.ref, first.event) == ("lr:1", "stored")
    assert (again.ref, again.event) == ("lr:1", "found")
    assert nd.snapshot(make_pipeline(StandardScaler(), LogisticRegression(C=0.1)).fit(X, y), "lr", data=X).ref == "lr:2"


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 333])
def test_a_rows_answer_does_not_depend_on_the_batch(rows: int, numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Bit-equal answers for linear models whatever the number of rows asked at once."""
    X, y = numbers
    nd.snapshot(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), "lr", data=X)
    predictor = nd.load("lr")
    wire = predictor.bind(X)
    whole = predictor.outputs(wire, ["predict_proba"])
    parts = [predictor.outputs(wire[i : i + rows], ["predict_proba"]) for i in range(0, len(X), rows)]
    assert pl.concat(parts).equals(whole)


def test_regressor_has_its_own_metrics(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Without classes, ``r2``, ``rmse`` and ``mae`` are measured on the test rows."""
    X, _ = numbers
    model = HistGradientBoostingRegressor(max_iter=20).fit(X[NUMBERS[:3]], X["body_mass_g"])
    snapshot = nd.snapshot(model, "mass", data=X[NUMBERS[:3]], test=(X[NUMBERS[:3]], X["body_mass_g"]))
    assert snapshot.metrics["r2"] > 0.8


def test_numpy_trained_model_answers_numpy(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Data given as an array is rebuilt as an array."""
    X = numbers[0].to_numpy()
    model = Ridge().fit(X[:, :3], X[:, 3])
    nd.snapshot(model, "ridge", data=X[:, :3])
    np.testing.assert_allclose(nd.load("ridge").predict(X[:, :3]), model.predict(X[:, :3]), rtol=1e-12)


def test_batch_dependent_model_is_refused(script: Script) -> None:
    """Centring on the batch gives a row another answer among other rows; nothing is stored."""
    answer = script(
        NOTEBOOK
        + """
import nbdeploy as nd
def centred(rows):
    return rows["body_mass_g"].fillna(0) - rows["body_mass_g"].mean()
try:
    nd.snapshot(centred, "centred", data=X)
except nd.NbdeployError as error:
    answer = {"kind": type(error).__name__, "message": str(error), "stored": nd.list_snapshots().document()}
"""
    )
    assert answer["kind"] == "RehearsalFailed"
    assert answer["stored"] == []


def test_random_model_is_refused_with_the_first_rows() -> None:
    """A model that answers differently from call to call is not stored, and the message shows rows."""
    X, _ = penguins()

    class Noisy:
        def predict(self, rows: pd.DataFrame) -> Any:
            return np.random.default_rng().random(len(rows))

    with pytest.raises(RehearsalFailed, match=r"row 0: prediction"):
        nd.snapshot(Noisy(), "noisy", data=X)
    assert nd.list_snapshots().document() == []


def test_kernel_only_state_is_refused_with_the_reason(script: Script) -> None:
    """What exists only in the kernel is missed in the clean process, before anything is stored."""
    answer = script(
        NOTEBOOK
        + """
import nbdeploy as nd, sys, types
sys.modules["only_here"] = types.ModuleType("only_here")
sys.modules["only_here"].factor = 2
def scaled(rows):
    import only_here
    return rows["body_mass_g"].fillna(0) * only_here.factor
try:
    nd.snapshot(scaled, "scaled", data=X)
except nd.NbdeployError as error:
    answer = {"kind": type(error).__name__, "message": str(error)}
"""
    )
    assert answer["kind"] == "RehearsalFailed"
    assert "No module named 'only_here'" in answer["message"]


def test_open_connection_is_named_by_its_path(script: Script) -> None:
    """What cannot be carried is named with the attribute where it was found."""
    answer = script(
        """
import sqlite3
import nbdeploy as nd
import pandas as pd
class Lookup:
    def __init__(self):
        self.inner = {"db": sqlite3.connect(":memory:")}
    def predict(self, rows):
        return rows["a"]
try:
    nd.snapshot(Lookup(), "lookup", data=pd.DataFrame({"a": [1.0]}))
except nd.NbdeployError as error:
    answer = {"kind": type(error).__name__, "message": str(error)}
"""
    )
    assert answer["kind"] == "NotCapturable"
    assert "the model.inner['db'] (a Connection)" in answer["message"]


def test_rehearsal_has_no_network(script: Script) -> None:
    """A model that calls out is refused, and the message says that it did."""
    answer = script(
        """
import nbdeploy as nd
import pandas as pd
import socket
def calls(rows):
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=1)
    except ConnectionRefusedError:
        pass
    return rows["a"]
try:
    nd.snapshot(calls, "calls", data=pd.DataFrame({"a": [1.0]}))
except nd.NbdeployError as error:
    answer = {"kind": type(error).__name__, "message": str(error)}
"""
    )
    assert answer["kind"] == "RehearsalFailed"
    assert "without network" in answer["message"]


def test_verify_proves_again_and_finds_changes(numbers: tuple[pd.DataFrame, pd.Series], home: Path) -> None:
    """A stored snapshot passes again; one whose stored bytes changed does not."""
    X, y = numbers
    version = nd.snapshot(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), "lr", data=X)
    assert nd.verify("lr").document()["rehearsal"]["max_difference"] == 0.0
    digest = version.digest.removeprefix("sha256:")
    blob = home / "store" / "blobs" / "sha256" / digest[:2] / digest
    blob.write_bytes(blob.read_bytes().replace(b'"sklearn"', b'"sklearm"'))
    with pytest.raises(nd.NbdeployError, match="changed or is damaged"):
        nd.verify("lr")


def test_methods_and_inputs_are_checked(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """Unknown methods, things that are no models and data that does not fit are refused in words."""
    X, y = numbers
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(NotFound, match="no method 'predict_prob'; did you mean predict_proba"):
        nd.snapshot(model, "lr", data=X, method="predict_prob")
    with pytest.raises(InvalidData, match=r"^int 3 is not a model"):
        nd.snapshot(3, "three", data=X)
    with pytest.raises(InvalidData, match=r"^the class LogisticRegression is not a model"):
        nd.snapshot(LogisticRegression, "class", data=X)
    with pytest.raises(InvalidData, match="344 rows, but 3 labels"):
        nd.snapshot(model, "lr", data=X, labels=[1, 2, 3])
    with pytest.raises(RehearsalFailed, match=r"(?s)predict fails on the data given.*- body_mass_g; nothing"):
        nd.snapshot(model, "lr", data=X.drop(columns="body_mass_g"))


def test_default_method_can_be_chosen(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """All methods are kept; the chosen one answers by default."""
    X, y = numbers
    nd.snapshot(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y), "lr", data=X, method="predict_proba")
    table = nd.load("lr").table(X.head(2))
    assert list(table.columns) == ["probability_Adelie", "probability_Chinstrap", "probability_Gentoo"]
    assert list(nd.load("lr").table(X.head(2), ["predict"]).columns) == ["prediction"]


def test_missing_values_are_allowed_where_they_were_seen(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """A column that had gaps may have gaps; one that had none refuses them by row and name."""
    X, y = penguins()
    X = X[NUMBERS].assign(full=1.0)
    nd.snapshot(make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(X, y), "lr", data=X)
    predictor = nd.load("lr")
    assert len(predictor.predict(X.assign(body_mass_g=np.nan))) == len(X)
    with pytest.raises(InvalidData, match="row 0, column 'full': the value is missing"):
        predictor.predict(X.assign(full=np.nan))
