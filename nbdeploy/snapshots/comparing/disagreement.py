"""Which rows two snapshots answer differently: each asked about the sample of the other, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from nbdeploy.compare import ROUNDING, compare
from nbdeploy.errors import NbdeployError
from nbdeploy.predictor import Predictor

__all__ = ["Disagreement", "Row", "disagreement"]

_SHOWN = 5


@dataclass(frozen=True)
class Row:
    """A row that two snapshots answer differently.

    Attributes
    ----------
    sample : str
        Whose sample it is in.
    row : int
        Which row of that, from 0.
    before, after : dict
        Column to value of the default answers.
    """

    sample: str
    row: int
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Disagreement:
    """What asking two snapshots the same rows found.

    Attributes
    ----------
    rows, differing : int
        How many rows were asked, and how many were answered differently: labels at all, floats by more than 1e-9.
    largest : float
        Largest relative difference of a float; infinite where a label differs.
    first : sequence of Row
        The first that differ.
    reasons : sequence of str
        Why a sample could not be asked of both.
    """

    rows: int = 0
    differing: int = 0
    largest: float = 0.0
    first: Sequence[Row] = ()
    reasons: Sequence[str] = ()


def disagreement(before: tuple[str, Predictor], after: tuple[str, Predictor]) -> Disagreement:
    """Ask two snapshots about the rows of both their samples, by their default methods.

    Parameters
    ----------
    before, after : (str, Predictor)
        The reference of each snapshot, and itself.
    """
    samples: list[tuple[str, Any]] = []
    found, reasons = Disagreement(), []
    for name, predictor in (before, after):
        try:
            sample = predictor.sample
        except OSError:
            sample = pl.DataFrame()
        if not sample.height:
            reasons.append(f"{name} carries no sample rows")
        elif not any(sample.equals(other) for _, other in samples):
            samples.append((name, sample))
    for name, sample in samples:
        try:
            found = _joined(found, _on(name, sample, before[1], after[1]))
        except NbdeployError as error:
            reasons.append(f"the sample of {name} does not fit both: {error}")
    return Disagreement(found.rows, found.differing, found.largest, found.first[:_SHOWN], reasons)


def _on(name: str, sample: pl.DataFrame, before: Predictor, after: Predictor) -> Disagreement:
    old, new = (predictor.outputs(predictor.bind(sample)) for predictor in (before, after))
    found = compare(old, new, ROUNDING)
    first = [Row(name, row, old.row(row, named=True), new.row(row, named=True)) for row in found.rows[:_SHOWN]]
    return Disagreement(sample.height, len(found.rows), found.max_difference, first)


def _joined(a: Disagreement, b: Disagreement) -> Disagreement:
    largest = max(a.largest, b.largest)
    return Disagreement(a.rows + b.rows, a.differing + b.differing, largest, (*a.first, *b.first))
