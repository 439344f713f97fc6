"""Rehearsing: a bundle loaded in a clean process, and its answers compared with the kernel's."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.compare import ROUNDING, SINGLE, Comparison, compare
from nbdeploy.errors import RehearsalFailed
from nbdeploy.manifest import Manifest
from nbdeploy.snapshots.rehearsal.clean_process import ANSWERED, PROVEN, CleanProcess
from nbdeploy.snapshots.rehearsal.environment import Needed, environment
from nbdeploy.snapshots.rehearsal.refusals import changes_from_run_to_run, depends_on_other_rows
from nbdeploy.snapshots.rehearsal.trial import AGAIN, WAYS

__all__ = ["Rehearsal", "rehearse"]

_ASKED = {"shuffled": "in another order", "pieces": "in small batches", "alone": "one by one"}


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal proved.

    Attributes
    ----------
    rows : int
        Rows compared.
    max_difference : float
        Largest relative difference between the clean process and the kernel.
    methods : mapping of str to float
        The same for every method.
    identical : bool
        Whether every bit was the same.
    row_stable : bool
        Whether answers are the same bits whichever rows they are asked with.
    deterministic : bool
        Whether nothing was seen to change from run to run.
    tolerance : float
        Largest relative difference that was allowed.
    isolation : str
        ``network-namespace`` or ``audit-hook``: how the network was denied.
    answers_sha256 : str
        Digest of the answers in the clean process.
    load_seconds, predict_seconds, seconds : float
        Loading the model, answering all rows by all methods, and everything together.
    peak_memory : int
        Bytes of the clean process at its largest.
    python, platform, machine : str
        Where it ran.
    cpu : mapping
        The processor, and which code of its linear algebra it chose.
    environment : str
        ``new`` if it was a virtual environment made of nothing but the requirements; empty if it was this one.
    twin : mapping
        What was found out about a compiled twin; a fact of its own in the record.
    found : Needed
        The environment, of the modules that the model and what it needs imported; no part of the record.
    """

    rows: int
    max_difference: float
    methods: Mapping[str, float]
    identical: bool
    row_stable: bool
    deterministic: bool
    tolerance: float
    isolation: str
    answers_sha256: str
    load_seconds: float
    predict_seconds: float
    seconds: float
    peak_memory: int
    python: str
    platform: str
    machine: str
    cpu: Mapping[str, Any]
    environment: str = ""
    twin: Mapping[str, Any] = field(default_factory=dict, repr=False)
    found: Needed = field(default_factory=lambda: environment({}), repr=False)

    def document(self) -> dict[str, Any]:
        """Return the facts for the version record."""
        return {name: value for name, value in asdict(self).items() if name not in {"found", "twin"}}


def rehearse(
    bundle: Path,
    sample: pl.DataFrame,
    expected: pl.DataFrame,
    tolerance: float,
    process: CleanProcess,
    packages: Collection[str] = (),
    blame: Callable[[], str] = str,
    twin: bool | str = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> Rehearsal:
    """Load a bundle in a clean process, and compare its answers with those expected.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    sample : polars.DataFrame, n rows
        The rows to ask it for; they need not be those that the bundle keeps.
    expected : polars.DataFrame, n rows
        The canonical answers of every method for those rows.
    tolerance : float
        Largest relative difference of a float.
    process : CleanProcess
        Where to load it; it rehearses once.
    packages : collection of str
        Top-level packages that the model is made of, to find what they import.
    blame : callable
        Names the step to blame for answers that depend on other rows.
    twin : bool or str
        Whether to look for a compiled twin and prove it, or by which compiler only.
    meanwhile : callable
        What is to be done here while the clean process works.

    Raises
    ------
    RehearsalFailed
        If it does not load, fails, answers differently, or answers a row differently among other rows.
    """
    started = time.monotonic()
    manifest = Manifest.read(bundle)
    process.begin(bundle, sample, packages, twin)
    meanwhile()
    result, answers = _answered(process)
    # By one call on one processor every bit is the same; who allows for rounding has another processor in mind.
    whole = compare(expected, answers["whole"], tolerance, SINGLE if tolerance >= ROUNDING else 0.0)
    if not whole.equal:
        raise _other_answers(whole, expected.height, _run_to_run(manifest.parsed.flavor, bundle, sample, answers))
    deterministic = AGAIN not in answers or compare(answers["whole"], answers[AGAIN]).identical
    # What changes from run to run by a declared tolerance changes among other rows too.
    allowed = ROUNDING if deterministic else max(ROUNDING, tolerance)
    among = {way: compare(answers["whole"][: answers[way].height], answers[way], allowed, SINGLE) for way in WAYS[1:]}
    _refuse_dependent(among, blame)
    outputs = manifest.parsed.signature.outputs
    found = environment(result.pop("imports"))
    return Rehearsal(
        rows=expected.height,
        max_difference=whole.max_difference,
        methods={
            name: compare(expected[out.columns], answers["whole"][out.columns], tolerance).max_difference
            for name, out in outputs.items()
        },
        identical=whole.identical,
        row_stable=not deterministic or all(comparison.identical for comparison in among.values()),
        deterministic=deterministic,
        tolerance=tolerance,
        isolation=process.isolation,
        found=found,
        **result,
        **_told(process, PROVEN),
        seconds=round(time.monotonic() - started, 3),
    )


def _answered(process: CleanProcess) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """What the clean process says of its answers, and they themselves."""
    result = _told(process, ANSWERED)
    found = {way: process.folder / f"{way}.parquet" for way in (*WAYS, AGAIN)}
    return result, {way: pl.read_parquet(path) for way, path in found.items() if path.exists()}


def _told(process: CleanProcess, what: str) -> dict[str, Any]:
    result = process.report(what)
    if "error" in result:
        raise RehearsalFailed(_explain(result), **result)
    return result


def _run_to_run(flavor: str, bundle: Path, sample: pl.DataFrame, first: Mapping[str, pl.DataFrame]) -> float:
    """How much the answers change when everything is done again: in the same process, and in another one."""
    with CleanProcess(flavor) as process:
        process.begin(bundle, sample)
        _, second = _answered(process)
    again = [second["whole"], *(first[way] for way in (AGAIN,) if way in first)]
    return max(compare(first["whole"], answers).max_difference for answers in again)


def _other_answers(whole: Comparison, rows: int, run_to_run: float) -> RehearsalFailed:
    why = (
        changes_from_run_to_run(run_to_run)
        if run_to_run
        else "every clean process gives the same answers, so the model uses something that lives only in the kernel"
    )
    return RehearsalFailed(
        f"{len(whole.rows)} of {rows} rows are answered differently in a clean process; {whole.first}: {why}",
        rows=whole.rows,
        max_difference=whole.max_difference,
        run_to_run=run_to_run,
    )


def _refuse_dependent(among: dict[str, Comparison], blame: Callable[[], str]) -> None:
    for way, comparison in among.items():
        if not comparison.equal:
            raise RehearsalFailed(
                f"{len(comparison.rows)} rows get other answers when asked {_ASKED[way]}; {comparison.first}: "
                f"{depends_on_other_rows(blame())}",
                rows=comparison.rows,
                max_difference=comparison.max_difference,
            )


def _explain(result: dict[str, Any]) -> str:
    error = str(result["error"])
    hint = "it must not depend on anything outside of the model and the notebook's definitions"
    if error.startswith("ModuleNotFoundError"):
        hint = "install that module as a package, or define what the model needs from it in a cell"
    if error.startswith("FileNotFoundError"):
        hint = "read the file in a cell, and let the model use the variable: that travels with it"
    return f"the snapshot does not work in a clean process: {error}; {hint}"
