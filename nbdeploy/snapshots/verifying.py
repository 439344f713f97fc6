"""Proving a stored snapshot once more, wherever it is by now."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from nbdeploy.bundles import Bundle, Trust
from nbdeploy.bundles.rows import expected_rows, sample_rows
from nbdeploy.compare import ROUNDING
from nbdeploy.environments import fresh_environment
from nbdeploy.snapshots.rehearsal.clean_process import CleanProcess
from nbdeploy.snapshots.rehearsal.rehearse import Rehearsal, rehearse
from nbdeploy.store import Store, Version
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["verify"]


def verify(
    store: Store,
    version: Version,
    trust: Trust,
    fresh: bool = False,
    progress: Report = ignore_progress,
) -> Rehearsal:
    """Rehearse a stored snapshot again, on this machine, in a clean process.

    Floats may differ by rounding: last bits change between processors. What its author declared counts, where that is
    more.

    Parameters
    ----------
    store : Store
        Where it is.
    version : Version
        Which one.
    trust : Trust
        Whose snapshots may be loaded, and whether their code may run.
    fresh : bool
        Whether to rehearse in a new virtual environment, made of nothing but its requirements.
    progress : callable
        Told what happens.

    Raises
    ------
    Corrupted
        If a file was changed.
    Forbidden
        If it carries code that may not run here, or is not signed as it must be.
    RehearsalFailed
        If it answers differently here, or its environment cannot be built.
    """
    progress(Progress(0, 2, message="checking every file"))
    store.check(version)
    bundle = Bundle(store.open(version), store.manifest(version))
    trust.check(bundle.manifest, lambda: bundle.signature)
    declared = bundle.manifest.parsed_record.rehearsal.tolerance or 0.0
    rows = (sample_rows(bundle), expected_rows(bundle), max(ROUNDING, declared))
    with contextlib.ExitStack() as stack:
        python = stack.enter_context(fresh_environment(bundle, progress)) if fresh else None
        progress(Progress(1, 2, message="rehearsing in a clean process"))
        process = stack.enter_context(CleanProcess(bundle.content.flavor, python))
        rehearsal = rehearse(bundle.path, *rows, process)
    progress(Progress(2, 2, message="proven again"))
    return replace(rehearsal, environment="new" if fresh else "")
