"""Answers get the names of the contract, and pieces of answers join to what one call gives."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from nbdeploy.codecs.outputs import describe_output, join, output_frame, rows_of
from nbdeploy.errors import InvalidData
from nbdeploy.types import MethodOutput


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


@pytest.mark.parametrize(
    ("recorded", "later", "dtype"),
    [
        ([1.5, None], [None, None], pl.Float64),
        ([1.5, None], [2, 3], pl.Float64),
        ([1, 2], np.array([3.0, np.nan]), pl.Int64),
        (["a", None], np.array([None, None], dtype=object), pl.String),
        (["a", "b"], pd.Series([None, None], dtype=object), pl.String),
        (pl.Series(["a", "b"], dtype=pl.Categorical), pl.Series(["c", "c"], dtype=pl.Categorical), pl.String),
        ([None, None], ["a", None], pl.String),
        (np.array([0.5], dtype="float32"), [0.25, None], pl.Float32),
        (np.array(["2020-01-01"], dtype="M8[ns]"), [None, None], pl.Datetime("ns")),
        (np.array([1], dtype="m8[s]"), [dt.timedelta(1), None], pl.Duration("ms")),
        (
            pd.Series(pd.to_datetime(["2020-01-01"]).as_unit("us").tz_localize("Europe/Madrid")),
            [None],
            pl.Datetime("us", "Europe/Madrid"),
        ),
    ],
)
def test_answers_have_the_recorded_types_whatever_their_values(recorded: Any, later: Any, dtype: Any) -> None:
    """Every chunk has one schema, also one of missing values; the description survives JSON."""
    described, expected = describe_output("predict", recorded)
    output = msgspec.json.decode(msgspec.json.encode(described), type=MethodOutput)
    assert output_frame(later, output).schema == expected.schema == {"prediction": dtype}


@pytest.mark.parametrize(
    ("recorded", "later", "message"),
    [
        ([1, 2], [2.5], r"answered 2.5 in column 'prediction', but answered int64 when the snapshot was made"),
        ([1.5], [2**53 + 1], "answered 9007199254740993 in column"),
        ([1.5], ["high"], "answered 'high' in column"),
        (np.array([0.5], dtype="float32"), [0.1], "answered 0.1"),
        (np.array([1], dtype="m8[s]"), [dt.timedelta(microseconds=1)], "answered datetime.timedelta"),
    ],
)
def test_answers_of_another_type_are_refused(recorded: Any, later: Any, message: str) -> None:
    """An answer that the recorded type cannot hold exactly is named, not rounded."""
    output, _ = describe_output("predict", recorded)
    with pytest.raises(InvalidData, match=message):
        output_frame(later, output)


def test_nan_stays_nan_in_answers() -> None:
    """What a model computed is not turned into a missing value."""
    output, frame = describe_output("predict", np.array([1.0, np.nan]))
    assert frame["prediction"].is_nan().to_list() == [False, True]
    assert output_frame(np.array([np.nan]), output)["prediction"].is_nan().all()


IMAGES = np.arange(36, dtype="float32").reshape(6, 2, 3)
TOKENS = [["a", "b"], ["c"], [], ["d"], ["e", "f"], ["g"]]
WIDE = sparse.random_array((6, 1000), density=0.01, random_state=0, format="csr")


@pytest.mark.parametrize(
    ("method", "raw", "names", "dtypes"),
    [
        ("predict", IMAGES, ["prediction"], [pl.Array(pl.Float32, (2, 3))]),
        ("predict", TOKENS, ["prediction"], [pl.List(pl.String)]),
        ("predict", [np.array(words, dtype="U") for words in TOKENS], ["prediction"], [pl.List(pl.String)]),
        ("transform", WIDE, ["transform_0"], [pl.List(pl.Struct({"index": pl.UInt32, "value": pl.Float64}))]),
        (
            "predict",
            {"label": ["a"] * 6, "score": np.zeros((6, 2)), 3: np.arange(6)},
            ["prediction_label", "prediction_score_0", "prediction_score_1", "prediction_3"],
            [pl.String, pl.Float64, pl.Float64, pl.Int64],
        ),
        ("predict", [Decimal("1.5"), None, *[Decimal(2)] * 4], ["prediction"], [pl.Decimal(38, 1)]),
        ("predict", pa.table({"a": range(6)}), ["prediction_a"], [pl.Int64]),
    ],
    ids=["images", "lists", "arrays", "sparse", "dict", "decimals", "arrow"],
)
def test_answers_of_any_shape_are_columns(method: str, raw: Any, names: list[str], dtypes: list[Any]) -> None:
    """They keep their type through JSON, and their pieces join to the whole."""
    described, whole = describe_output(method, raw)
    assert (described.columns, whole.dtypes) == (names, dtypes)
    output = msgspec.json.decode(msgspec.json.encode(described), type=MethodOutput)
    pieces = [_cut(raw, slice(0, 4)), _cut(raw, slice(4, 6))]
    assert [rows_of(piece) for piece in pieces] == [4, 2]
    assert output_frame(join(pieces, 5), output).equals(whole[:5])


def _cut(raw: Any, rows: slice) -> Any:
    if isinstance(raw, dict):
        return {key: value[rows] for key, value in raw.items()}
    return raw.slice(rows.start, rows.stop - rows.start) if isinstance(raw, pa.Table) else raw[rows]


def test_lists_stay_one_column_where_they_happen_to_be_of_one_length() -> None:
    """What is recorded says so."""
    output, _ = describe_output("predict", TOKENS)
    assert output_frame([["a", "b"], ["c", "d"]], output)["prediction"].to_list() == [["a", "b"], ["c", "d"]]
    with pytest.raises(InvalidData, match="column 'prediction', but answered list"):
        output_frame([[1], [2]], output)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (3, "a row for each row"),
        ({"a": [1, 2], "b": [1]}, "different numbers of rows"),
        ([[1, "a"], [2]], "lists of int and str"),
        (np.zeros((2, 2, 2), dtype="complex"), "hold numbers, text or booleans"),
    ],
    ids=str,
)
def test_answers_that_are_no_columns_are_refused(raw: Any, says: str) -> None:
    """In words."""
    with pytest.raises(InvalidData, match=says):
        describe_output("predict", raw)


def test_masked_answers_are_refused() -> None:
    """Values under a mask are not answers, in one piece or in several."""
    piece = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(InvalidData, match="masked values"):
        describe_output("predict", join([piece, piece], 4))
