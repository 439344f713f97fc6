"""Taking a snapshot: capture, rehearse, compare, store. Nothing is stored that was not proven."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from nbdeploy.bundles import Bundle
from nbdeploy.compare import ROUNDING
from nbdeploy.errors import NotCapturable, RehearsalFailed
from nbdeploy.flavors import FLAVORS, flavors_for
from nbdeploy.flavors.chain import by_hand, chained, name_of
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.capture import Captured, capture
from nbdeploy.snapshots.describing import measure_model, profile_model
from nbdeploy.snapshots.draft import Draft, assemble
from nbdeploy.snapshots.lineage import lineage
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.rehearsal import Rehearsal, rehearse
from nbdeploy.snapshots.sampling import Kept
from nbdeploy.snapshots.secrets import find_secrets, refuse_secrets
from nbdeploy.store import Store, Version
from nbdeploy.types import Canonical, Progress, Report, check_name, ignore_progress

__all__ = ["Taken", "take_snapshot", "verify"]

_STEPS = 5
_TILE = 64


@dataclass(frozen=True)
class Taken:
    """What taking a snapshot came to.

    Attributes
    ----------
    version : Version
        The version stored, or the one that has the same content already.
    created : bool
        Whether it is new.
    notices : sequence of str
        What the user should know.
    """

    version: Version
    created: bool
    notices: Sequence[str] = ()


def take_snapshot(
    store: Store, model: Any, name: str, data: Any, options: Options | None = None, progress: Report = ignore_progress
) -> Taken:
    """Take a snapshot of a live model. See :func:`nbdeploy.snapshot`."""
    check_name(name, "model name")
    options = options or Options()
    subject = _Subject(name, chained(options.preprocess, model), data, options, by_hand(options.preprocess, model))
    try:
        draft, rehearsal = _proven(subject, progress)
    except RehearsalFailed as error:
        raise RehearsalFailed(f"{error}; nothing was stored", **error.facts) from error
    progress(Progress(_STEPS - 1, _STEPS, message="storing"))
    draft = draft.finished(rehearsal=rehearsal.document())
    version, created = store.add(name, draft.manifest, draft.files)
    progress(Progress(_STEPS, _STEPS, message="stored"))
    return Taken(version, created, draft.manifest.parsed_record.notices)


@dataclass(frozen=True)
class _Subject:
    """What a snapshot is taken of, and how."""

    name: str
    model: Any
    data: Any
    options: Options
    by_hand: Callable[[str, Any], Any] | None = None

    def asking(self, flavor: str, canonical: Canonical) -> Asking:
        """How the live model is asked."""
        options = self.options
        asked = (options.method, options.sample, options.tolerance, canonical)
        return Asking(flavor, *asked, by_hand=self.by_hand, declared=options.declared)


def _proven(subject: _Subject, progress: Report) -> tuple[Draft, Rehearsal]:
    """Make a bundle with the best flavor that can save the model, and rehearse it."""
    flavors = flavors_for(subject.model)
    for flavor in flavors[:-1]:
        with contextlib.suppress(NotCapturable):
            return _proven_by(flavor, subject, progress)
    return _proven_by(flavors[-1], subject, progress)


def _proven_by(flavor: str, subject: _Subject, progress: Report) -> tuple[Draft, Rehearsal]:
    progress(Progress(0, _STEPS, message="asking the model in the kernel"))
    answers = answer(subject.model, subject.data, subject.asking(flavor, Canonical()))
    profile = profile_model(subject.model, subject.data, answers)
    measured = measure_model(subject.model, answers, subject.options.test)
    steps = [name_of(step) for step in subject.options.preprocess]
    facts = {"note": subject.options.note, "lineage": lineage(), "preprocess": steps, **asdict(measured)}
    progress(Progress(1, _STEPS, message="capturing what the model uses"))
    reached = FLAVORS[flavor].reached(subject.model)
    captured = capture(reached)
    if not subject.options.allow_secrets:
        refuse_secrets(find_secrets(reached, captured))
    progress(Progress(2, _STEPS, message="rehearsing in a clean process"))
    draft, rehearsal = _rehearsed(subject, answers, captured, profile, facts)
    if rehearsal.row_stable:
        return draft, rehearsal
    # One fixed tile for everything: the same kernel runs for every row, however many are asked for.
    progress(Progress(3, _STEPS, message="rehearsing again in tiles of one size"))
    answers = answer(subject.model, subject.data, subject.asking(flavor, Canonical(tile=_TILE)))
    return _rehearsed(subject, answers, captured, profile, facts)


def _rehearsed(
    subject: _Subject, answers: Answers, captured: Captured, profile: ModelProfile, facts: Mapping[str, Any]
) -> tuple[Draft, Rehearsal]:
    """Assemble a bundle in a folder of its own, and rehearse it there."""
    kept = Kept(answers.sample, answers.expected, profile)
    with TemporaryDirectory(prefix="nbdeploy-") as temporary:
        work = Path(temporary, "work")
        work.mkdir()
        draft = assemble(work, subject.name, subject.model, answers, captured, kept, facts)
        bundle = draft.write(Path(temporary, "bundle"))
        return draft, rehearse(bundle, answers.sample, answers.expected, answers.asking.tolerance)


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
    store.check(version)
    bundle = Bundle.open(store.open(version))
    progress(Progress(1, 2, message="rehearsing in a clean process"))
    rehearsal = rehearse(bundle.path, _rows(bundle, "sample"), _rows(bundle, "expected"), tolerance)
    progress(Progress(2, 2, message="proven again"))
    return rehearsal


def _rows(bundle: Bundle, name: str) -> pl.DataFrame:
    try:
        return pl.read_parquet(bundle.path / f"{name}.parquet")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RehearsalFailed(f"the bundle's {name}.parquet cannot be read: {error}") from error
