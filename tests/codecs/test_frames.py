"""Tables come back from the wire exactly as the model was given them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.codecs import bind, bind_text, describe, rebuild
from nbdeploy.codecs.proof import prove
from nbdeploy.errors import InvalidData
from nbdeploy.types import Signature

NA_WORDS = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6) | st.sampled_from(NA_WORDS)
WORDS = TEXT.filter(lambda text: text not in NA_WORDS)
STAMPS = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2040, 1, 1))


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Four values, some of which may be missing, but not all."""
    return st.lists(values | st.none(), min_size=4, max_size=4).filter(lambda v: any(x is not None for x in v))


def full(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=4, max_size=4)


def frames(words: st.SearchStrategy[str]) -> st.SearchStrategy[pd.DataFrame]:
    """Frames of every kind of column; `words` are the text of columns with missing values."""
    columns = st.one_of(
        full(st.floats(allow_nan=False)).map(lambda v: pd.Series(v, dtype="float64")),
        nullable(st.floats(allow_nan=False)).map(lambda v: pd.Series(v, dtype="float64")),
        full(st.floats(width=32, allow_nan=False)).map(lambda v: pd.Series(v, dtype="float32")),
        full(st.integers(-(2**63), 2**63 - 1)).map(lambda v: pd.Series(v, dtype="int64")),
        full(st.integers(-128, 127)).map(lambda v: pd.Series(v, dtype="int8")),
        full(st.integers(0, 2**64 - 1)).map(lambda v: pd.Series(v, dtype="uint64")),
        nullable(st.integers(-(2**40), 2**40)).map(lambda v: pd.Series(v, dtype="Int64")),
        full(st.booleans()).map(lambda v: pd.Series(v, dtype="bool")),
        nullable(st.booleans()).map(lambda v: pd.Series(v, dtype="boolean")),
        nullable(words).map(lambda v: pd.Series(v, dtype="str")),
        nullable(words).map(lambda v: pd.Series(v, dtype="string")),
        nullable(words).map(lambda v: pd.Series(v, dtype="object")),
        nullable(words).map(lambda v: pd.Series([np.nan if x is None else x for x in v], dtype="object")),
        full(TEXT).map(lambda v: pd.Series(v, dtype="str")),
        full(TEXT).map(lambda v: pd.Series(v, dtype="category")),
        nullable(st.sampled_from(["None", "NA", "b"])).map(lambda v: pd.Series(v, dtype="category")),
        nullable(st.sampled_from("abc")).map(lambda v: pd.Series(pd.Categorical(v, categories=list("cab")))),
        nullable(st.integers(1, 3)).map(lambda v: pd.Series(pd.Categorical(v, categories=[3, 2, 1], ordered=True))),
        nullable(STAMPS).map(lambda v: pd.Series(pd.to_datetime(pd.Series(v)).astype("datetime64[us]"))),
        full(STAMPS).map(
            lambda v: pd.Series(pd.DatetimeIndex(v).as_unit("ns").tz_localize("UTC").tz_convert("Asia/Tokyo"))
        ),
        full(st.timedeltas(dt.timedelta(-9), dt.timedelta(9))).map(
            lambda v: pd.Series(pd.TimedeltaIndex(v).as_unit("us"))
        ),
    )
    return st.dictionaries(st.one_of(TEXT, st.integers(0, 9)), columns, min_size=1, max_size=5).map(pd.DataFrame)


FRAMES = frames(TEXT)


@given(FRAMES)
@settings(deadline=None, max_examples=60)
def test_pandas_survives_the_wire(frame: pd.DataFrame) -> None:
    """Dtypes, labels and missing values are rebuilt; the signature survives JSON."""
    signature = msgspec.json.decode(msgspec.json.encode(describe(frame)), type=Signature)
    back = rebuild(bind(frame, signature), signature)
    pd.testing.assert_frame_equal(back, frame, check_column_type=False)


@given(FRAMES, st.randoms())
@settings(deadline=None, max_examples=20)
def test_column_order_does_not_matter(frame: pd.DataFrame, random: Any) -> None:
    """Columns are bound by name, whatever their order and whatever else there is."""
    signature = describe(frame)
    order = list(frame.columns)
    random.shuffle(order)
    shuffled = frame[order].assign(**{"an unknown column": 1})
    assert bind(shuffled, signature).equals(bind(frame, signature))


@pytest.mark.parametrize(
    "data",
    [
        pl.DataFrame({"a": [1, 2], "b": ["x", None]}),
        pa.table({"a": [1, 2], "b": ["x", None]}),
        np.array([[1.0, 2.0], [3.0, np.nan]]),
        np.array([["a", "b"], ["c", "d"]], dtype=object),
        np.array(["some text", "more"]),
        np.array([["some", "text"], ["more", "x"]]),
        np.array(["2020-01-01T10:00:01", "NaT"], dtype="M8[s]"),
        np.array([[1, 2]], dtype="m8[s]"),
        [{1: 2.0, "1": 3.0}],
        {1: [2.0]},
        np.array([[1, 2]], dtype="int32"),
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        {"a": [1.5, None], "b": [True, False]},
        ["some text", "more"],
        pd.Series(["some text", None], name="review"),
    ],
    ids=lambda data: type(data).__name__,
)
def test_other_containers_survive_the_wire(data: Any) -> None:
    """Every other kind of table comes back as its own kind."""
    signature = describe(data)
    back = rebuild(bind(data, signature), signature)
    assert type(back) is type(data)
    if isinstance(data, np.ndarray):
        np.testing.assert_array_equal(back, data)
        assert back.dtype == data.dtype
    elif isinstance(data, (pl.DataFrame, pa.Table, pd.Series)):
        assert back.equals(data)
    else:
        assert back == data


def test_repeated_column_names_go_by_position_among_their_like() -> None:
    """Two columns of one name stay two columns."""
    frame = pd.DataFrame([[1.0, "a", 2.0]], columns=["x", "y", "x"])
    signature = describe(frame)
    assert signature.names == ["x", "y", "x.1"]
    pd.testing.assert_frame_equal(rebuild(bind(frame, signature), signature), frame)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"age": "old", "plan": "gold"}], r"row 0, column 'age': 'old' is not a float64; expected a float64"),
        ([{"age": 1.0, "plan": "gold"}, {"age": 1.0, "plan": 7}], r"row 1, column 'plan': 7 is a int"),
        ([{"age": 1.0}], r"missing columns: plan"),
        ([{"age": 1.0, "Plan": "gold"}], r"did you mean Plan"),
        ([{"age": 1.0, "plan": None}], r"row 0, column 'plan': the value is missing"),
        ([{"age": True, "plan": "gold"}], r"column 'age': True is not a float64"),
    ],
)
def test_refusals_name_row_column_value_and_type(rows: list[dict[str, Any]], message: str) -> None:
    """A row that does not fit is named with all that is needed to mend it."""
    signature = describe([{"age": 41.0, "plan": "gold"}])
    with pytest.raises(InvalidData, match=message):
        bind(rows, signature)


@given(frames(WORDS).filter(lambda f: not any(str(d).startswith("timedelta") for d in f.dtypes)))
@settings(deadline=None, max_examples=60)
def test_csv_text_means_what_the_signature_says(frame: pd.DataFrame) -> None:
    """A frame written as text is read back by the signature as the same wire rows."""
    signature = describe(frame)
    wire = bind(frame, signature)
    text = pl.DataFrame({series.name: _as_text(series) for series in wire.get_columns()})
    assert bind_text(text, signature).equals(wire)


def _as_text(series: pl.Series) -> pl.Series:
    if series.dtype.is_temporal():
        zoned = getattr(series.dtype, "time_zone", None)
        return series.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f" + ("%z" if zoned else ""))
    return series.cast(pl.String)


def test_unusable_data_is_refused_in_words() -> None:
    """No rows, no columns, no type, no table: each says so."""
    for data, message in [
        (pd.DataFrame({"a": []}), "no rows"),
        (pd.DataFrame(), "no columns"),
        (pd.DataFrame({"a": [None, None]}), "only missing values"),
        (3, "not a table"),
        (np.array(3.0), "a single value is not a table"),
        (np.zeros((2, 2), dtype="complex"), "type complex128"),
        (np.zeros(2, dtype=[("a", "f8")]), "named fields"),
        (pd.DataFrame({frozenset(): [1]}), "labels are text, numbers, dates"),
        (pd.DataFrame({"a": [None, np.nan, "x"]}, dtype=object), "column 'a' has nan and none for a missing value"),
        (pl.DataFrame({"a": [None, np.nan, 1.0]}), "both NaN and null"),
        (pl.DataFrame({"a": [{"b": 1}]}), "has no place in a signature"),
        (pd.DataFrame({"a": pd.period_range("2020", periods=1)}), "cannot be read|no place"),
        ([{"a": None}, {}, {"a": 1}], "None in some rows and absent from others"),
        ([{"a": [1, [2]]}], "at different depths"),
        ([{"a": [1, "x"]}], "lists of int and str"),
        ({"a": [1], "b": [1, 2]}, "different lengths"),
        ({"a": "gold", "b": [1, 2]}, "column 'a' is one value, 'gold', but column 'b' is a list"),
        ({"a": {0: 1}}, "column 'a' is a dict"),
        ([[1, 2], [3, 4]], "row 0 is a list, not a row with column names; give a list of dicts"),
        ([2**130, 1], "row 0, column 'value': .* has more than 64 bits"),
        (["a", "\ud800"], "row 1, column 'value': .* is not valid Unicode text"),
        (pd.DataFrame({"a": pd.cut([1, 2, 3], 2)}), "column 'a' has type category of interval"),
        (np.array(["2020-01"], dtype="M8[M]"), r"datetime64\[M\]; units are s, ms, us, ns"),
        (np.ma.array([[1.0], [2.0]], mask=[[0], [1]]), "masked values"),
    ]:
        with pytest.raises(InvalidData, match=message):
            describe(data)


def test_text_of_numpy_keeps_its_length() -> None:
    """Text longer than any the model was given is not cut to another word."""
    signature = describe(np.array([["red"], ["blu"]]))
    assert rebuild(bind(np.array([["redish"]]), signature), signature).tolist() == [["redish"]]
    narrow = rebuild(bind(np.array([["x"]]), signature), signature)
    assert narrow.dtype == "<U3"


@pytest.mark.parametrize(
    "data",
    [pl.DataFrame({"x": [1.0, np.nan]}), pa.table({"x": [1.0, np.nan]}), [{"x": 1.0}, {"x": np.nan}]],
    ids=lambda data: type(data).__name__,
)
def test_nan_is_missing_and_comes_back_as_nan(data: Any) -> None:
    """NaN makes a column nullable in every library, and the model gets NaN again, not null."""
    signature = describe(data)
    wire = bind(data, signature)
    assert signature.columns[0].nullable
    assert wire["x"].to_list() == [1.0, None]
    assert str(rebuild(wire, signature)) == str(data)


@pytest.mark.parametrize(
    "dtype", ["timestamp[ns][pyarrow]", "timestamp[s, tz=Europe/Madrid][pyarrow]", "duration[ms][pyarrow]"]
)
def test_arrow_times_in_pandas_survive_the_wire(dtype: str) -> None:
    """pandas columns kept by Arrow come back kept by Arrow."""
    times = pd.to_timedelta(["1D", None]) if dtype.startswith("duration") else pd.to_datetime(["2020-01-01", None])
    zoned = times.tz_localize("Europe/Madrid") if "tz=" in dtype else times
    frame = pd.DataFrame({"at": pd.Series(zoned).astype(dtype)})
    signature = describe(frame)
    pd.testing.assert_frame_equal(rebuild(bind(frame, signature), signature), frame)


def test_objects_of_time_survive_the_wire() -> None:
    """Python's datetimes in an object column stay objects."""
    frame = pd.DataFrame({"at": pd.Series([dt.datetime(2020, 1, 1), None], dtype=object)})
    signature = describe(frame)
    pd.testing.assert_frame_equal(rebuild(bind(frame, signature), signature), frame)


def test_one_record_is_one_row() -> None:
    """A dict of single values is a row, whatever iterates over text."""
    signature = describe({"age": 41, "plan": "gold"})
    wire = bind({"age": 7, "plan": "basic"}, signature)
    assert rebuild(wire, signature) == [{"age": 7, "plan": "basic"}]


@pytest.mark.parametrize("nothing", [[], {"age": [], "plan": []}, pd.DataFrame(columns=["age", "plan"])])
def test_no_rows_have_the_types_of_the_signature(nothing: Any) -> None:
    """No rows are no rows, not missing columns."""
    signature = describe([{"age": 41, "plan": "gold"}])
    assert bind(nothing, signature).schema == {"age": pl.Int64, "plan": pl.String}


def test_columns_the_model_does_not_take_may_be_of_any_type() -> None:
    """An empty column, or one of intervals, does no harm where nothing reads it."""
    signature = describe([{"age": 41}])
    frame = pd.DataFrame({"age": [1, 2], "note": [None, None], "bin": pd.cut([1, 2], 2)})
    assert bind(frame, signature).columns == ["age"]


def test_a_signature_shows_what_is_particular() -> None:
    """Not the many things that a column is not."""
    shown = repr(describe(pd.DataFrame({"a": [1.0, 2.0]})))
    assert "Column(name='a', type='float64', dtype='float64', low=1.0, high=2.0)" in shown


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow", "builtins"])
def test_a_name_that_is_written_like_a_pattern_is_a_name(kind: str) -> None:
    """Polars looks for ``^a.*$`` among the names, and finds none or others."""
    values = {
        "^$": [1.5, None, 2.5],
        "^a.*$": ["x", "y", None],
        "ab": [1, 2, 3],
        "^when$": [dt.datetime(2024, 1, 5, tzinfo=dt.UTC)] * 3,
        "*": [[1, 2], [3], []],
    }
    frame = pl.DataFrame([pl.Series(column).alias(name) for name, column in values.items()])
    made: Any = {"polars": frame, "pandas": pd.DataFrame(values), "pyarrow": frame.to_arrow(), "builtins": values}[kind]
    signature = describe(made)
    assert signature.names == [*values]
    wire = bind(made, signature)
    assert wire.columns == [*values]
    prove(made, wire, signature)
    assert wire["ab"].to_list() == [1, 2, 3]


def test_a_missing_item_of_a_list_is_refused_also_where_the_type_is_right() -> None:
    """No model was given such a list, and NumPy would make floats of it."""
    signature = describe(pl.DataFrame({"v": [[1, 2], [3, 4]]}))
    with pytest.raises(InvalidData, match=r"row 1, column 'v': the value is missing in a list"):
        bind(pl.DataFrame({"v": [[1, 2], [3, None]]}), signature)
