"""Tables as Open Inference tensors, there and back."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.codecs import bind, describe
from nbdeploy.codecs.oip import (
    InferenceRequest,
    Tensor,
    inputs_of,
    raw_tensors,
    read_request,
    rows,
    tensors,
    write_answer,
)
from nbdeploy.codecs.oip.datatypes import DATATYPES
from nbdeploy.codecs.strict_json import decode, encode
from nbdeploy.errors import InvalidData
from nbdeploy.types import Signature

FLOATS = {"allow_nan": False, "allow_infinity": False}
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "bool": (pl.Boolean, st.booleans()),
    "date": (pl.Date, st.dates(date(1000, 1, 1))),
    "duration": (pl.Duration("us"), st.timedeltas(timedelta(days=-9999), timedelta(days=9999))),
    "float32": (pl.Float32, st.floats(width=32, **FLOATS)),
    "float64": (pl.Float64, st.floats(**FLOATS)),
    "string": (pl.String, st.text()),
    "stamp": (pl.Datetime("us"), st.datetimes(datetime(1000, 1, 1))),
    "zoned": (pl.Datetime("us", "Europe/Madrid"), st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1))),
    **{
        f"{'u' * (not signed)}int{bits}": (
            getattr(pl, f"{'' if signed else 'U'}Int{bits}"),
            st.integers(-(2 ** (bits - 1)) * signed, 2 ** (bits - signed) - 1),
        )
        for bits in (8, 16, 32, 64)
        for signed in (True, False)
    },
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """A few columns of any types, with missing values."""
    height = draw(st.integers(1, 5))
    names = draw(st.lists(st.text(min_size=1), min_size=1, max_size=4, unique=True))
    columns = []
    for name in names:
        dtype, values = VALUES[draw(st.sampled_from(sorted(VALUES)))]
        items = draw(st.lists(st.one_of(st.none(), values), min_size=height, max_size=height))
        zone = getattr(dtype, "time_zone", None)
        series = pl.Series(name, items, dtype=pl.Datetime("us") if zone else dtype)
        columns.append(series.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else series)
    return pl.DataFrame(columns)


def sent(inputs: list[Tensor]) -> list[Tensor]:
    """What arrives when this is sent as JSON."""
    body = encode(InferenceRequest(inputs))
    json.loads(body, parse_constant=lambda literal: pytest.fail(literal))
    return decode(body, InferenceRequest).inputs


@settings(deadline=None)
@given(frames())
def test_columns_survive_the_way_through_json(frame: pl.DataFrame) -> None:
    """Every type, missing values included, bit for bit."""
    signature = describe(frame)
    assert bind(rows(sent(tensors(frame)), signature), signature).equals(frame)


@settings(deadline=None)
@given(frames())
def test_columns_survive_as_raw_data(frame: pl.DataFrame) -> None:
    """Behind the JSON, in one body; what is missing is told beside it, where the data cannot."""
    body, header = write_answer({}, raw_tensors(frame))
    request = read_request(body.replace(b"outputs", b"inputs", 1), str((header or 0) - 1))
    signature = describe(frame)
    assert bind(rows(request.inputs, signature), signature).equals(frame)


@pytest.mark.parametrize("name", sorted(DATATYPES))
def test_every_datatype_is_read_from_raw_data(name: str) -> None:
    """As NumPy writes it; a bfloat16 is the upper half of a float32."""
    values = {"BOOL": [True, False], "BYTES": ["ä", ""]}.get(name, [1, 2])
    written = {
        "BF16": np.array([1, 2], "<f4").tobytes()[2:4] + np.array([2], "<f4").tobytes()[2:],
        "BYTES": b"\2\0\0\0" + "ä".encode() + bytes(4),
    }.get(name, np.array(values, DATATYPES[name].array or object).tobytes())
    frame = rows([Tensor("a", [2], name, written), Tensor("b", [2], name, written)], SIGNATURE)
    assert frame["a"].to_list() == values
    assert frame["a"].dtype in {DATATYPES[name].dtype, pl.Float16}


@settings(deadline=None)
@given(st.sampled_from(["bool", "float64", "int64", "string"]), st.integers(1, 4), st.integers(1, 4), st.data())
def test_a_matrix_survives_flat_and_nested(kind: str, height: int, width: int, data: st.DataObject) -> None:
    """One tensor for all columns, in row order."""
    dtype, values = VALUES[kind]
    lists = data.draw(st.lists(st.lists(values, min_size=height, max_size=height), min_size=width, max_size=width))
    frame = pl.DataFrame([pl.Series(f"c{i}", items, dtype=dtype) for i, items in enumerate(lists)])
    signature = describe(frame)
    advertised = inputs_of(signature)[0]
    nested = [list(row) for row in frame.rows()]
    for items in (nested, [value for row in nested for value in row]):
        tensor = Tensor(advertised.name, [height, width], advertised.datatype, items)
        assert bind(rows(sent([tensor]), signature), signature).equals(frame)


def test_nan_is_missing_and_infinities_are_text() -> None:
    """JSON has no number for them, and an infinity is not a missing value."""
    frame = pl.DataFrame({"x": [1.5, float("nan"), float("-inf")]})
    assert encode(tensors(frame)) == b'[{"name":"x","shape":[3],"datatype":"FP64","data":[1.5,null,"-Infinity"]}]'
    assert rows(sent(tensors(frame)), describe(frame))["x"].to_list() == [1.5, None, float("-inf")]


def test_a_categorical_goes_by_its_categories_type() -> None:
    """Text as BYTES."""
    frame = pl.DataFrame({"plan": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), "n": [1, 2]})
    assert [metadata.datatype for metadata in inputs_of(describe(frame))] == ["BYTES", "INT64"]
    assert tensors(frame)[0].data == ["a", "b"]


def test_strings_and_dates_are_no_matrix() -> None:
    """They share a datatype, and not a type."""
    frame = pl.DataFrame({"a": ["x"], "b": [date(2026, 1, 1)]})
    assert [metadata.name for metadata in inputs_of(describe(frame))] == ["a", "b"]


SIGNATURE: Signature = describe(pl.DataFrame({"a": [1.0], "b": [2.0]}))


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([Tensor("a", [1], "FP64", [1]), Tensor("a", [1], "FP64", [1])], "two inputs of one name"),
        ([Tensor("a", [2], "FP64", [1, 2]), Tensor("b", [1], "FP64", [1])], "different numbers of rows"),
        ([Tensor("a", [1, 1, 1], "FP64", [1]), Tensor("b", [1], "FP64", [1])], "a column has"),
        ([Tensor("a", [], "FP64", [1]), Tensor("b", [1], "FP64", [1])], "a column has"),
        ([Tensor("x", [2, 2], "FP64", [[1, 2], [3]])], "where a list of 2 belongs"),
        ([Tensor("x", [2, 2], "FP64", [[1, 2], 3])], "where a list of 2 belongs"),
        ([Tensor("x", [2, 2], "FP64", [[1, 2]])], "1 items"),
        ([Tensor("x", [1, 2], "INT8", [1, 300])], "value 1: 300 is not INT8"),
        ([Tensor("x", [1, 2], "INT8", [1, True])], "value 1: True is not INT8"),
        ([Tensor("x", [2, 2], "FP64", [1, 2, 3, "4"])], "value 3: '4' is not FP64"),
        ([Tensor("x", [1, 2], "BYTES", ["a", 1])], "value 1: 1 is not BYTES"),
        ([Tensor("x", [1, 2], "FP64", [1, 10**400])], "is not FP64"),
        ([Tensor("x", [1, 2], "FP64")], "has no data"),
        ([Tensor("x", [1, 2], "FP64", "AAAA")], "expected a list"),
        ([Tensor("x", [1, 2], "FP64", bytes(8))], "is 16 bytes, but 8 were sent"),
        ([Tensor("x", [1, 2], "BOOL", b"\1\2")], "value 1: the byte 2 is no BOOL"),
        ([Tensor("x", [1, 2], "BYTES", b"\1\0\0\0a\1\0\0")], "ends within value 1"),
        ([Tensor("x", [1, 2], "BYTES", bytes(12))], "is 8 bytes, but 12 were sent"),
        ([Tensor("x", [1, 2], "BYTES", b"\1\0\0\0\xff\0\0\0\0")], "value 0: .* is not UTF-8"),
        ([Tensor("x", [1, 2], "INT8", b"ab", {"missing": "[2]"})], "2 among its missing positions"),
        ([Tensor("x", [1, 2], "INT8", b"ab", {"missing": "2"})], "list of positions"),
    ],
)
def test_what_does_not_fit_is_named(inputs: list[Tensor], says: str) -> None:
    """Tensor, value and what was expected."""
    with pytest.raises(InvalidData, match=says):
        rows(inputs, SIGNATURE)


def test_a_strange_column_is_left_to_binding() -> None:
    """Columns that the model does not read are ignored there."""
    inputs = [Tensor(name, [1], "FP64", [1]) for name in ("a", "b", "id")]
    assert bind(rows(inputs, SIGNATURE), SIGNATURE).columns == ["a", "b"]
