"""Taking a snapshot: capture, rehearse, compare, store. Nothing is stored that was not proven."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.codecs import bind
from nbdeploy.compare import ROUNDING
from nbdeploy.errors import RehearsalFailed
from nbdeploy.flavors import FLAVORS, flavor_for
from nbdeploy.manifest import Manifest
from nbdeploy.predictor import Caller
from nbdeploy.snapshots.capture import Captured, capture
from nbdeploy.snapshots.draft import Answers, answer, assemble
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
    flavor = flavor_for(model)
    canonical = Canonical()
    answers = answer(model, flavor, data, method=method, rows=rows, canonical=canonical, tolerance=tolerance)
    metrics = _metrics(model, answers, canonical, test)
    progress(Progress(1, _STEPS, message="capturing what it uses"))
    captured = capture(model)
    facts = {"note": note, "metrics": metrics, "lineage": lineage()}
    with TemporaryDirectory(prefix="nbdeploy-") as temporary:
        folder = Path(temporary)
        progress(Progress(2, _STEPS, message="rehearsing in a clean process"))
        manifest, files, rehearsal = _rehearsed(
            folder / "a", name, model, answers, captured, canonical, facts, tolerance
        )
        if not rehearsal.row_stable:
            # One fixed tile for everything: the same kernel runs for every row, however many are asked for.
            canonical = Canonical(tile=_TILE)
            answers = answer(model, flavor, data, method=method, rows=rows, canonical=canonical, tolerance=tolerance)
            progress(Progress(3, _STEPS, message="rehearsing again in tiles of one size"))
            manifest, files, rehearsal = _rehearsed(
                folder / "b", name, model, answers, captured, canonical, facts, tolerance
            )
    progress(Progress(4, _STEPS, message="storing"))
    proven = Manifest.sealed(manifest.content, {**manifest.record_document, "rehearsal": rehearsal.document()})
    stored = store.add(name, proven, files)
    progress(Progress(_STEPS, _STEPS, message="stored"))
    return stored


def _rehearsed(
    folder: Path,
    name: str,
    model: Any,
    answers: Answers,
    captured: Captured,
    canonical: Canonical,
    facts: Mapping[str, Any],
    tolerance: float,
) -> tuple[Manifest, dict[str, bytes], Rehearsal]:
    """Assemble a bundle in a folder and rehearse it there."""
    work = folder / "model-files"
    work.mkdir(parents=True)
    manifest, files = assemble(work, name, model, answers, captured, canonical, dict(facts))
    bundle = folder / "bundle"
    for path, content in {**files, "content.json": manifest.content, "record.json": manifest.record}.items():
        (bundle / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / path).write_bytes(content)
    shutil.rmtree(work)
    return manifest, files, rehearse(bundle, answers.expected, tolerance)


def _metrics(model: Any, answers: Answers, canonical: Canonical, test: Sequence[Any] | None) -> dict[str, float]:
    if test is None:
        return {}
    X, y = test
    caller = Caller(model, answers.flavor, answers.signature, canonical)
    wire = bind(X, answers.signature)
    probability = caller.raw(wire, "predict_proba") if "predict_proba" in answers.signature.outputs else None
    classes = FLAVORS[answers.flavor].classes(model)
    return evaluate(y, caller.raw(wire, answers.signature.default_method), probability, classes)


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
