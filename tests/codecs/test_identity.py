"""What a model is given is what it was given: same container, types, labels, values and missing markers."""

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
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from nbdeploy.codecs import bind, describe, prove, rebuild
from nbdeploy.codecs.frames import check
from nbdeploy.errors import InvalidData
from nbdeploy.manifest import canonical_json
from nbdeploy.types import Signature
from tests.codecs.test_doors import tables

IMAGES = np.arange(24, dtype="float32").reshape(2, 3, 4)
MATRIX = np.array([[0, 1.5, 0], [2, 0, np.nan]])
RAGGED = np.array([np.array([1.0, 2.0]), np.array([3.0])], dtype=object)
DAY = dt.date(2020, 1, 31)


def there_and_back(data: Any) -> Any:
    """What a model is given, after the signature went through JSON and was checked."""
    signature = msgspec.json.decode(canonical_json(describe(data)), type=Signature)
    check(signature)
    wire = bind(data, signature)
    prove(data, wire, signature)
    return rebuild(wire, signature)


def objects(*values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=object)})


FRAMES: dict[str, pd.DataFrame] = {
    "arrow decimals": pd.DataFrame({"x": pd.Series([Decimal("1.1"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2)))}),
    "arrow lists": pd.DataFrame({"x": pd.Series([[1.0], []], dtype=pd.ArrowDtype(pa.list_(pa.float32())))}),
    "arrow text": pd.DataFrame({"x": pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string()))}),
    "bool objects": objects(True, None),
    "bytes": objects(b"ab", None),
    "categories of booleans": pd.DataFrame({"x": pd.Categorical([True, None])}),
    "categories of int8": pd.DataFrame({"x": pd.Categorical([1, None], categories=pd.Index([2, 1], dtype="int8"))}),
    "dates": objects(DAY, None),
    "decimals": objects(Decimal("1.25"), None, Decimal(2)),
    "embeddings": objects(np.array([1, 2], dtype="float32"), np.array([3, 4], dtype="float32")),
    "labels of dates": pd.DataFrame([[1, 2.5]], columns=pd.to_datetime(["2020-01-01", "2020-02-01"])),
    "labels of text and numbers alike": pd.DataFrame([[1, "a"]], columns=pd.Index([1, "1"], dtype=object)),
    "labels of tuples": pd.DataFrame(
        [[1, 2.0, 3]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "")], names=["p", None])
    ),
    "labels with a name": pd.DataFrame({"a": [1.0]}).rename_axis(columns="feature"),
    "lists": objects([1, 2], [], [3]),
    "missing label": pd.DataFrame([[1, 2]], columns=pd.Index([None, "a"], dtype=object)),
    "nullable floats": pd.DataFrame({"x": pd.Series([1.5, None], dtype="Float64")}),
    "offset": pd.DataFrame({"x": pd.DatetimeIndex(["2020-01-01"]).tz_localize("+05:30")}),
    "seconds with a zone": pd.DataFrame({"x": pd.DatetimeIndex(["2020-01-01"]).as_unit("s").tz_localize("Asia/Tokyo")}),
    "sparse": pd.DataFrame({"x": pd.arrays.SparseArray([0, 0, 1]), "y": pd.arrays.SparseArray([np.nan, 1.0, np.nan])}),
    "text kept by Python": pd.DataFrame({"x": pd.Series(["a", None], dtype="string[python]")}),
    "times of day": objects(dt.time(1, 2, 3, 4), dt.time(5)),
    "times with NaT": objects(dt.datetime(2020, 1, 1), pd.NaT),
    "tuples": objects((1.0, 2.0), None),
}


@pytest.mark.parametrize("case", FRAMES)
def test_pandas_comes_back(case: str) -> None:
    """Judged by pandas' own assertion, and value by value where it is lenient."""
    frame = FRAMES[case]
    back = there_and_back(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    if case != "labels of dates":
        assert [type(label) for label in back.columns] == [type(label) for label in frame.columns]
    for i in range(frame.shape[1]):
        assert [type(value) for value in back.iloc[:, i]] == [type(value) for value in frame.iloc[:, i]]


@pytest.mark.parametrize("series", [pd.Series([1, 2]), pd.Series([1, 2], name=3), pd.Series(["a", None], name="t")])
def test_a_series_keeps_its_name(series: pd.Series) -> None:
    """Also if it is a number, or none."""
    pd.testing.assert_series_equal(there_and_back(series), series)


@pytest.mark.parametrize(
    "array",
    [
        IMAGES,
        np.arange(16, dtype="uint8").reshape(2, 2, 2, 2),
        np.array([[["a", "bc"]], [["c", "d"]]]),
        np.array([[1.5, np.nan]], dtype="float16"),
        np.array([[1.5, 2]], dtype=">f8"),
        np.array([b"ab", b"c"]),
        np.array(["a", None], dtype=object),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_numpy_comes_back(array: np.ndarray) -> None:
    """Of every type and any number of dimensions."""
    back = there_and_back(array)
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


def test_ragged_arrays_come_back() -> None:
    """An array of arrays of several lengths."""
    back = there_and_back(RAGGED)
    assert [array.tolist() for array in back] == [[1.0, 2.0], [3.0]]
    assert {array.dtype for array in back} == {np.dtype("float64")}


@pytest.mark.parametrize("make", ["csr_matrix", "csc_array", "coo_matrix", "csr_array", "lil_matrix"])
def test_sparse_data_comes_back_sparse(make: str) -> None:
    """In its own form, without ever being dense."""
    matrix = getattr(sparse, make)(MATRIX)
    back = there_and_back(matrix)
    assert (type(back), back.dtype, back.shape) == (type(matrix), matrix.dtype, matrix.shape)
    np.testing.assert_array_equal(back.toarray(), MATRIX)


def test_wide_sparse_data_is_one_column() -> None:
    """A hundred thousand features of text are one column of what is in each row."""
    matrix = sparse.random_array((50, 100_000), density=1e-4, random_state=0, format="csr")
    signature = describe(matrix)
    wire = bind(matrix, signature)
    assert wire.width == 1
    assert wire.estimated_size() < 100_000
    assert (there_and_back(matrix) != matrix).nnz == 0


def test_a_wide_sparse_frame_is_one_column_bound_by_its_labels() -> None:
    """In any order, sparse or dense; a caller that lacks one is told which."""
    matrix = sparse.random_array((4, 300), density=0.1, random_state=0, format="csr")
    frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=[f"w{i}" for i in range(300)])
    signature = describe(frame)
    wire = bind(frame, signature)
    assert wire.width == 1
    pd.testing.assert_frame_equal(there_and_back(frame), frame, check_exact=True)
    assert bind(frame.iloc[:, ::-1].assign(other=1), signature).equals(wire)
    assert bind(frame.sparse.to_dense(), signature).equals(wire)
    with pytest.raises(InvalidData, match="missing columns: w7; the model takes 300"):
        bind(frame.drop(columns="w7"), signature)


@given(tables())
@settings(deadline=None, max_examples=40)
def test_polars_and_arrow_come_back(frame: pl.DataFrame) -> None:
    """Every kind of column, with what is missing."""
    back = there_and_back(frame)
    assert back.equals(frame)
    assert back.schema == frame.schema
    assert there_and_back(frame.to_arrow()).equals(frame.to_arrow())


@given(tables(), st.sampled_from(["records", "columns"]))
@settings(deadline=None, max_examples=40)
def test_python_comes_back(frame: pl.DataFrame, kind: str) -> None:
    """Lists of dicts and dicts of lists."""
    data: Any = frame.to_dicts() if kind == "records" else frame.to_dict(as_series=False)
    assert there_and_back(data) == data


@pytest.mark.parametrize(
    "data",
    [
        pl.Series([1, 2]),
        pl.Series("n", ["a", None]),
        pl.DataFrame(
            [pl.Series("x", ["b", "a"], dtype=pl.Categorical), pl.Series("y", ["b"] * 2, dtype=pl.Enum("ab"))]
        ),
        pa.record_batch({"a": [1, 2]}),
        pa.table(
            {
                "seconds": pa.array([1, None], pa.timestamp("s")),
                "offset": pa.array([1, 2], pa.timestamp("us", "+05:30")),
                "clock": pa.array([dt.time(1), None], pa.time32("s")),
                "words": pa.array(["b", None]).dictionary_encode(),
                "numbers": pa.array([3, 1]).dictionary_encode(),
                "vector": pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
                "view": pa.array(["x", None], pa.string_view()),
                "day": pa.array([DAY, None], pa.date64()),
            }
        ),
        {"image": IMAGES, "age": np.array([1, 2]), "name": ["a", "b"]},
        [{"a": 1}, {"b": 2.0}],
        [{"tokens": ("a", "b")}, {"tokens": ()}],
    ],
    ids=lambda data: type(data).__name__,
)
def test_other_tables_come_back(data: Any) -> None:
    """Types that only one library has, columns of arrays, and records that lack a key."""
    back = there_and_back(data)
    assert type(back) is type(data)
    if isinstance(data, (pl.Series, pl.DataFrame, pa.Table, pa.RecordBatch)):
        assert back.equals(data)
        assert str(getattr(back, "schema", "")) == str(getattr(data, "schema", ""))
    elif isinstance(data, list):
        assert back == data
    else:
        assert (list(back), back["name"]) == (list(data), data["name"])
        np.testing.assert_array_equal(back["image"], data["image"])
        assert back["image"].dtype == data["image"].dtype


@pytest.mark.parametrize(
    ("given", "rebuilt"),
    [
        (pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [2.0]})),
        (pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": [1]})),
        (objects(None, "a"), objects(np.nan, "a")),
        (objects([1]), objects((1,))),
        (pd.DataFrame({"x": [1.0]}), pd.DataFrame({"y": [1.0]})),
        (np.array([1.0]), np.array([1.0], dtype="float32")),
        (pl.DataFrame({"x": [1]}), pl.DataFrame({"x": pl.Series([1], dtype=pl.Int8)})),
        (pa.table({"x": ["a"]}), pa.table({"x": pa.array(["a"], pa.large_string())})),
        (sparse.csr_array(MATRIX), sparse.csc_array(MATRIX)),
        ([{"a": None}], [{}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_data_that_would_change_is_refused(given: Any, rebuilt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In type, value, label, form or what stands for a missing value."""
    monkeypatch.setattr("nbdeploy.codecs.proof.rebuild", lambda wire, signature: rebuilt)
    signature = describe(pd.DataFrame({"x": [1]})) if isinstance(given, pd.DataFrame) else describe([{"a": 1}])
    container = {"builtins": "builtins"}.get(type(given).__module__, type(given).__module__.partition(".")[0])
    with pytest.raises(InvalidData, match="would not come back as it was given"):
        prove(given, pl.DataFrame(), msgspec.structs.replace(signature, container=container))


def test_the_index_is_rebuilt_where_it_is_an_input() -> None:
    """Its levels travel as columns, by their names; otherwise the model gets row numbers."""
    index = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["shop", None])
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}, index=index)
    plain, indexed = describe(frame), describe(frame, index=True)
    assert plain.index is not None
    assert (plain.index.kind, plain.index.names) == ("MultiIndex", ["shop", {"special": "none"}])
    assert rebuild(bind(frame, plain), plain).index.tolist() == [0, 1, 2, 3]
    assert indexed.names == ["shop", "level_1", "x"]
    pd.testing.assert_frame_equal(rebuild(bind(frame, indexed), indexed), frame)
    row = [{"x": 9.0, "shop": "b", "level_1": 7}]
    assert rebuild(bind(row, indexed), indexed).index.tolist() == [("b", 7)]


def test_times_as_an_index_come_back() -> None:
    """With their zone and name."""
    frame = pd.DataFrame({"x": [1.0, 2.0]}, index=pd.date_range("2020", periods=2, tz="Europe/Madrid", name="at"))
    signature = describe(frame, index=True)
    pd.testing.assert_frame_equal(rebuild(bind(frame, signature), signature), frame, check_freq=False)
