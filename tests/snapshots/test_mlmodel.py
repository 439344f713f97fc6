"""What MLmodel says is what MLflow understands, and lets the model's own rows through."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
import yaml
from mlflow.models.signature import ModelSignature
from mlflow.models.utils import _enforce_params_schema, _enforce_schema

from nbdeploy.snapshots.mlmodel import mlmodel
from nbdeploy.types import MethodOutput
from tests.snapshots.making import content, signature

SKLEARN = {"python_function": {"loader_module": "mlflow.sklearn"}, "sklearn": {"sklearn_version": "1.9.1"}}
FRAME = pd.DataFrame(
    {
        "float": [1.0, None],
        "small": np.array([1, 2], dtype="int8"),
        "count": [1, 2],
        "maybe": pd.array([1, None], dtype="Int64"),
        "large": np.array([1, 2], dtype="uint64"),
        "flag": [True, False],
        "unsure": pd.array([True, None], dtype="boolean"),
        "text": ["a", None],
        "kind": pd.Categorical(["a", "b"]),
        "day": pd.to_datetime(["2024-01-01", None]),
        "moment": pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("UTC"),
        "took": pd.to_timedelta([1, 2], unit="s"),
    }
)


def written(data: Any, flavors: Any = None, **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(mlmodel(flavors or {}, content(data, **changes), "0" * 32))
    return document


def understood(document: dict[str, Any]) -> ModelSignature:
    return ModelSignature.from_dict(document["signature"])


def test_every_column_has_a_type_that_its_values_pass() -> None:
    """MLflow checks the very data that the model was given, and changes no value of it."""
    schema = understood(written(FRAME)).inputs
    assert schema.input_names() == list(FRAME.columns)
    types = {spec.name: str(spec.type).lower() for spec in schema.inputs}
    assert [types[name] for name in ("float", "count", "flag", "text", "day")] == [
        *("datatype.double", "datatype.long", "datatype.boolean", "datatype.string", "datatype.datetime")
    ]
    assert {name for name, kind in types.items() if kind == "any"} == {
        *("maybe", "large", "unsure", "kind", "moment", "took")
    }
    passed = _enforce_schema(FRAME, schema)
    for name in FRAME.columns:
        assert passed[name].isna().equals(FRAME[name].isna()), name
        assert passed[name].dropna().tolist() == FRAME[name].dropna().tolist(), name


def test_a_column_that_must_be_sent_is_required() -> None:
    """Also where values may be missing in it; one with a default is optional."""
    assert understood(written(FRAME)).inputs.required_input_names() == list(FRAME.columns)
    found = signature(FRAME)
    columns = [msgspec.structs.replace(column, required=column.name != "count") for column in found.columns]
    schema = understood(written(FRAME, signature=msgspec.structs.replace(found, columns=columns))).inputs
    assert schema.optional_input_names() == ["count"]


def test_arrays_are_tensors() -> None:
    """Any number of rows, as many columns, one type."""
    array = np.ones((3, 4), dtype="float32")
    schema = understood(written(array)).inputs
    assert _enforce_schema(array, schema) is not None
    assert schema.to_dict() == [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": (-1, 4)}}]


@pytest.mark.parametrize("data", [pl.DataFrame({"a": [1, 2]}), [{"a": 1}, {"a": 2}], pl.DataFrame({"a": [[1.0, 2.0]]})])
def test_frames_of_other_libraries_are_columns(data: Any) -> None:
    """MLflow's clients send pandas frames; the names are the same."""
    assert understood(written(data)).inputs.input_names() == ["a"]


def test_numbered_columns_have_no_schema() -> None:
    """MLflow names columns by text; it would miss them all."""
    assert "inputs" not in written(pd.DataFrame([[1.0, 2.0]]))["signature"]


def test_the_method_is_a_parameter_with_a_default() -> None:
    """Where our loader answers; MLflow passes on what is asked for."""
    params = understood(written(FRAME)).params
    assert _enforce_params_schema({}, params) == {"method": "predict"}
    assert _enforce_params_schema({"method": "predict_proba"}, params) == {"method": "predict_proba"}


def test_a_plain_model_is_loaded_by_mlflow_itself() -> None:
    """Without our package; what it answers by default is a tensor."""
    plain = FRAME[["float", "count", "text"]]
    document = written(plain, SKLEARN)
    assert document["flavors"]["python_function"]["loader_module"] == "mlflow.sklearn"
    assert document["flavors"]["python_function"]["predict_fn"] == "predict"
    assert "params" not in document["signature"]
    assert json.loads(document["signature"]["outputs"])[0]["tensor-spec"] == {"dtype": "object", "shape": [-1]}


@pytest.mark.parametrize(
    ("data", "default"),
    [
        (FRAME, "predict"),
        (pl.DataFrame({"a": [1]}), "predict"),
        (np.ones(3), "predict"),
        (FRAME[["float"]], "transform"),
    ],
    ids=["categories and times", "polars", "one dimension", "a method that MLflow cannot ask"],
)
def test_what_mlflow_would_ask_otherwise_is_loaded_by_us(data: Any, default: str) -> None:
    """Frames are rebuilt before the model sees them, and its own default method answers."""
    outputs = {default: MethodOutput(["x"], ["float64"])}
    found = msgspec.structs.replace(signature(data, **outputs), default_method=default)
    document = written(data, SKLEARN, signature=found)
    assert document["flavors"]["python_function"]["loader_module"] == "nbdeploy.mlflow"
    assert "sklearn" not in document["flavors"]
    assert understood(document).outputs.input_names() == ["x"]
