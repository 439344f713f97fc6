"""Which values travel into a notebook, and that they arrive as they were."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from papermill.translators import PythonTranslator

from nbdeploy.batch.parameters.values import portable, showable
from nbdeploy.errors import InvalidData

TEXT = st.text(st.characters(codec="utf-8"))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=8)


class Island(StrEnum):
    BISCOE = "Biscoe"


class Level(IntEnum):
    LOW = 1


@hypothesis_settings(deadline=None)
@given(VALUES)
def test_values_survive_the_way_into_a_notebook(value: Any) -> None:
    """Request file and papermill's translator carry every portable value exactly."""
    carried = json.loads(json.dumps(portable("x", value)))
    namespace: dict[str, Any] = {}
    exec(PythonTranslator.codify({"x": carried}), namespace)
    assert repr(namespace["x"]) == repr(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2]]), [[1, 2]]),
        ((1, (2,)), [1, [2]]),
        (Island.BISCOE, "Biscoe"),
        (Level.LOW, 1),
        (date(2026, 9, 1), "2026-09-01"),
        (datetime(2026, 9, 1, 12), "2026-09-01 12:00:00"),
        (pd.Timestamp("2026-09-01"), "2026-09-01 00:00:00"),
        (np.datetime64("2026-09-01", "ns"), "2026-09-01T00:00:00.000000000"),
        (Path("a/b"), "a/b"),
    ],
)
def test_neighbours_of_portable_values(value: Any, expected: Any) -> None:
    """Values of the data libraries become the plain ones that they stand for."""
    found = portable("x", value)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (pd.DataFrame({"a": [1]}), "'x' is a DataFrame"),
        ([1, {"deep": {2}}], r"x\[1\]\['deep'\]\" is a set"),
        (b"bytes", "bytes"),
        (np.longdouble(1), "longdouble"),
        ({1: "a"}, "key 1"),
        ("\ud800", "Unicode"),
    ],
)
def test_values_that_cannot_travel(value: Any, named: str) -> None:
    """A value that a notebook cannot hold is refused by name, not written as its text."""
    with pytest.raises(InvalidData, match=named):
        portable("x", value)


def test_showable() -> None:
    """What is recorded is strict JSON."""
    shown = showable({"limits": [math.nan, -math.inf, 1.5]})
    assert json.loads(json.dumps(shown, allow_nan=False)) == {"limits": ["nan", "-inf", 1.5]}
