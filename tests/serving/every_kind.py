"""Models whose inputs and answers are of every kind that a protocol has to carry."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

KINDS = """
def kinds(frame):
    import numpy as np
    import pandas as pd

    with np.errstate(divide="ignore"):
        odds = np.log(np.abs(frame["real"].to_numpy(dtype="float64")))
    return pd.DataFrame({
        "flag": ~frame["flag"],
        "small": frame["small"],
        "big": frame["big"],
        "half": frame["real"].to_numpy().astype("float16"),
        "real": frame["real"] * 3,
        "odds": odds,
        "note": frame["note"].map(lambda note: None if pd.isna(note) else note.upper()),
        "at": frame["at"] + pd.Timedelta(days=1),
        "maybe": frame["maybe"] * 2,
    })
"""

IMAGES = """
def images(stack):
    return stack[:, :, :2] * 2
"""


def function(source: str, name: str) -> Callable[[Any], Any]:
    """A function from a notebook cell: its source is captured, and runs when it is loaded."""
    file = f"<{name}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]  # type: ignore[no-any-return]


def kinds_rows(rows: int = 40) -> pd.DataFrame:
    """Every type that has a datatype of its own, missing values, and numbers at their edges."""
    random = np.random.default_rng(3)
    real = random.normal(0, 1e3, rows).astype("float32")
    real[:3] = [0.0, -0.0, 1e-40]
    big = random.integers(0, 2**63, rows, dtype="uint64") * 2 + 1
    whole = pd.array(random.integers(-5, 5, rows), dtype="Int64")
    whole[1::6] = pd.NA
    notes = np.array(["ä€", "", 'say "x", y\n', "NA"])[random.integers(0, 4, rows)].astype(object)
    return pd.DataFrame(
        {
            "flag": random.random(rows) > 0.5,
            "small": random.integers(-128, 128, rows).astype("int8"),
            "big": big,
            "real": real,
            "note": notes,
            "at": [datetime(2026, 1, 31, 12) + timedelta(days=int(i), microseconds=int(i)) for i in range(rows)],
            "maybe": whole,
        }
    )


def image_rows(rows: int = 40) -> Any:
    """An array of three dimensions."""
    return np.random.default_rng(4).normal(size=(rows, 2, 3)).astype("float32")
