"""Taking a snapshot: capture, rehearse, compare, store. Nothing is stored that was not proven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.codecs import bind
from nbdeploy.compare import ROUNDING
from nbdeploy.errors import RehearsalFailed
from nbdeploy.flavors import FLAVORS, flavor_for
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.capture import Captured, capture
from nbdeploy.snapshots.draft import Draft, assemble
from nbdeploy.snapshots.lineage import lineage
from nbdeploy.snapshots.metrics import evaluate
from nbdeploy.snapshots.rehearsal import Rehearsal, rehearse
from nbdeploy.store import Store, Version
from nbdeploy.types import Canonical, Progress, Report, check_name, ignore_progress

__all__ = ["take_snapshot", "verify"]

_STEPS = 5
_TILE = 64


def take_snapshot(
    store: Store,
    model: Any,
    name: str,
    data: Any,
    *,
    test: Sequence[Any] | None = None,
    method: str | None = None,
    rows: int = 200,
    note: str = "",
    tolerance: float = 1e-12,
    progress: Report = ignore_progress,
) -> tuple[Version, bool]:
    """Take a snapshot of a live model. See :func:`nbdeploy.snapshot`."""
    check_name(name, "model name")
    progress(Progress(0, _STEPS, message="asking the model in the kernel"))
    asking = Asking(flavor_for(model), method, rows, tolerance)
    answers = answer(model, data, asking)
    facts = {"note": note, "metrics": _metrics(model, answers, test), "lineage": lineage()}
    progress(Progress(1, _STEPS, message="capturing what it uses"))
    captured = capture(model)
    progress(Progress(2, _STEPS, message="rehearsing in a clean process"))
    draft, rehearsal = _rehearsed(name, model, answers, captured, facts)
    if not rehearsal.row_stable:
        # One fixed tile for everything: the same kernel runs for every row, however many are asked for.
        progress(Progress(3, _STEPS, message="rehearsing again in tiles of one size"))
        answers = answer(model, data, replace(asking, canonical=Canonical(tile=_TILE)))
        draft, rehearsal = _rehearsed(name, model, answers, captured, facts)
    progress(Progress(4, _STEPS, message="storing"))
    stored = store.add(name, draft.with_facts({"rehearsal": rehearsal.document()}), draft.files)
    progress(Progress(_STEPS, _STEPS, message="stored"))
    return stored


def _rehearsed(
    name: str, model: Any, answers: Answers, captured: Captured, facts: Mapping[str, Any]
) -> tuple[Draft, Rehearsal]:
    """Assemble a bundle in a folder of its own, and rehearse it there."""
    with TemporaryDirectory(prefix="nbdeploy-") as temporary:
        work = Path(temporary, "work")
        work.mkdir()
        draft = assemble(work, name, model, answers, captured, facts)
        bundle = draft.write(Path(temporary, "bundle"))
        return draft, rehearse(bundle, answers.expected, answers.asking.tolerance)


def _metrics(model: Any, answers: Answers, test: Sequence[Any] | None) -> dict[str, float]:
    if test is None:
        return {}
    X, y = test
    asking, signature = answers.asking, answers.signature
    caller = Caller(model, asking.flavor, signature, asking.canonical)
    wire = bind(X, signature)
    probability = caller.raw(wire, "predict_proba") if "predict_proba" in signature.outputs else None
    guess = "predict" if "predict" in signature.outputs else signature.default_method
    return evaluate(y, caller.raw(wire, guess), probability, FLAVORS[asking.flavor].classes(model))


def verify(
    store: Store, version: Version, tolerance: float = ROUNDING, progress: Report = ignore_progress
) -> Rehearsal:
    """Rehearse a stored snapshot again, on this machine, in a clean process.

    Parameters
    ----------
    tolerance : float
        Largest relative difference of a float: last bits may change between processors.

    Raises
    ------
    Corrupted
        If a file was changed.
    RehearsalFailed
        If it answers differently here.
    """
    progress(Progress(0, 2, message="checking every file"))
    bundle = Bundle.open(store.open(version))
    progress(Progress(1, 2, message="rehearsing in a clean process"))
    rehearsal = rehearse(bundle.path, _expected(bundle), tolerance)
    progress(Progress(2, 2, message="proven again"))
    return rehearsal


def _expected(bundle: Bundle) -> pl.DataFrame:
    try:
        return pl.read_parquet(bundle.path / "expected.parquet")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RehearsalFailed(f"the bundle's expected answers cannot be read: {error}") from error
