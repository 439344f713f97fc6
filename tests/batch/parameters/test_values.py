"""Which values travel into a notebook, and that they arrive as they were."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from nbdeploy.batch.parameters.values import portable, showable
from nbdeploy.errors import InvalidData


class Island(StrEnum):
    BISCOE = "Biscoe"


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    LOW = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(3), 3),
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (np.array([[1, 2]]), [[1, 2]]),
        ((np.int64(1), (2,)), (1, (2,))),
        ({np.int64(1): {np.float64(2)}}, {1: {2.0}}),
        (Island.BISCOE, "Biscoe"),
        (Level.LOW, 1),
        (pd.Timestamp("2026-09-01"), datetime(2026, 9, 1)),
        (pd.Timestamp("2026-09-01", tz="Europe/Madrid"), datetime(2026, 9, 1, tzinfo=ZoneInfo("Europe/Madrid"))),
        (pd.Timedelta("90s"), timedelta(seconds=90)),
        (np.datetime64("2026-09-01", "ns"), datetime(2026, 9, 1)),
        (np.datetime64("2026-09", "M"), date(2026, 9, 1)),
        (np.timedelta64(90, "s"), timedelta(seconds=90)),
        (Path("a/b"), Path("a/b")),
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
        ([1, {"deep": {b""}}], r"x\[1\]\['deep'\]\[0\]\" is a bytes"),
        (b"bytes", "bytes"),
        (np.longdouble(1), "longdouble"),
        ({b"": "a"}, "x's key\" is a bytes"),
        (pd.NaT, "no datetime can hold"),
        (np.datetime64("NaT", "ns"), "no datetime can hold"),
        (pd.Timestamp(1), "no datetime can hold"),
        (np.timedelta64(1, "ns"), "no datetime can hold"),
        (time(6, tzinfo=UTC), "give a datetime"),
        (Colour.RED, "an enumeration that the notebook defines"),
        ([1 << 20_000], "20001 bits"),
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
