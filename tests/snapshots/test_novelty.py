"""A new version says what is new about it; running a seeded notebook again makes none."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import msgspec
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import nbdeploy as nd
from nbdeploy.flavors import FLAVORS
from nbdeploy.manifest import Content, Environment, Manifest, canonical_json, file_entry
from nbdeploy.snapshots.comparing.learned import compared, parameters_of, read
from nbdeploy.snapshots.comparing.novelty import why_new
from nbdeploy.types import Canonical, Column, MethodOutput, Signature
from tests.models import NUMBERS


def test_a_fit_without_a_seed_is_new_and_says_so(numbers: tuple[pd.DataFrame, pd.Series]) -> None:
    """The first version has nothing to say, the same one neither; another fit says that only it differs."""
    X, y = numbers
    first = nd.snapshot(RandomForestClassifier(3, random_state=0).fit(X, y), "forest", data=X)
    again = nd.snapshot(RandomForestClassifier(3, random_state=0).fit(X, y), "forest", data=X)
    other = nd.snapshot(RandomForestClassifier(3, random_state=1).fit(X, y), "forest", data=X)
    assert (first.ref, again.ref, other.ref) == ("forest:1", "forest:1", "forest:2")
    assert [*first.notices, *again.notices] == []
    (told,) = other.notices
    assert told == "unlike forest:1 in parameters (random_state 0 → 1) and the fitted numbers"
    fewer = nd.snapshot(LogisticRegression(max_iter=5000).fit(X[NUMBERS[:2]], y), "forest", data=X[NUMBERS[:2]])
    (told,) = fewer.notices
    assert "columns (body_mass_g is gone, flipper_length_mm is gone)" in told
    assert "answers (decision_function is new)" in told


def _pipeline(numbers: Any, scaler: Any = None, factor: float = 1.0, **forest: Any) -> Any:
    X, y = numbers
    columns = ColumnTransformer([("scale", scaler or StandardScaler(), NUMBERS)])
    chosen = {"random_state": 0, "max_depth": 2, **forest}
    return Pipeline([("columns", columns), ("forest", RandomForestClassifier(2, **chosen))]).fit(X * factor, y)


def test_models_are_compared_step_by_step(numbers: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Parameters go by scikit-learn's names; what was fitted by the step's."""

    def stored(model: Any) -> Any:
        folder = tmp_path_factory.mktemp("stored")
        FLAVORS["sklearn"].save(model, folder, None)
        return read((folder / "model/model.skops").read_bytes())

    one = stored(_pipeline(numbers))
    assert compared(one, stored(_pipeline(numbers))) == compared(one, one)
    deeper = compared(one, stored(_pipeline(numbers, max_depth=3)))
    assert (deeper.parameters, deeper.steps) == (["forest__max_depth 2 → 3"], ["forest"])
    other = compared(one, stored(_pipeline(numbers, factor=2.0)))
    assert (other.parameters, other.steps) == ([], ["scale"])
    scaled = compared(one, stored(_pipeline(numbers, MinMaxScaler())))
    assert scaled.parameters == ["columns__scale StandardScaler → MinMaxScaler"]
    alone = compared(one, stored(_pipeline(numbers).named_steps["forest"]))
    assert (alone.parameters, alone.steps) == (["the model is a RandomForestClassifier and was a Pipeline"], [])
    tail = compared(one, stored(_pipeline(numbers)[:1]))
    assert tail.parameters == ["steps columns, forest → columns"]


@pytest.mark.parametrize("schema", [None, "[", "[" * 100_000, '{"__loader__": "JsonNode", "content": "{"}', "null"])
def test_files_that_are_no_model_are_not_read(schema: str | None) -> None:
    """Versions come from anywhere."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        if schema is not None:
            archive.writestr("schema.json", schema)
    assert read(raw.getvalue()) is None
    assert read(b"no archive") is None
    for text in (b"[", b"[]", b'{"parameters": 3}'):
        assert parameters_of(text) == {}


SIGNATURE = Signature(
    "pandas", [Column("a", "float64", "float64", low=0.0, high=5.0)], {"predict": MethodOutput(["p"], ["bool"])}
)
CONTENT = Content(
    protocol=1,
    flavor="xgboost",
    signature=SIGNATURE,
    canonical=Canonical(),
    environment=Environment(python="3.11.7", packages={"polars": "1.2", "numpy": "2.0"}),
    files={},
    runs_code=True,
    loader={},
)


def _why(before: dict[str, bytes], after: dict[str, bytes], data: str | None = "b", **changed: Any) -> str:
    """What is said of a version with other files and fields."""
    blobs = {file_entry(raw).sha256: raw for raw in (*before.values(), *after.values())}
    manifests = []
    for number, files, fields, of in ((1, before, {}, "a"), (2, after, changed, data)):
        entries = {path: file_entry(raw) for path, raw in files.items()}
        raw = canonical_json(msgspec.structs.replace(CONTENT, files=entries, **fields))
        record = {"name": "churn", "version": number, "lineage": {"data": {"sha256": of}}}
        manifests.append(Manifest.sealed(raw, record))
    return why_new(*manifests, blobs.__getitem__)


BOOSTER = {"model/model.ubj": b"1", "model/estimator.json": json.dumps({"parameters": {"max_depth": 2}}).encode()}


NAN = b'{"parameters": {"max_depth": NaN}}'
HIDDEN = Column("a", "float64", "float64", private=True)
WHOLE = Column("a", "int64", "int64", low=0, high=6)


@pytest.mark.parametrize(
    ("before", "after", "changed", "said"),
    [
        ({}, {}, {"environment": Environment(python="3.11.7", packages={"polars": "1.3", "numpy": "2.0"})},
         "packages (polars 1.2 → 1.3)"),
        ({}, {}, {"environment": Environment(python="3.12.1", packages={"rich": "1", "skops": "2", "zstd": "3"})},
         "packages (python 3.11.7 → 3.12.1, numpy is gone, polars is gone and 3 more)"),
        ({}, {}, {"flavor": "sklearn"}, "the flavor (xgboost → sklearn)"),
        ({}, {}, {"canonical": Canonical(twin="rows")}, "how native code is called (twin none → rows)"),
        ({}, {}, {"loader": {"x": 1}}, "how it is loaded"),
        (BOOSTER, {**BOOSTER, "model/model.ubj": b"2", "model/estimator.json": NAN}, {},
         "parameters (max_depth 2 → nan) and the fitted numbers"),
        ({"code/nbdeploy_1.py": b"import os\nA = 1\ndef f(x):\n    return x\n"},
         {"code/nbdeploy_2.py": b"import os\nA = 2\ndef f(x):\n    return x\nclass C:\n    pass\n"}, {},
         "the notebook's code (A changed, C is new)"),
        ({"code/tools.py": b"1"}, {"code/tools.py": b"2", "code/nbdeploy_2.pkl": b"3"}, {},
         "the notebook's code (tools.py changed, a value it uses is new)"),
        ({}, {}, {"signature": msgspec.structs.replace(SIGNATURE, columns=[HIDDEN])},
         "columns (a: private False → True)"),
        ({}, {}, {"signature": msgspec.structs.replace(SIGNATURE, columns=[WHOLE])},
         "columns (a: type float64 → int64, a: values within 0.0 … 5.0 → 0 … 6)"),
    ],
)  # fmt: skip
def test_what_differs_is_said_in_a_data_scientists_words(
    before: dict[str, bytes], after: dict[str, bytes], changed: dict[str, Any], said: str
) -> None:
    assert _why(before, after, **changed) == f"unlike churn:1 in {said}"


def test_the_data_tells_whether_a_seed_is_missing() -> None:
    """Where only the fit differs."""
    other = {**BOOSTER, "model/model.ubj": b"2"}
    assert _why(BOOSTER, other, data="a").startswith(
        "unlike churn:1 only in the fitted numbers, of the same data: a fit without a fixed seed is another model each"
    )
    assert "only in the fitted numbers, learned from other data (a split without random_state" in _why(BOOSTER, other)
    assert "only in the fitted numbers: other data, or a fit without a fixed seed" in _why(BOOSTER, other, data=None)
