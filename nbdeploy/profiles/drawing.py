"""Values drawn from a profile: nobody's, and like those it was made of."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nbdeploy.profiles.column import ColumnProfile
from nbdeploy.signatures import PER_SECOND

__all__ = ["draw_column"]

_FILLER = "lorem ipsum dolor sit amet consectetur adipiscing elit "


def draw_column(name: str, found: ColumnProfile | None, dtype: Any, n: int, rng: np.random.Generator) -> pl.Series:
    """Draw a column of `n` values of a type, each independent of all others.

    Where the profile keeps nothing of the values (a masked column, or one of rare values only), they are
    neutral: the first category, filler text of a usual length, false, zero, nothing, or 1970.
    """
    found = found or ColumnProfile("unknown", 0)
    values = _values(found, dtype, n, rng)
    gaps = rng.random(n) < found.missing_rate
    return values.alias(name).scatter(np.flatnonzero(gaps), None) if gaps.any() else values.alias(name)


def _values(found: ColumnProfile, dtype: Any, n: int, rng: np.random.Generator) -> pl.Series:
    if isinstance(dtype, (pl.Enum, pl.Categorical, pl.String)):
        return _texts(found, dtype, n, rng).cast(dtype)
    if dtype == pl.Boolean:
        return pl.Series([text == "true" for text in _named(found, ["false"], n, rng)], dtype=dtype)
    if isinstance(dtype, (pl.List, pl.Array)):
        return _lists(found, dtype, n, rng)
    if isinstance(dtype, pl.Binary):
        return pl.Series([b""] * n, dtype=dtype)
    return _typed(_numbers(found, n, rng), dtype)


def _typed(numbers: NDArray[np.float64], dtype: Any) -> pl.Series:
    """Turn numbers, or seconds, into values of a type; what it cannot hold becomes its nearest value."""
    if isinstance(dtype, pl.Date):
        return pl.Series(numbers // 86_400.0).cast(pl.Int32).cast(dtype)
    if isinstance(dtype, pl.Time):
        return pl.Series(np.zeros(len(numbers))).cast(pl.Int64).cast(dtype)
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        return pl.Series(numbers * PER_SECOND[dtype.time_unit]).cast(pl.Int64).cast(dtype)
    if dtype.is_integer():
        limits = np.iinfo(str(dtype).lower())
        # The largest 64-bit integers are no floats; the next smaller one is.
        highest = np.nextafter(float(limits.max), 0.0) if limits.bits == 64 else float(limits.max)
        return pl.Series(np.clip(np.rint(numbers), float(limits.min), highest)).cast(dtype)
    return pl.Series(numbers).cast(dtype)


def _numbers(found: ColumnProfile, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    if found.values is not None and found.kind != "category" and found.values.counts:
        return np.array([float(text) for text in _named(found, [], n, rng)])
    return found.numbers.draw(n, rng) if found.numbers is not None else np.zeros(n)


def _texts(found: ColumnProfile, dtype: Any, n: int, rng: np.random.Generator) -> pl.Series:
    known = list(dtype.categories) if isinstance(dtype, pl.Enum) else []
    if known or (found.values is not None and found.values.counts):
        return pl.Series(_named(found, known, n, rng), dtype=pl.String)
    lengths = found.numbers.draw(n, rng) if found.numbers is not None else np.full(n, 4.0)
    return pl.Series(["".join(islice(cycle(_FILLER), max(0, round(length)))) for length in lengths], dtype=pl.String)


def _named(found: ColumnProfile, known: list[str], n: int, rng: np.random.Generator) -> list[str]:
    """Draw among the values kept by name, if they are `known` where anything is; otherwise the first known."""
    counts = found.values.counts if found.values is not None else {}
    counts = {text: count for text, count in counts.items() if not known or text in known or known == ["false"]}
    if not counts:
        return known[:1] * n
    weights = np.array(list(counts.values()), dtype=np.float64)
    return [str(text) for text in rng.choice(np.array(list(counts), dtype=object), n, p=weights / weights.sum())]


def _lists(found: ColumnProfile, dtype: Any, n: int, rng: np.random.Generator) -> pl.Series:
    """Lists of neutral values of the inner type, as long as those seen; sparse rows (of structs) are empty."""
    if isinstance(dtype.inner, pl.Struct):
        return pl.Series([[]] * n, dtype=dtype)
    width = dtype.size if isinstance(dtype, pl.Array) else None
    lengths = [width] * n if width is not None else [round(v) for v in _numbers(found, n, rng)]
    inner = _values(ColumnProfile("unknown", 0), dtype.inner, 1, rng).to_list()
    return pl.Series([inner * max(0, length or 0) for length in lengths], dtype=dtype)
