"""The compiled twin of a snapshot: planned in the kernel, proven in the clean process."""

from __future__ import annotations

from typing import Any

import polars as pl

from nbdeploy.compilers import compile_twins
from nbdeploy.compilers.choice import choose, given
from nbdeploy.predictor import Predictor
from nbdeploy.types import Signature

__all__ = ["planned_twin", "prove_twin"]

_MOST_WORK = 4096
"""Products per row that a twin may take where it answers every batch: it sums rows one by one, native code does not."""


def planned_twin(model: Any, signature: Signature) -> str | None:
    """Return the compiler whose twin is to answer every batch, if the model's best twin is equal only to rounding.

    A twin that has the native bits needs no plan: it answers the batches for which it is faster. What is decided
    here depends on nothing but the model, so that the same model gives the same snapshot.

    Parameters
    ----------
    model : object
        The live model; it is only read.
    signature : Signature
        What it takes and answers.
    """
    for name, twin in compile_twins(model, signature):
        if not isinstance(twin, str):
            rounds = not all(twin.exact.values()) and signature.default_method in twin.methods
            return name if rounds and twin.work <= _MOST_WORK else None
    return None


def prove_twin(
    predictor: Predictor, sample: pl.DataFrame, *, seconds: float = 1.0, measured: bool = True
) -> dict[str, Any]:
    """Build the twin of a loaded snapshot, and prove it against the native call.

    Parameters
    ----------
    predictor : Predictor
        The snapshot, loaded in a clean process.
    sample : polars.DataFrame
        Observed rows, bound.
    seconds : float
        Time of the processor that may be spent on looking for rows that are answered differently.
    measured : bool
        Whether to measure its speed too.

    Returns
    -------
    dict
        The ``twin`` of the version record: ``compiler``, ``exact``, ``below`` (the largest batch that it answers, if
        it has the native bits), ``methods``, ``tried``, ``max_difference``, ``speed`` …; or ``compiler`` None, and a
        ``reason``.
    """
    caller, signature = predictor.caller, predictor.signature
    name = predictor.bundle.content.canonical.twin
    how = {"seconds": seconds, "speed_seconds": 0.5 if measured else 0.0}
    if name is not None and caller.twin is not None:
        return given(name, caller.twin, signature, caller.native, sample, **how).document()
    return choose(predictor.model, signature, caller.native, sample, **how).document()
