"""What a clean process does with a bundle: load it, and answer the same rows in different company."""

from __future__ import annotations

import hashlib
import json
import platform
import random
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from nbdeploy.bundles import Trust
from nbdeploy.canonical import estimators_of
from nbdeploy.flavors.local import CAPTURED
from nbdeploy.predictor import Predictor, load
from nbdeploy.snapshots.rehearsal.clean_process import SAMPLE
from nbdeploy.snapshots.rehearsal.processor import processor
from nbdeploy.snapshots.twins import prove_twin

__all__ = ["AGAIN", "WAYS", "digest_of", "shuffled", "try_out"]

WAYS = ("whole", "shuffled", "pieces", "alone")
AGAIN = "again"
_ALONE = 4
_PIECE = 7
_PIECES = 2


def try_out(bundle: Path, out: Path) -> dict[str, Any]:
    """Load a bundle and answer the rows in ``out/sample.parquet`` whole, shuffled, in pieces and one by one.

    Every way's answers are written to ``out/<way>.parquet``; those of all rows once more to ``again.parquet``,
    where not every bit was the same.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
    out : Path
        Where the rows are, and the answers go.

    Returns
    -------
    dict
        Facts for the certificate: seconds, bytes, processor, and a digest of the answers; and ``modules``, which
        the model is made of, and ``prove_twin``, which looks for its compiled twin.
    """
    started = time.perf_counter()
    predictor = load(bundle, Trust("always"))  # whose it is was asked before it came here
    loaded = time.perf_counter()
    sample = pl.read_parquet(out / SAMPLE)
    methods = list(predictor.signature.outputs)
    whole = predictor.outputs(sample, methods)
    answered = time.perf_counter()
    for way, answers in _answers(predictor, sample, methods, whole).items():
        answers.write_parquet(out / f"{way}.parquet")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": processor(),
        "load_seconds": round(loaded - started, 4),
        "predict_seconds": round(answered - loaded, 4),
        "peak_memory": _peak_memory(),
        "answers_sha256": digest_of(whole),
        "modules": sorted(_modules(predictor)),
        "prove_twin": partial(prove_twin, predictor, sample),
    }


def _modules(predictor: Predictor) -> set[str]:
    """The modules that define the model's parts, and those of the captured source."""
    parts = estimators_of(predictor.model, lambda _: True)
    captured = {name for name in sys.modules if CAPTURED.fullmatch(name.partition(".")[0])}
    return {type(part).__module__ for part in parts} | captured


def _answers(
    predictor: Predictor, sample: pl.DataFrame, methods: list[str], whole: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """The same rows in other company; and all of them again, if that changed anything."""
    if not sample.height:  # none are kept: that it loads is what can be shown
        return dict.fromkeys(WAYS, whole)
    order = shuffled(sample.height)
    back = sorted(range(sample.height), key=order.__getitem__)
    pieces = [sample[i : i + _PIECE] for i in range(0, min(sample.height, _PIECES * _PIECE), _PIECE)]
    alone = [sample[i : i + 1] for i in range(min(sample.height, _ALONE))]
    found = {
        "whole": whole,
        "shuffled": predictor.outputs(sample[order], methods)[back],
        "pieces": pl.concat([predictor.outputs(piece, methods) for piece in pieces]),
        "alone": pl.concat([predictor.outputs(row, methods) for row in alone]),
    }
    if not all(answers.equals(whole[: answers.height]) for answers in found.values()):
        found[AGAIN] = predictor.outputs(sample, methods)
    return found


def shuffled(n: int) -> list[int]:
    """Row numbers in another order, the same one every time."""
    order = list(range(n))
    random.Random(0).shuffle(order)  # noqa: S311 - no secret
    return order


def digest_of(answers: pl.DataFrame) -> str:
    """SHA-256 of a table of answers: JSON of names, types and values, floats written so that every bit counts.

    Examples
    --------
    >>> digest_of(pl.DataFrame({"a": [0.1]})) == digest_of(pl.DataFrame({"a": [0.1 + 1e-18]}))
    True
    >>> digest_of(pl.DataFrame({"a": [0.1]})) == digest_of(pl.DataFrame({"a": [0.1 + 1e-16]}))
    False
    """
    columns = [[column.name, str(column.dtype), column.to_list()] for column in answers.get_columns()]
    return hashlib.sha256(json.dumps(columns, default=str).encode()).hexdigest()


def _peak_memory() -> int:
    """Bytes of this process at its largest; 0 where the system does not say.

    Linux lets ``getrusage`` count the parent's memory too, as a process begins as its copy.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else 0
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
