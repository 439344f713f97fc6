"""Values conform to their column's type without loss, from tables and from text."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from nbdeploy.codecs import bind, bind_text, describe, rebuild
from nbdeploy.errors import InvalidData


def test_integers_widen_to_floats_but_not_back() -> None:
    """Widening loses nothing and is allowed; 1.5 is not an integer."""
    floats = describe(pd.DataFrame({"a": [1.5]}))
    integers = describe(pd.DataFrame({"a": [1]}))
    assert bind([{"a": 1}], floats)["a"].to_list() == [1.0]
    assert bind([{"a": 2.0}], integers)["a"].to_list() == [2]
    with pytest.raises(InvalidData, match=r"row 1, column 'a': 1.5 is not an int64"):
        bind([{"a": 1}, {"a": 1.5}], integers)


def test_unseen_category_is_refused_with_the_known_ones() -> None:
    """A categorical column takes its categories only."""
    signature = describe(pd.DataFrame({"plan": pd.Categorical(["basic", "gold"])}))
    with pytest.raises(InvalidData, match=r"'gold\+' is not one of the categories 'basic', 'gold'"):
        bind(pd.DataFrame({"plan": ["gold+"]}), signature)


def test_zip_codes_stay_text_and_blanks_stay_missing() -> None:
    """Text is not guessed at: leading zeros stay, `NA` is missing where missing is allowed."""
    signature = describe(pd.DataFrame({"zip": ["01234", "99999"], "age": [1.0, None]}))
    text = pl.DataFrame({"zip": ["00501", "NA"], "age": ["NA", " 41 "]})
    assert bind_text(text, signature).to_dicts() == [{"zip": "00501", "age": None}, {"zip": "NA", "age": 41.0}]


def test_categories_are_never_missing() -> None:
    """A category that reads like a missing value is itself in CSV, as it is in a table."""
    frame = pd.DataFrame({"garage": pd.Categorical(["None", "Brick", None])})
    signature = describe(frame)
    text = pl.DataFrame({"garage": ["None", "Brick", "NA"]})
    assert bind_text(text, signature)["garage"].to_list() == ["None", "Brick", None]


@pytest.mark.parametrize(
    ("given", "value"),
    [
        (np.array([0.5], dtype="float32"), 1e300),
        (np.array([0.5], dtype="float32"), 2**24 + 1),
        (np.array([0.5]), 2**53 + 1),
        (np.array(["2020-01-01"], dtype="M8[ns]"), "2500-01-01"),
        (np.array(["2020-01-01"], dtype="M8[ns]"), "2500-01-01T00:00:00"),
        (np.array(["2020-01-01"], dtype="M8[ns]"), dt.datetime(2500, 1, 1)),
        (np.array(["2020-01-01"], dtype="M8[ms]"), dt.datetime(2020, 1, 1, microsecond=1)),
        (np.array(["2020-01-01T10"], dtype="M8[s]"), "2020-01-01T00:00:00.5"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(given: Any, value: Any) -> None:
    """Neither infinity, nor a rounded integer, nor another century takes the place of a value."""
    with pytest.raises(InvalidData, match=r"row 0, column 'value': .* is not a"):
        bind([{"value": value}], describe(given))


def test_decimals_are_rounded_to_float32() -> None:
    """A decimal number in a request has no type but float64."""
    signature = describe(np.array([0.5], dtype="float32"))
    assert rebuild(bind([0.1], signature), signature).tolist() == [np.float32(0.1)]
    assert bind_text(pl.DataFrame({"value": ["0.1"]}), signature).equals(bind([0.1], signature))
