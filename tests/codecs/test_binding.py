"""Columns are bound by name; what is absent, unknown, unseen or missing is treated as the signature says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from nbdeploy.codecs import UnknownColumns, bind, bind_text, declare, describe, rebuild, unknown_columns
from nbdeploy.codecs.frames import check
from nbdeploy.errors import Corrupted, InvalidData, NotFound
from nbdeploy.types import Column, Signature

PEOPLE = [{"age": 41, "plan": "gold", "score": 0.5}, {"age": 7, "plan": "basic", "score": 1.5}]
SIGNATURE = describe(PEOPLE)


@pytest.mark.parametrize(
    "rows",
    [
        [{"age": 1, "score": 2.0}],
        pd.DataFrame({"age": [1], "score": [2.0]}),
        pl.DataFrame({"age": [1], "score": [2.0]}),
        {"age": [1], "score": [2.0]},
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_an_absent_column_takes_its_default(rows: Any) -> None:
    """In every container, and in text; without a default it is required."""
    signature = declare(SIGNATURE, defaults={"plan": "basic"})
    signature = msgspec.json.decode(msgspec.json.encode(signature), type=Signature)
    expected = [{"age": 1, "plan": "basic", "score": 2.0}]
    assert bind(rows, signature).to_dicts() == expected
    assert bind_text(pl.DataFrame({"age": ["1"], "score": ["2.0"]}), signature).to_dicts() == expected
    with pytest.raises(InvalidData, match="missing columns: plan"):
        bind(rows, SIGNATURE)


def test_a_default_stands_in_those_records_that_lack_the_key() -> None:
    """Not where a value is sent as missing, and the row of an error is the caller's."""
    signature = declare(SIGNATURE, defaults={"score": 9})
    rows = [{"age": 1, "plan": "a"}, {"age": 2, "plan": "b", "score": 3.0}, {"age": 4, "plan": "c"}]
    assert bind(rows, signature)["score"].to_list() == [9.0, 3.0, 9.0]
    with pytest.raises(InvalidData, match="row 1, column 'score': the value is missing"):
        bind([rows[0], {**rows[1], "score": None}], signature)
    with pytest.raises(InvalidData, match="row 1, column 'score': 'x' is not a float64"):
        bind([rows[0], {**rows[1], "score": "x"}], signature)


def test_all_columns_may_be_absent() -> None:
    """As many rows as were sent, all of defaults."""
    signature = declare(SIGNATURE, defaults={"age": "5", "plan": "x", "score": 0})
    assert bind([{}, {}], signature).rows() == [(5, "x", 0.0)] * 2


@pytest.mark.parametrize(
    ("defaults", "error", "says"),
    [
        ({"agee": 1}, NotFound, "did you mean age"),
        ({"age": 1.5}, InvalidData, "the default of column 'age' does not fit: 1.5 is not an int64"),
        ({"score": np.inf}, InvalidData, "give a finite number"),
    ],
)
def test_defaults_that_do_not_fit_are_refused(defaults: Any, error: type[Exception], says: str) -> None:
    """When they are declared, not when they are needed."""
    with pytest.raises(error, match=says):
        declare(SIGNATURE, defaults=defaults)


def test_missing_values_may_be_declared() -> None:
    """Where the type has any; the data given need not."""
    frame = pd.DataFrame({"n": [1], "x": [0.5]})
    signature = declare(describe(frame), nullable=["x"])
    assert np.isnan(rebuild(bind([{"n": 1, "x": None}], signature), signature)["x"][0])
    with pytest.raises(InvalidData, match=r"column 'n' has type int64, which has no missing values.*'Int64'"):
        declare(describe(frame), nullable=["n"])


ROWS = [{"age": 1, "plan": "a", "score": 0.5, "id": 7, "note": {"mixed": [1, "x"]}}]


def test_unknown_columns_are_counted_whatever_they_hold() -> None:
    """They are ignored unless the signature says otherwise."""
    assert bind(ROWS, SIGNATURE).width == 3
    assert unknown_columns(ROWS, SIGNATURE) == ["id", "note"]
    assert unknown_columns(pd.DataFrame({"age": [1], ("b", 1): [2]}), SIGNATURE) == ["b_1"]
    assert unknown_columns(np.zeros((2, 3)), SIGNATURE) == []


def test_unknown_columns_are_warned_of_or_rejected() -> None:
    """By name and number, in tables as in text."""
    rejecting = declare(SIGNATURE, unknown="reject")
    text = pl.DataFrame({"age": ["1"], "plan": ["a"], "score": ["1"], "id": ["7"]})
    with pytest.raises(InvalidData, match="2 columns that the model does not take: 'id', 'note'"):
        bind(ROWS, rejecting)
    with pytest.raises(InvalidData, match="1 columns that the model does not take: 'id'"):
        bind_text(text, rejecting)
    with pytest.warns(UnknownColumns, match="'id', 'note'; they are ignored"):
        bind(ROWS, declare(SIGNATURE, unknown="warn"))
    with pytest.raises(InvalidData, match="not 'maybe'"):
        declare(SIGNATURE, unknown="maybe")
    assert bind(PEOPLE, rejecting).height == 2


def test_unseen_categories_are_missing_where_that_is_declared() -> None:
    """As pandas takes them; by default they are refused."""
    frame = pd.DataFrame({"c": pd.Categorical([1, 2])})
    signature = declare(describe(frame), unseen="missing")
    wire = bind([{"c": 3}, {"c": 2.0}], signature)
    assert wire["c"].to_list() == [None, 2]
    assert rebuild(wire, signature)["c"].cat.codes.tolist() == [-1, 1]
    with pytest.raises(InvalidData, match="row 0, column 'c': 3 is not one of the categories 1, 2"):
        bind([{"c": 3}], describe(frame))


def test_labels_written_alike_are_told_apart_in_any_order() -> None:
    """The number 1 and the text "1"; columns of one name go by their order among themselves."""
    signature = describe([{1: 2.0, "1": "x"}])
    assert bind([{"1": "y", 1: 3.0}], signature).rows() == [(3.0, "y")]
    frame = pd.DataFrame([[1, "a", 2]], columns=["x", "y", "x"])
    signature = describe(frame)
    assert bind(frame[["y"]].join(frame["x"]), signature).rows() == [(1, "a", 2)]
    tuples = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]))
    assert bind(tuples.iloc[:, ::-1], describe(tuples)).rows() == [(1, 2)]
    assert bind([{"a_2": 2, "a_1": 1}], describe(tuples)).rows() == [(1, 2)]


def test_ranges_are_kept_unless_they_are_private() -> None:
    """Of numbers and times, without infinities, as JSON holds them, and rounded outwards."""
    frame = pd.DataFrame({"x": [1.5, np.inf, -2.0], "t": pd.to_datetime(["2021", "2020", None]), "s": ["a", "b", "c"]})
    signature = describe(frame)
    assert [(c.low, c.high) for c in signature.columns] == [
        (-2.0, 2.0),
        ("2020-01-01T00:00:00", "2021-02-01T00:00:00"),
        (None, None),
    ]
    assert [c.low for c in declare(signature, private=["x"]).columns] == [None, "2020-01-01T00:00:00", None]


@pytest.mark.parametrize(
    ("given", "rows", "says"),
    [
        (np.array([2**60 / 1]), [2**53 + 1], "9007199254740993 is not a float64"),
        (np.array([1]), [True], "True is not an int64"),
        (np.array([1]), ["1"], "'1' is not an int64"),
        ([Decimal("1.25")], [1.255], "1.255 is not a decimal of 38 digits, 2 after the point"),
        ([Decimal("1.25")], ["1.255"], "'1.255' is not a decimal"),
        ([Decimal("1.25")], [Decimal("NaN")], "is no decimal number"),
        ([[1.0, 2.0]] and [{"v": [1.0, 2.0]}], [{"v": [1.0, "x"]}], "lists of float and str"),
        ([{"v": [1, 2]}], [{"v": [1]}, {"v": [1, 2.5]}], "row 1, column 'v': 2.5 in a list is not an int64"),
        ([{"v": [1, 2]}], [{"v": 3}], "row 0, column 'v': 3 is not a list of any number int64"),
        ([{"v": [1.0]}], [{"v": [None, 1.0]}], "row 0, column 'v': the value is missing in a list"),
        (np.zeros((1, 2, 2)), [{"value": [[1.0, 2.0], [3.0]]}], r"\[3.0\] has 1 items; expected a list of 2 × 2"),
        (np.zeros((1, 2, 2)), np.zeros((2, 2)), r"shape \(2, 2\) does not fit; the model takes \(rows, 2, 2\)"),
        (np.zeros((1, 2, 2)), np.zeros((1, 2, 3)), "expected a list of 2 × 2 float64"),
        (sparse.csr_array(np.eye(2)), sparse.csr_array(np.eye(3)), "3 columns does not fit"),
        (sparse.csr_array(np.eye(2)), [{"value": [{"index": 2, "value": 1.0}]}], "is not one of 0 to 1"),
        (sparse.csr_array(np.eye(2)), [{"value": [1.0]}], "has 1 items"),
    ],
    ids=str,
)
def test_what_would_lose_something_is_refused(given: Any, rows: Any, says: str) -> None:
    """With the row, the column, the value and what was expected."""
    with pytest.raises(InvalidData, match=says):
        bind(rows, describe(given))


@pytest.mark.parametrize(
    ("given", "rows", "bound"),
    [
        (np.array([1.5]), [2**60], 2.0**60),
        (np.array([1]), [2.0], 2),
        ([Decimal("1.25")], [1.1], Decimal("1.10")),
        ([Decimal("1.25")], [3], Decimal("3.00")),
        (np.array([1.5]), [Decimal("0.1")], 0.1),
        (np.zeros((1, 2)).reshape(1, 1, 2), [{"value": [[1, 2]]}], [[1.0, 2.0]]),
        ([{"v": [0.5, float("nan")]}], [{"v": [None]}], None),
    ],
    ids=str,
)
def test_what_loses_nothing_is_taken(given: Any, rows: Any, bound: Any) -> None:
    """Whole numbers as floats that hold them, floats that are whole, decimals as they are written."""
    value = bind(rows, describe(given)).to_series()[0]
    if bound is None:
        assert np.isnan(value.to_list()[0])
    else:
        assert (value.to_list() if isinstance(value, pl.Series) else value) == bound


FORGED: list[dict[str, Any]] = [
    {"type": "nonsense"},
    {"type": "list"},
    {"type": "list", "items": "float64", "shape": [2**31, 2**31]},
    {"type": "list", "items": "float64", "shape": [-1]},
    {"type": "sparse", "items": "float64", "shape": [2, 2]},
    {"type": "decimal", "precision": 99, "scale": 1},
    {"type": "categorical"},
    {"type": "datetime", "unit": "fortnights"},
    {"type": "float64", "missing": "gone"},
    {"type": "float64", "holds": "pickle"},
]


@pytest.mark.parametrize("facts", FORGED, ids=str)
def test_columns_that_cannot_be_are_refused_when_they_are_read(facts: dict[str, Any]) -> None:
    """As an error of the document, before anything is made of it."""
    with pytest.raises(msgspec.ValidationError, match="'x'"):
        msgspec.convert({"name": "x", "dtype": "float64", **facts}, Column)


@pytest.mark.parametrize(
    "facts",
    [
        {"columns": [{"name": "x", "type": "float64", "dtype": "evil"}]},
        {"columns": [{"name": "x", "type": "datetime", "dtype": "datetime64[ns]", "timezone": "Mars/Base"}]},
        {"columns": [{"name": "x", "type": "string", "dtype": "ArrowDtype(list<)"}]},
        {"columns": [{"name": "x", "type": "float64", "dtype": "float64", "label": {"special": "?"}}]},
        {"columns": [{"name": "x", "type": "float64", "dtype": "float64", "level": True}]},
        {"columns": [{"name": "x", "type": "float64", "dtype": "float64", "required": False, "default": "x"}]},
        {"columns": [{"name": "x", "type": "categorical", "dtype": "category", "categories": [["a"], {}]}]},
        {"container": "os"},
        {"container": "numpy", "dtype": "O,O"},
        {"container": "scipy", "dtype": "evil_array"},
        {"container": "pyarrow", "columns": [{"name": "x", "type": "float64", "dtype": "extension"}]},
    ],
    ids=str,
)
def test_signatures_that_no_container_can_make_are_corrupt(facts: dict[str, Any]) -> None:
    """Found when a bundle is opened, not when it is asked."""
    columns = [{"name": "x", "type": "float64", "dtype": "float64"}]
    signature = msgspec.convert({"container": "pandas", "columns": columns, **facts}, Signature)
    with pytest.raises(Corrupted, match="the bundle's signature"):
        check(signature)


@pytest.mark.parametrize(
    ("column", "values", "rows", "last"),
    [
        (Column("x", "int64", "int64"), [1, 2.5, None, 7.5], [1, 3], "7.5 is not an int64; expected an int64"),
        (Column("x", "float64", "float64"), [1.0, None, None], [1, 2], "the value is missing"),
        (
            Column("x", "list", "list", items="float64", shape=[2]),
            [[1.0, 2.0], [1.0], [1.0, None], [3.0], [None, None]],
            [1, 3],
            "[3.0] has 1 items; expected a list of 2 float64",
        ),
        (
            Column("x", "list", "list", items="float64", shape=[None]),
            [[1.0], [None, None], [2.0, None]],
            [1, 2],
            "is missing in a list",
        ),
    ],
)
def test_a_check_names_every_row_that_it_refuses(column: Column, values: list[Any], rows: list[int], last: str) -> None:
    """Whoever sets rows aside asks once for all that one check refuses, each row once."""
    with pytest.raises(InvalidData) as caught:
        bind(pl.DataFrame({"x": pl.Series(values, strict=False)}), Signature("polars", [column]))
    refused: Any = caught.value.refused
    assert list(refused.rows) == rows
    assert last in refused.detail(len(rows) - 1)


def test_a_check_hides_every_value_of_a_private_column() -> None:
    """What is said of the other rows that a check refuses shows as little as what is said of the first."""
    column = Column("x", "int64", "int64", private=True)
    with pytest.raises(InvalidData) as caught:
        bind_text(pl.DataFrame({"x": ["1", "heavy", "fat"]}), Signature("polars", [column]))
    refused: Any = caught.value.refused
    assert list(refused.rows) == [1, 2]
    assert refused.detail(1) == "the value is not an int64; expected an int64"
