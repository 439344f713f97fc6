"""Answers get the names of the contract, and pieces of answers join to what one call gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from nbdeploy.codecs.outputs import describe_output, join, output_frame


@pytest.mark.parametrize(
    ("method", "raw", "classes", "names"),
    [
        ("predict", np.array(["a", "b"]), None, ["prediction"]),
        ("predict", np.zeros((2, 2)), None, ["prediction_0", "prediction_1"]),
        ("predict", pd.DataFrame({"low": [1], "high": [2]}), None, ["prediction_low", "prediction_high"]),
        ("predict_proba", np.zeros((2, 2)), ["no", "yes"], ["probability_no", "probability_yes"]),
        (
            "predict_proba",
            [np.zeros((2, 2)), np.zeros((2, 1))],
            None,
            ["probability_0_0", "probability_0_1", "probability_1_0"],
        ),
        ("decision_function", np.zeros(2), None, ["decision_function_0"]),
        ("transform", sparse.csr_matrix(np.eye(2)), None, ["transform_0", "transform_1"]),
        ("predict", [1, 2], None, ["prediction"]),
        ("predict", pd.Series([True, False]), None, ["prediction"]),
    ],
)
def test_columns_are_named_by_the_contract(method: str, raw: Any, classes: Any, names: list[str]) -> None:
    """``prediction``, ``probability_<class>``, otherwise ``<method>_<index>``."""
    output, frame = describe_output(method, raw, classes)
    assert output.columns == names == frame.columns


@pytest.mark.parametrize(
    "raw",
    [
        np.arange(10.0),
        np.arange(20.0).reshape(10, 2),
        pd.DataFrame({"a": range(10)}),
        sparse.csr_matrix(np.arange(20.0).reshape(10, 2)),
        list(range(10)),
        [np.arange(20.0).reshape(10, 2), np.arange(10.0).reshape(10, 1)],
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_pieces_join_to_the_whole(raw: Any) -> None:
    """Answers to consecutive tiles, padding cut off, are the answer to all rows."""
    if isinstance(raw, list) and isinstance(raw[0], np.ndarray):
        pieces = [[a[:6] for a in raw], [a[6:] for a in raw]]
    else:
        cut = raw.iloc if hasattr(raw, "iloc") else raw
        pieces = [cut[:6], cut[6:]]
    output, whole = describe_output("transform", raw)
    assert output_frame(join(pieces, 9), output).equals(whole[:9])
