"""Rows to try twins with: ordinary ones, random ones within what was observed, and those at the borders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl

from nbdeploy.codecs.columns import wire_dtype
from nbdeploy.types import Column, Signature

__all__ = ["border_rows", "edge_rows", "plain_rows", "random_rows"]

_BASES = 2
_WIDEST = 64
_EXTREMES = ("beyond float32", "huge", "infinite")
_STRANGE = "\u2301 never seen \u2301"
_EDGES = {
    "zero": 0.0, "minus zero": -0.0, "tiny": 1e-300, "large": -1e30, "beyond float32": 3.5e38, "huge": -1.7e308,
    "infinite": float("inf"),
}  # fmt: skip


def plain_rows(signature: Signature, rows: int) -> pl.DataFrame:
    """Return rows of ordinary values: ones, the first category, a letter, the epoch.

    Examples
    --------
    >>> plain_rows(Signature("numpy", [Column("x0", "float64", "float64")]), 2)["x0"].to_list()
    [1.0, 1.0]
    """
    return pl.DataFrame({column.name: _plain(column, rows) for column in signature.columns})


def _plain(column: Column, rows: int) -> pl.Series:
    dtype = wire_dtype(column)
    value: Any = "a"
    if column.categories:
        value = column.categories[0]
    elif dtype == pl.Boolean:
        value = True
    elif dtype.is_numeric():
        value = 1
    elif dtype.is_temporal():
        return pl.Series(column.name, [0] * rows, dtype=pl.Int32 if dtype == pl.Date else pl.Int64).cast(dtype)
    return pl.Series(column.name, [value] * rows).cast(dtype)


def random_rows(sample: pl.DataFrame, signature: Signature, rows: int, random: np.random.Generator) -> pl.DataFrame:
    """Return rows drawn column by column: numbers within the observed range, anything else as observed.

    Columns that may have missing values have some, and columns of categories have all of them.
    """
    return pl.DataFrame({c.name: _drawn(sample[c.name], c, rows, random) for c in signature.columns})


def _drawn(observed: pl.Series, column: Column, rows: int, random: np.random.Generator) -> pl.Series:
    dtype = observed.dtype
    known = observed.drop_nulls()
    if column.categories:
        known = pl.Series(column.name, column.categories).cast(dtype)
    if not len(known):
        known = _plain(column, 1)
    drawn = known.gather(random.integers(0, len(known), rows))
    if dtype.is_float():
        low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]
        within = random.uniform(low, high, rows) if np.isfinite(high - low) else np.full(rows, low)
        drawn = pl.Series(column.name, np.where(random.random(rows) < 0.5, within, drawn.to_numpy())).cast(dtype)
    elif dtype.is_integer():
        low, high = int(known.min()), int(known.max())  # type: ignore[arg-type]
        drawn = pl.Series(column.name, [int(v) for v in random.integers(low, high, rows, endpoint=True)]).cast(dtype)
    drawn = drawn.alias(column.name)
    if not column.nullable:
        return drawn
    gone = pl.Series(random.random(rows) < 0.2)
    return pl.select(pl.when(~gone).then(drawn).alias(column.name)).to_series()


def edge_rows(sample: pl.DataFrame, signature: Signature) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
    """Return rows that each have one column changed, in groups by what it became.

    The other values are those of the sample's first row. What the signature refuses is left out.

    Returns
    -------
    usual : list of polars.DataFrame
        Missing, unseen, empty, zero, tiny, large.
    extreme : list of polars.DataFrame
        Beyond float32, huge, infinite: most models refuse them.
    """
    base = sample[:1]
    kinds: dict[str, list[pl.DataFrame]] = {}
    for column in _first_of_each_type(base, signature):
        for kind, value in _strange(base[column.name], column).items():
            kinds.setdefault(kind, []).append(base.with_columns(value.alias(column.name)))
    empty = [pl.lit(None, dtype=base[c.name].dtype).alias(c.name) for c in signature.columns if c.nullable]
    if empty:
        kinds["missing"].append(base.with_columns(empty))
    groups = {kind: pl.concat(rows[:_WIDEST]) for kind, rows in kinds.items()}
    return [groups[kind] for kind in groups if kind not in _EXTREMES], [groups[k] for k in groups if k in _EXTREMES]


def _first_of_each_type(base: pl.DataFrame, signature: Signature) -> Iterator[Column]:
    """As many columns of each type as rows are kept: every row is as wide as the table, which may have thousands."""
    seen = Counter[tuple[Any, ...]]()
    for column in signature.columns:
        same = (base.schema[column.name], column.nullable, column.categories is None)
        seen[same] += 1
        if seen[same] <= _WIDEST:
            yield column


def _strange(value: pl.Series, column: Column) -> dict[str, pl.Series]:
    dtype = value.dtype
    found = {"missing": pl.Series([None], dtype=dtype)} if column.nullable else {}
    if column.categories is not None:
        return found
    if dtype == pl.String:
        return {**found, "unseen": pl.Series([_STRANGE]), "empty": pl.Series([""])}
    if dtype.is_float():
        edges = {name: pl.Series([edge]).cast(dtype, strict=False) for name, edge in _EDGES.items()}
        return {**found, **{name: edge for name, edge in edges.items() if edge.null_count() == 0}}
    if dtype.is_integer():
        return {**found, "zero": pl.Series([0], dtype=dtype), "large": pl.Series([100], dtype=dtype)}
    return found


def border_rows(
    sample: pl.DataFrame, signature: Signature, answer: Callable[[pl.DataFrame], Any], most: int = 60
) -> pl.DataFrame:
    """Return rows on both sides of where answers change: neighbouring floats, found by bisection.

    That finds the thresholds of trees and bins as the input sees them, through all the steps before, and the
    rows for which the best two classes are the same.

    Parameters
    ----------
    sample : polars.DataFrame
        Observed rows.
    answer : callable
        Answers rows with an array whose first axis is theirs; None ends the search.
    most : int
        How many rows to move at once, each along one column; at least one is.
    """
    known = {name: sample[name].drop_nulls() for name in signature.names}
    floats = [name for name, values in known.items() if values.dtype.is_float() and len(values)]
    if not floats:
        return sample[:0]
    pairs = [(row, name) for row in range(min(_BASES, sample.height)) for name in floats][: min(max(most, 1), 60)]
    base = sample[[row for row, _ in pairs]]
    low = np.array([float(sample[name].min()) for _, name in pairs])  # type: ignore[arg-type]
    high = np.array([float(sample[name].max()) for _, name in pairs])  # type: ignore[arg-type]
    first = answer(_moved(base, pairs, low))
    if first is None or not np.isfinite(low).all() or not np.isfinite(high).all():
        return sample[:0]
    for _ in range(64):
        middle = low / 2 + high / 2
        found = answer(_moved(base, pairs, middle))
        if found is None:
            break
        changed = _differs(found, first)
        low, high = np.where(changed, low, middle), np.where(changed, middle, high)
    sides = [low, high, np.nextafter(low, -np.inf), np.nextafter(high, np.inf)]
    return pl.concat([_moved(base, pairs, side) for side in sides])


def _differs(found: Any, first: Any) -> Any:
    different = np.asarray(found != first)
    return different.reshape(len(different), -1).any(axis=1)


def _moved(base: pl.DataFrame, pairs: list[tuple[int, str]], values: Any) -> pl.DataFrame:
    """Return the base rows, each with the column of its pair set to its value."""
    out = []
    for name in base.columns:
        at = np.array([name == moved for _, moved in pairs])
        column = base[name]
        if at.any():
            new = pl.Series(values).cast(column.dtype)
            column = pl.select(pl.when(pl.Series(at)).then(new).otherwise(column).alias(name)).to_series()
        out.append(column)
    return pl.DataFrame(out)
