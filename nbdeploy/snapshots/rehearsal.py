"""Rehearsing: a bundle loaded in a clean process, and its answers compared with the kernel's."""

from __future__ import annotations

import functools
import json
import os
import site
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from nbdeploy.compare import ROUNDING, Comparison, compare
from nbdeploy.errors import RehearsalFailed
from nbdeploy.snapshots.rehearse import SAMPLE, WAYS

__all__ = ["Rehearsal", "rehearse"]

_TIMEOUT = 900


@dataclass(frozen=True)
class Rehearsal:
    """What a rehearsal proved.

    Attributes
    ----------
    rows : int
        Rows compared.
    max_difference : float
        Largest relative difference between the clean process and the kernel.
    row_stable : bool
        Whether answers are the same bits whichever rows they are asked with.
    isolation : str
        ``network-namespace`` or ``audit-hook``: how the network was denied.
    python, platform : str
        Where it ran.
    seconds : float
        How long it took.
    """

    rows: int
    max_difference: float
    row_stable: bool
    isolation: str
    python: str
    platform: str
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return the facts for the version record."""
        return asdict(self)


def rehearse(bundle: Path, sample: pl.DataFrame, expected: pl.DataFrame, tolerance: float) -> Rehearsal:
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

    Raises
    ------
    RehearsalFailed
        If it does not load, fails, answers differently, or answers a row differently among other rows.
    """
    started = time.monotonic()
    isolation = "network-namespace" if _namespaces_work() else "audit-hook"
    with TemporaryDirectory() as temporary:
        out = Path(temporary)
        sample.write_parquet(out / SAMPLE)
        result = _run(bundle, out, isolation)
        if "error" in result:
            raise RehearsalFailed(_explain(result), **result)
        answers = {way: pl.read_parquet(out / f"{way}.parquet") for way in WAYS}
    whole = compare(expected, answers["whole"], tolerance)
    if not whole.equal:
        raise RehearsalFailed(
            f"{len(whole.rows)} of {expected.height} rows are answered differently in a clean process; {whole.first}. "
            "The model uses something that changes from run to run, or that lives only in the kernel",
            rows=whole.rows,
            max_difference=whole.max_difference,
        )
    among = {way: compare(answers["whole"][: answers[way].height], answers[way], ROUNDING) for way in WAYS[1:]}
    _refuse_dependent(among)
    return Rehearsal(
        rows=expected.height,
        max_difference=whole.max_difference,
        row_stable=all(comparison.identical for comparison in among.values()),
        isolation=isolation,
        python=result["python"],
        platform=result["platform"],
        seconds=round(time.monotonic() - started, 3),
    )


def _refuse_dependent(among: dict[str, Comparison]) -> None:
    for way, comparison in among.items():
        if not comparison.equal:
            asked = {"reversed": "in reverse order", "pieces": "in small batches", "alone": "one by one"}[way]
            raise RehearsalFailed(
                f"{len(comparison.rows)} rows get other answers when asked {asked}; {comparison.first}. "
                "The model's answer for a row depends on the other rows (for example by centring on the "
                "batch): fit such steps in training instead",
                rows=comparison.rows,
                max_difference=comparison.max_difference,
            )


def _run(bundle: Path, out: Path, isolation: str) -> dict[str, Any]:
    """Run the clean process in an empty folder, with the interpreter's own site paths and nothing else."""
    command = [sys.executable, "-P", "-m", "nbdeploy.snapshots.rehearse", str(bundle), str(out)]
    if isolation == "network-namespace":
        command = ["unshare", "--map-root-user", "--net", *command]
    empty = out / "cwd"
    empty.mkdir()
    try:
        done = subprocess.run(
            command, cwd=empty, env=_environment(), capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return {"error": f"the rehearsal took more than {_TIMEOUT} s", "traceback": ""}
    if not (out / "result.json").exists():
        tail = done.stderr.strip().splitlines()[-3:]
        return {"error": f"the process ended with status {done.returncode}: {' '.join(tail)}", "traceback": done.stderr}
    result: dict[str, Any] = json.loads((out / "result.json").read_text())
    return result


def _environment() -> dict[str, str]:
    """Without ``PYTHONPATH``, unless nbdeploy itself is only found there."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    root = str(Path(__file__).parents[2])
    if root not in [*site.getsitepackages(), site.getusersitepackages()]:
        environment["PYTHONPATH"] = root
    return environment


def _explain(result: dict[str, Any]) -> str:
    error = str(result["error"])
    hint = "it must not depend on anything outside of the model and the notebook's definitions"
    if error.startswith("ModuleNotFoundError"):
        hint = "install that module as a package, or define what the model needs from it in a cell"
    return f"the snapshot does not work in a clean process: {error}; {hint}"


@functools.cache
def _namespaces_work() -> bool:
    try:
        done = subprocess.run(
            ["unshare", "--map-root-user", "--net", "true"], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
