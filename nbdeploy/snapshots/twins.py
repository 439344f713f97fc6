"""The compiled twin of a snapshot: planned in the kernel, proven in the clean process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from nbdeploy.compilers import compile_twins
from nbdeploy.compilers.choice import choose, given
from nbdeploy.compilers.steps import ends_in_trees
from nbdeploy.errors import InvalidData, RehearsalFailed
from nbdeploy.predictor import Predictor
from nbdeploy.types import Canonical, Signature

if TYPE_CHECKING:  # the clean process has no use for what asking a live model takes
    from nbdeploy.snapshots.answers import Answers

__all__ = ["answered_by_twin", "planned_twin", "prove_twin"]

_MOST_WORK = 4096
"""Products per row that a twin may take where it answers every batch: it sums rows one by one, native code does not."""


def planned_twin(model: Any, signature: Signature, wanted: bool | str = True) -> str | None:
    """Return the compiler whose twin is to answer every batch, if the model's best twin is equal only to rounding.

    A twin that has the native bits needs no plan: it answers the batches for which it is faster. What is decided
    here depends on nothing but the model, so that the same model gives the same snapshot.

    Parameters
    ----------
    model : object
        The live model; it is only read.
    signature : Signature
        What it takes and answers.
    wanted : bool or str
        Whether to look for a twin, or by which compiler only.

    Raises
    ------
    NotFound
        If there is no compiler of that name.
    """
    if isinstance(wanted, str):
        twin = dict(compile_twins(model, signature, wanted))[wanted]
        return None if isinstance(twin, str) or all(twin.exact.values()) else wanted
    if not wanted or ends_in_trees(model):
        return None
    for name, twin in compile_twins(model, signature):
        if not isinstance(twin, str):
            rounds = not all(twin.exact.values()) and signature.default_method in twin.methods
            return name if rounds and twin.work <= _MOST_WORK else None
    return None


def answered_by_twin(model: Any, answers: Answers, wanted: bool | str, ask: Callable[[Canonical], Answers]) -> Answers:
    """Return the answers of a model's twin, where the twin is to answer every batch; else those given.

    Parameters
    ----------
    model : object
        The live model.
    answers : Answers
        What it answered natively.
    wanted : bool or str
        See :func:`planned_twin`.
    ask : callable
        Asks the model again, in another way.
    """
    name = planned_twin(model, answers.signature, wanted)
    if name is None:
        return answers
    try:
        return ask(msgspec.structs.replace(answers.asking.canonical, twin=name))
    except (InvalidData, RehearsalFailed):  # it is no twin; the clean process says why
        return answers


def prove_twin(
    predictor: Predictor,
    sample: pl.DataFrame,
    wanted: bool | str = True,
    *,
    seconds: float = 0.8,
    measured: bool = True,
) -> dict[str, Any]:
    """Build the twin of a loaded snapshot, and prove it against the native call.

    Parameters
    ----------
    predictor : Predictor
        The snapshot, loaded in a clean process.
    sample : polars.DataFrame
        Observed rows, bound.
    wanted : bool or str
        Whether to look for a twin, or by which compiler only.
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
    if not wanted:
        return {"compiler": None, "reason": "it was not wanted"}
    caller, signature = predictor.caller, predictor.signature
    name = predictor.bundle.content.canonical.twin
    how = {"seconds": seconds, "speed_seconds": 0.25 if measured else 0.0}
    only = wanted if isinstance(wanted, str) else None
    with caller.single():
        if name is not None and caller.twin is not None:
            return given(name, caller.twin, signature, caller.native, sample, **how).document()
        return choose(predictor.model, signature, caller.native, sample, only, **how).document()
