"""The same rows, whatever they come in, are the same rows on the wire."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbdeploy.codecs import bind, bind_text, describe, oip
from nbdeploy.codecs.csv_values import csv_plain
from nbdeploy.codecs.strict_json import decode, encode, plain

WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5).map(lambda text: f"w{text}")
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DAY = dt.timedelta(days=1)

KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "bool": (pl.Boolean, st.booleans()),
    "bytes": (pl.Binary, st.binary(min_size=1, max_size=5)),
    "date": (pl.Date, st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1))),
    "datetime": (pl.Datetime("us"), st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1))),
    "decimal": (pl.Decimal(12, 3), st.decimals(-(10**8), 10**8, places=3)),
    "duration": (pl.Duration("us"), st.timedeltas(-9999 * DAY, 9999 * DAY)),
    "float32": (pl.Float32, st.floats(width=32, allow_nan=False, allow_infinity=False)),
    "float64": (pl.Float64, FLOATS),
    "image": (pl.Array(pl.Float64, (2, 3)), st.lists(st.lists(FLOATS, min_size=3, max_size=3), min_size=2, max_size=2)),
    "int64": (pl.Int64, st.integers(-(2**40), 2**40)),
    "int8": (pl.Int8, st.integers(-128, 127)),
    "text": (pl.String, WORDS),
    "time": (pl.Time, st.times()),
    "tokens": (pl.List(pl.String), st.lists(WORDS, max_size=3)),
    "vector": (pl.List(pl.Int64), st.lists(st.integers(-(2**40), 2**40), max_size=3)),
    "zoned": (pl.Datetime("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC), min_value=dt.datetime(1900, 1, 1))),
}
NESTED = {"image", "tokens", "vector"}


@st.composite
def tables(draw: st.DrawFn, leave_out: frozenset[str] = frozenset()) -> pl.DataFrame:
    """A few columns of any kinds, missing values among those that are not lists."""
    height = draw(st.integers(1, 4))
    columns = []
    for i, kind in enumerate(draw(st.lists(st.sampled_from(sorted(KINDS.keys() - leave_out)), min_size=1, max_size=4))):
        dtype, values = KINDS[kind]
        some = values if kind in NESTED else values | st.none()
        known = (lambda v: any(v)) if kind in NESTED else (lambda v: any(x is not None for x in v))
        items = draw(st.lists(some, min_size=height, max_size=height).filter(known))
        columns.append(pl.Series(f"{kind} {i}", items, dtype=dtype))
    return pl.DataFrame(columns)


def as_json(frame: pl.DataFrame) -> Any:
    return decode(encode(plain(frame).to_dicts()), list)


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """What is read from a CSV file that holds the frame, lists being JSON."""
    nested = [series for series in frame.get_columns() if series.dtype.is_nested()]
    texts = [pl.Series(s.name, [encode(value).decode() for value in s.to_list()]) for s in nested]
    file = io.BytesIO(csv_plain(frame.with_columns(texts)).write_csv().encode())
    return pl.read_csv(file, infer_schema=False)


DOORS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "Arrow": lambda frame: frame.to_arrow(),
    "JSON records": as_json,
    "dict of lists": lambda frame: frame.to_dict(as_series=False),
    "list of dicts": lambda frame: frame.to_dicts(),
    "pandas": lambda frame: frame.to_pandas(),
    "pandas on Arrow": lambda frame: frame.to_pandas(use_pyarrow_extension_array=True),
    "shuffled, with more": lambda frame: frame.with_columns(other=1)[:, ::-1],
}


@pytest.mark.parametrize("door", DOORS)
@given(frame=tables())
@settings(deadline=None, max_examples=25)
def test_rows_of_every_container_are_the_same_on_the_wire(door: str, frame: pl.DataFrame) -> None:
    """Whatever library or format they come in, and in whatever order."""
    signature = describe(frame)
    assert bind(DOORS[door](frame), signature).equals(frame)


@given(tables())
@settings(deadline=None, max_examples=40)
def test_rows_of_a_csv_file_are_the_same_on_the_wire(frame: pl.DataFrame) -> None:
    """Every kind of value has a text, lists as JSON."""
    assert bind_text(as_text(frame), describe(frame)).equals(frame)


@given(tables())
@settings(deadline=None, max_examples=40)
def test_rows_of_tensors_are_the_same_on_the_wire(frame: pl.DataFrame) -> None:
    """Arrays are tensors of more dimensions, ragged lists the JSON of each."""
    signature = describe(frame)
    sent = decode(encode(oip.InferenceRequest(oip.tensors(frame))), oip.InferenceRequest)
    assert bind(oip.rows(sent.inputs, signature), signature).equals(frame)
    said = {metadata.name: metadata for metadata in oip.inputs_of(signature)}
    for tensor in sent.inputs:
        told = said.get(tensor.name)
        assert told is None or (told.datatype, told.shape[1:]) == (tensor.datatype, tensor.shape[1:])


@pytest.mark.parametrize("matrix", [np.arange(6.0).reshape(2, 3), np.array([[True, False, True]] * 2)])
def test_a_sparse_model_takes_dense_rows_from_every_door(matrix: Any) -> None:
    """As arrays, as lists in JSON, as its positions and values, and as one tensor."""
    from scipy import sparse

    given = sparse.csr_matrix(matrix)
    signature = describe(given)
    wire = bind(given, signature)
    assert bind(matrix, signature).equals(wire)
    assert bind([{"value": row} for row in matrix.tolist()], signature).equals(wire)
    assert bind(decode(encode(wire.to_dicts()), list), signature).equals(wire)
    tensor = oip.Tensor("any", [2, 3], oip.inputs_of(signature)[0].datatype, matrix.ravel().tolist())
    assert bind(oip.rows([tensor], signature), signature).equals(wire)


def test_a_model_of_arrays_takes_one_tensor() -> None:
    """Images go by the shape that the metadata says."""
    images = np.arange(24, dtype="float32").reshape(2, 3, 4)
    signature = describe(images)
    (said,) = oip.inputs_of(signature)
    assert (said.datatype, said.shape) == ("FP32", [-1, 3, 4])
    tensor = oip.Tensor("image", [2, 3, 4], said.datatype, images.tolist())
    assert bind(oip.rows([tensor], signature), signature).equals(bind(images, signature))
