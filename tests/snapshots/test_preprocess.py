"""Preprocessing outside of the model becomes part of the snapshot: callers send rows as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from xgboost import XGBClassifier

import nbdeploy as nd
from nbdeploy.errors import Corrupted, InvalidData, NotCapturable
from nbdeploy.flavors import FLAVORS, flavors_for
from nbdeploy.flavors.chain import Chain, chained
from tests.snapshots.conftest import Cells

Script = Callable[[str], dict[str, Any]]

FRAME = pd.DataFrame({"a": np.arange(40.0), "b": np.tile([1.0, 5.0], 20)})
LABELS = [0] * 20 + [1] * 20


class Loose:
    """A model that is no estimator."""

    classes_ = (0, 1)

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0] > 0


@pytest.fixture(scope="module")
def scaler() -> StandardScaler:
    return StandardScaler().fit(FRAME)


def test_steps_of_scikit_learn_become_a_plain_pipeline(scaler: StandardScaler) -> None:
    """It is fitted, it answers as by hand, it runs no code, and what callers send is the raw frame."""
    model = LogisticRegression().fit(scaler.transform(FRAME), LABELS)
    nd.snapshot(model, "scaled", data=FRAME, preprocess=[scaler])
    shown = nd.show("scaled").document()
    assert (shown["flavor"], shown["runs_code"]) == ("sklearn", False)
    loaded = nd.load("scaled")
    assert isinstance(loaded.model, Pipeline)
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), model.predict_proba(scaler.transform(FRAME)))
    assert loaded.signature.names == ["a", "b"]


def test_functions_go_into_the_pipeline_as_function_transformers(scaler: StandardScaler) -> None:
    """Functions are called, transformers transform."""

    def shifted(rows: pd.DataFrame) -> pd.DataFrame:
        return rows + 1

    model = LogisticRegression().fit(scaler.transform(shifted(FRAME)), LABELS)
    joined = chained([shifted, scaler], model)
    assert isinstance(joined[0], FunctionTransformer)
    np.testing.assert_array_equal(joined.predict_proba(FRAME), model.predict_proba(scaler.transform(shifted(FRAME))))


def test_a_model_that_is_no_estimator_gets_a_chain(scaler: StandardScaler, tmp_path: Path) -> None:
    """Each part is saved by its own flavor in its own folder, and the methods are the model's."""
    chain = chained([scaler], Loose())
    assert isinstance(chain, Chain)
    flavor = FLAVORS["chain"]
    assert flavor.methods(chain) == ["predict"]
    saved = flavor.save(chain, tmp_path, None)
    assert saved.runs_code
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {
        "model/step1/model/model.skops",
        "model/step2/model/model.pkl",
    }
    loaded = flavor.load(tmp_path, saved.loader)
    np.testing.assert_array_equal(flavor.call(loaded, "predict", FRAME), Loose().predict(scaler.transform(FRAME)))


def test_a_booster_in_a_chain_keeps_its_native_format(scaler: StandardScaler, tmp_path: Path) -> None:
    """XGBoost's own file, and no pickle anywhere."""
    model = XGBClassifier(n_estimators=3).fit(scaler.transform(FRAME), LABELS)
    chain = chained([scaler], model)
    flavor = FLAVORS["chain"]
    saved = flavor.save(chain, tmp_path, None)
    assert [part["flavor"] for part in saved.loader["parts"]] == ["sklearn", "xgboost"]
    assert not saved.runs_code
    loaded = flavor.load(tmp_path, saved.loader)
    np.testing.assert_array_equal(
        flavor.call(loaded, "predict_proba", FRAME), model.predict_proba(scaler.transform(FRAME))
    )


def test_a_part_that_needs_the_notebooks_code_brings_it(cells: Cells, scaler: StandardScaler, tmp_path: Path) -> None:
    """A module that cannot be exported is stored by its source; one that can be brings none."""
    cells.run(
        """
import torch
class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def forward(self, rows):
        return self.layer(rows)
class Deciding(Plain):
    def forward(self, rows):
        return super().forward(rows) if bool(rows.sum() > 0) else rows
"""
    )
    plain, deciding = (chained([scaler], cells[name]()) for name in ("Plain", "Deciding"))
    assert flavors_for(deciding)[:2] == ["chain", "chain_modules"]
    assert cells.capture(FLAVORS["chain"].reached(plain)).module is None
    assert not FLAVORS["chain"].save(plain, tmp_path / "plain", None, FRAME).runs_code
    with pytest.raises(NotCapturable, match=r"torch\.export"):
        FLAVORS["chain"].save(deciding, tmp_path / "deciding", None, FRAME)
    captured = cells.capture(FLAVORS["chain_modules"].reached(deciding))
    assert b"class Deciding(Plain)" in captured.files[f"code/{captured.module}.py"]
    with cells.inside():
        saved = FLAVORS["chain_modules"].save(deciding, tmp_path / "code", captured.module, FRAME)
        expected = FLAVORS["chain"].call(deciding, "predict", FRAME)
    assert saved.runs_code
    cells.load(captured)
    loaded = FLAVORS["chain_modules"].load(tmp_path / "code", saved.loader)
    np.testing.assert_array_equal(FLAVORS["chain"].call(loaded, "predict", FRAME), expected)


def test_an_estimator_without_fitted_attributes_gets_a_chain(scaler: StandardScaler) -> None:
    """A Pipeline would call it unfitted, though it answers by hand."""
    from sklearn.base import BaseEstimator

    class Rule(BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Rule:
            return self

        def predict(self, X: Any) -> Any:
            return X[:, 0] > 0

    assert isinstance(chained([scaler], Rule()), Chain)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (["scaler", "scaler_of_one"], r"step 2 of the preprocessing \(StandardScaler\) rejects its rows: ValueError"),
        (["narrowed"], r"the model \(LogisticRegression\) rejects the rows that narrowed gives it: ValueError.*order"),
        ([3], r"step 1 of the preprocessing is a int, which has no transform method"),
        ([StandardScaler], r"step 1 of the preprocessing is a StandardScaler, which has no transform"),
    ],
)
def test_rows_that_do_not_fit_name_the_step(scaler: StandardScaler, steps: list[Any], message: str) -> None:
    """Which step rejects its rows, or that the model rejects what the last one gives."""

    def narrowed(rows: Any) -> Any:
        return np.asarray(rows)[:, :1]

    known = {"scaler": scaler, "scaler_of_one": StandardScaler().fit(FRAME[["a"]].to_numpy()), "narrowed": narrowed}
    chosen = [known.get(step, step) if isinstance(step, str) else step for step in steps]
    model = LogisticRegression().fit(scaler.transform(FRAME), LABELS)
    with pytest.raises(InvalidData, match=message):
        nd.snapshot(model, "wrong", data=FRAME, preprocess=chosen)
    assert not nd.list_snapshots().document()


@pytest.mark.parametrize(
    "loader", [{}, {"parts": []}, {"parts": [{"flavor": "chain", "loader": {}}] * 2}, {"parts": [{"flavor": 3}]}]
)
def test_what_a_bundle_says_of_its_steps_is_checked(loader: dict[str, Any], tmp_path: Path) -> None:
    """A chain in a chain, a part without flavor, no parts: refused before anything is loaded."""
    with pytest.raises(Corrupted, match=r"steps|parts"):
        FLAVORS["chain"].load(tmp_path, loader)


def test_notebook_functions_and_objects_in_a_chain(home: Path, script: Script) -> None:
    """One captured module serves all parts; the command takes the option as often as there are steps."""
    script(
        """
import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell
import nbdeploy as nd

FACTOR = 10.0

def add_ratio(rows):
    return rows.assign(ratio=rows["a"] / (rows["b"] * FACTOR))

class Threshold:
    def __init__(self, at): self.at = at
    def predict(self, rows): return np.where(rows[:, 2] > self.at, "high", "low")

from sklearn.preprocessing import StandardScaler
df = pd.DataFrame({"a": np.arange(30.0), "b": np.tile([1.0, 2.0, 4.0], 10)})
scaler = StandardScaler().fit(add_ratio(df))
rule = Threshold(0.1)
shell = InteractiveShell.instance(user_ns=globals())
shell.run_line_magic("load_ext", "nbdeploy")
shell.run_line_magic("deploy", "snapshot rule ratio -X df --preprocess add_ratio --preprocess scaler")
df.assign(said=rule.predict(scaler.transform(add_ratio(df)))).to_csv("said.csv", index=False)
answer = {}
"""
    )
    said = pd.read_csv("said.csv")
    assert nd.load("ratio").predict(said[["a", "b"]]).tolist() == said["said"].tolist()
    shown = nd.show("ratio")
    assert shown.document()["flavor"] == "chain"
    assert ("before it", "add_ratio → StandardScaler") in shown.card().facts


def test_secrets_refuse_a_snapshot_unless_allowed(home: Path, script: Script) -> None:
    """Nothing is stored; with the option it is."""
    answer = script(
        """
import pandas as pd
import nbdeploy as nd

KEY = "AKIAIOSFODNN7EXAMPLF"
def model(rows):
    return [len(KEY) for _ in rows["a"]]

df = pd.DataFrame({"a": [1.0, 2.0]})
try:
    nd.snapshot(model, "keyed", data=df)
except nd.NbdeployError as error:
    said = str(error)
before = nd.list_snapshots().document()
nd.snapshot(model, "keyed", data=df, allow_secrets=True)
answer = {"said": said, "before": before}
"""
    )
    assert answer["before"] == []
    assert "script.py, line 6: AWS Access Key" in answer["said"]
    assert "AKIA" not in answer["said"]
    assert nd.load("keyed").predict(pd.DataFrame({"a": [1.0]})) == [20]
