"""How many rows a model is asked at a time: as many as there are, unless the last bits of its answers depend on that.

The kernel tries it, so that the clean process is given the call that it will most likely prove; it has the last word.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import polars as pl

from nbdeploy.codecs.outputs import output_frame
from nbdeploy.compare import compare
from nbdeploy.compilers.steps import ends_in_trees
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.rehearsal.trial import shuffled
from nbdeploy.types import Canonical

__all__ = ["settled", "smaller_tiles"]

_TILES = (64, 1)
"""Sizes to try, of the calls for a model whose last bits depend on how many rows it is asked, or on which place."""

_FEW = 7


def settled(model: Any, answers: Answers, ask: Callable[[Canonical], Answers]) -> Answers:
    """Return a live model's answers by calls that give a row the same bits whichever rows it is asked with.

    Parameters
    ----------
    model : object
        The live model.
    answers : Answers
        What it answered, by calls of any size.
    ask : callable
        Asks the model again, in another way.
    """
    if answers.asking.canonical.twin or ends_in_trees(model):  # both add up rows one by one
        return answers
    for tile in _TILES:
        if _is_steady(model, answers):
            break
        answers = ask(Canonical(tile=tile))
    return answers


def smaller_tiles(tile: int | None) -> tuple[int, ...]:
    """Return the sizes that are left to try, largest first, where a clean process finds that `tile` is none.

    Examples
    --------
    >>> smaller_tiles(None), smaller_tiles(64), smaller_tiles(1)
    ((64, 1), (1,), ())
    """
    return tuple(size for size in _TILES if tile is None or size < tile)


def _is_steady(model: Any, answers: Answers) -> bool:
    """Whether rows in another order, and few of them, get the same bits; or it is chance that they do not."""
    signature, sample = answers.signature, answers.sample
    method = signature.default_method
    output = signature.outputs[method]
    caller = Caller(model, answers.asking.flavor, signature, answers.asking.canonical)
    order = shuffled(sample.height)

    def same(expected: pl.DataFrame, rows: pl.DataFrame) -> bool:
        with warnings.catch_warnings(action="ignore"):
            return compare(expected, output_frame(caller.raw(rows, method), output)).identical

    expected = answers.expected.select(output.columns)
    steady = same(expected[order], sample[order]) and same(expected[:_FEW], sample[:_FEW])
    return steady or not same(expected, sample)
