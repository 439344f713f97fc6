"""Taking a snapshot: capture, rehearse, compare, store. Nothing is stored that was not proven."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import polars as pl

from nbdeploy.codecs import bind, declare, describe, rebuild
from nbdeploy.codecs.veiled import veil
from nbdeploy.errors import NotCapturable, RehearsalFailed
from nbdeploy.files import TemporaryFolder
from nbdeploy.flavors import FLAVORS, flavors_for
from nbdeploy.flavors.chain import by_hand, chained, step_name
from nbdeploy.manifest import Manifest
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.answers import Answers, Asking, answer
from nbdeploy.snapshots.capture import Captured, capture
from nbdeploy.snapshots.capture.secrets import find_secrets, refuse_secrets
from nbdeploy.snapshots.capture.settings import settings_of
from nbdeploy.snapshots.comparing.novelty import novelty
from nbdeploy.snapshots.describing import PREDICTED, measure_model, profile_model
from nbdeploy.snapshots.draft import Draft, assemble
from nbdeploy.snapshots.exposure import private_traces
from nbdeploy.snapshots.found import not_recorded
from nbdeploy.snapshots.lineage import made_elsewhere, past, trace
from nbdeploy.snapshots.options import Options
from nbdeploy.snapshots.pages.disclosure import warnings_of, with_traces
from nbdeploy.snapshots.privacy import keep
from nbdeploy.snapshots.rehearsal.batch_dependence import FEW, dependent_step
from nbdeploy.snapshots.rehearsal.clean_process import CleanProcess
from nbdeploy.snapshots.rehearsal.environment import owners
from nbdeploy.snapshots.rehearsal.rehearse import Rehearsal, rehearse
from nbdeploy.snapshots.rehearsal.tiling import settled, smaller_tiles
from nbdeploy.snapshots.sampling import Kept, choose_rows
from nbdeploy.snapshots.twins import answered_by_twin
from nbdeploy.store import Store, Version
from nbdeploy.types import Canonical, Progress, Report, check_name, ignore_progress

__all__ = ["Taken", "take_snapshot"]

_STEPS = 5


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
    whole = chained(options.preprocess, model)
    parts = (model, *options.preprocess)
    fits = partial(store.check_kind, name)
    subject = _Subject(name, whole, data, options, fits, by_hand(options.preprocess, model), parts)
    with _telling(f"{name} may have been stored already"), TemporaryFolder(prefix="nbdeploy-") as work:
        with _telling("nothing was stored"):
            draft = _draft(subject, Path(work), progress)
        progress(Progress(_STEPS - 1, _STEPS, message="storing"))
        manifest = draft.manifest
        version, created = store.add(name, manifest, draft.files, link=True)  # the draft ends here
    progress(Progress(_STEPS, _STEPS, message="stored"))
    news = novelty(store, version) if created else not_recorded(version, manifest.record_document)
    return Taken(version, created, [*manifest.parsed_record.notices, *news])


@dataclass(frozen=True)
class _Subject:
    """What a snapshot is taken of, and how."""

    name: str
    model: Any
    data: Any
    options: Options
    fits: Callable[[Manifest], None]
    by_hand: Callable[[str, Any], Any] | None = None
    parts: Sequence[Any] = ()

    def answers(self, flavor: str, canonical: Canonical) -> Answers:
        """Ask the live model."""
        options = self.options
        asked = (options.method, options.rows, options.tolerance, canonical)
        asking = Asking(flavor, *asked, by_hand=self.by_hand, declared=self.declared)
        return answer(self.model, self.data, asking)

    @property
    def declared(self) -> dict[str, Any]:
        """What the user says of the inputs."""
        return {**self.options.declared, "private": self.options.private}


@contextlib.contextmanager
def _telling(outcome: str) -> Iterator[None]:
    """Let an interrupt say what became of the snapshot."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(*interrupt.args or [outcome]) from None


def _draft(subject: _Subject, work: Path, progress: Report) -> Draft:
    """Make a bundle, prove it, and sign it if that is wished."""
    try:
        draft = _proven(subject, work, progress)
    except RehearsalFailed as error:
        told, facts = _told(error, subject)
        raise RehearsalFailed(f"{told}; nothing was stored", **facts) from (None if facts.get("private") else error)
    return draft.signed(subject.options.sign) if subject.options.sign is not None else draft


def _proven(subject: _Subject, work: Path, progress: Report) -> Draft:
    """Make a bundle with the best flavor that can save the model, and rehearse it."""
    flavors = flavors_for(subject.model)
    for flavor in flavors[:-1]:
        with contextlib.suppress(NotCapturable):
            return _proven_by(flavor, subject, work, progress)
    return _proven_by(flavors[-1], subject, work, progress)


def _proven_by(flavor: str, subject: _Subject, work: Path, progress: Report) -> Draft:
    # The clean process gets ready while the kernel asks and saves the model.
    with CleanProcess(flavor) as process:
        progress(Progress(0, _STEPS, message="asking the model in the kernel"))
        ask = partial(subject.answers, flavor)
        answers = answered_by_twin(subject.model, ask(Canonical()), subject.options.compile, ask)
        answers = settled(subject.model, answers, ask)
        progress(Progress(1, _STEPS, message="capturing what the model uses"))
        reached = FLAVORS[flavor].reached(subject.model)
        captured = capture(reached)
        if not subject.options.allow_secrets:
            refuse_secrets(find_secrets(reached, captured))
        stage = _Stage(subject, captured, answers, work, progress)
        draft, rehearsal = _rehearsed(stage, answers, process)
    if answers.asking.canonical.twin and not rehearsal.twin.get("compiler"):
        # The twin that was planned is none: native code answers.
        answers = settled(subject.model, ask(Canonical()), ask)
        with CleanProcess(flavor) as process:
            draft, rehearsal = _rehearsed(stage, answers, process)
    # One fixed tile for everything: the same kernel runs for every row, however many are asked for.
    for tile in smaller_tiles(answers.asking.canonical.tile):
        if rehearsal.row_stable:
            break
        with CleanProcess(flavor) as process:
            draft, rehearsal = _rehearsed(stage, ask(Canonical(tile=tile)), process)
    return draft


@dataclass(frozen=True)
class _Stage:
    """What two rehearsals of one model have in common. What is told of it, is found out when it is asked for."""

    subject: _Subject
    captured: Captured
    answers: Answers
    work: Path
    progress: Report

    @cached_property
    def profile(self) -> ModelProfile:
        """What the data and the answers are like."""
        return profile_model(self.subject.model, self.subject.data, self.answers, self.subject.options.private)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Where it comes from, and how good it is."""
        subject, known = self.subject, past()
        measured = measure_model(subject.model, self.answers, subject.options.test)
        traced = trace(subject.parts, self.answers.given, known)
        made = () if subject.options.preprocess else made_elsewhere(subject.data, known)
        return {
            "note": subject.options.note,
            "lineage": traced.facts,
            "notices": [*traced.notices, *made],
            "preprocess": [step_name(step) for step in subject.options.preprocess],
            **asdict(measured),
        }

    def find_out(self) -> None:
        """Find out everything, also whose packages are installed here: it takes as long as loading a small model."""
        _ = self.facts, self.profile, owners()


def _rehearsed(stage: _Stage, answers: Answers, process: CleanProcess) -> tuple[Draft, Rehearsal]:
    """Assemble a bundle in a folder of its own, rehearse it there, and let it say what that proved."""
    model = stage.subject.model
    kept = keep(model, answers, stage.subject.options, lambda: stage.profile.inputs, stage.captured.values)
    folder = Path(mkdtemp(dir=stage.work))
    stage.progress(Progress(2, _STEPS, message="saving the model"))
    draft = assemble(folder, stage.subject.name, model, answers, stage.captured, kept)
    stage.subject.fits(draft.manifest)  # sooner than the store would say so
    tile = answers.asking.canonical.tile
    tiled = (f" again, in tiles of {tile} rows" if tile > 1 else " again, row by row") if tile else ""
    stage.progress(Progress(3, _STEPS, message=f"rehearsing in a clean process{tiled}"))
    rehearsal = rehearse(
        folder,
        *_rows_to_prove(answers, kept),
        answers.asking.tolerance,
        process,
        draft.packages,
        lambda: dependent_step(model, rebuild(answers.sample[:FEW], answers.signature)),
        stage.subject.options.compile,
        stage.find_out,
    )
    found = rehearsal.found
    privacy = with_traces(kept.privacy, private_traces(folder, draft.content.files, answers))
    said = [*settings_of(stage.captured), *warnings_of(privacy), *found.notices]
    told = {"rehearsal": rehearsal.document(), "twin": rehearsal.twin, "privacy": privacy}
    facts = {**stage.facts, **told, "notices": [*stage.facts["notices"], *said]}
    return draft.finished(found.environment, stage.profile, **facts), rehearsal


def _rows_to_prove(answers: Answers, kept: Kept) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the data, and those that stay if they are others."""
    if kept.sample is answers.sample:
        return answers.sample, answers.expected
    return pl.concat([answers.sample, kept.sample]), pl.concat([answers.expected, kept.expected])


def _told(error: RehearsalFailed, subject: _Subject) -> tuple[str, dict[str, Any]]:
    """What a failure says, without values of private columns."""
    facts = dict(error.facts)
    if not subject.options.private:
        return str(error), facts
    signature = declare(describe(subject.data), **subject.declared)
    wire = bind(subject.data, signature)
    wire = wire[sorted({*choose_rows(wire, subject.options.rows), *choose_rows(wire, PREDICTED)})]
    facts = {name: veil(fact, wire, signature) if isinstance(fact, str) else fact for name, fact in facts.items()}
    return veil(str(error), wire, signature), {**facts, "private": True}
