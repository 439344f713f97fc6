"""Before a version serves: its first process answers the sample, and its twin is tried where it is to answer."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

from nbdeploy.environments.wanted import HERE
from nbdeploy.errors import RehearsalFailed
from nbdeploy.serving import messages
from nbdeploy.serving.link import Gone
from nbdeploy.serving.model_process import Prove, Proven
from nbdeploy.serving.supervisor.loading import Loaded, Nurseries
from nbdeploy.serving.supervisor.running import Process, Running
from nbdeploy.zygote import how_ended, kill

__all__ = ["prove"]

_log = logging.getLogger(__name__)

PROVE_SECONDS = 300.0
_TRIAL = "nbdeploy.serving.twins:prepare_trial"


def prove(running: Running, process: Process, folder: Path, nurseries: Nurseries) -> messages.Version:
    """Compare a version's answers to its sample, and learn how it is best asked.

    Parameters
    ----------
    running : Running
        The version.
    process : Process
        One of its processes, which nobody asks yet.
    folder : Path
        Where the twin is written.
    nurseries : Nurseries
        Where the process comes from that tries it, if it was made in another environment.

    Returns
    -------
    nbdeploy.serving.messages.Version
        What workers have to know of it.

    Raises
    ------
    RehearsalFailed
        If it does not answer, or answers differently here.
    """
    key, loaded, described = running.key, running.loaded, running.described
    twin = folder / f"{key.replace(':', '-')}.{process.pid}.twin"
    proven = _proven(key, loaded, process, twin)
    if proven.problem:
        raise RehearsalFailed(f"{key} cannot be served here: {proven.problem}", snapshot=key)
    if proven.difference:
        raise RehearsalFailed(
            f"{key} answers its own sample differently here ({proven.difference}), so it was refused; "
            "compare the versions of Python and its packages there and here, or serve with --isolate",
            snapshot=key,
        )
    why_not = proven.why_not
    if not why_not and proven.proof:
        why_not = _why_not_here(nurseries, twin, described.bundle, proven.proof, loaded.output)
    if why_not:
        _log.info("%s answers from its own process: %s", key, why_not)
    return replace(described, twin=twin if proven.twin and not why_not else None, batch_rows=proven.batch_rows)


def _proven(key: str, loaded: Loaded, process: Process, twin: Path) -> Proven:
    """Have the process prove itself; one that says nothing is killed."""
    try:
        process.link.send(Prove(str(twin), "" if loaded.python == sys.executable else HERE))
        if not process.link.waits(PROVE_SECONDS):
            kill(process.pid)
            raise RehearsalFailed(f"{key} did not answer its own sample within {PROVE_SECONDS:g} s")
        proven: Proven = process.link.receive()[0]
    except Gone:
        reason = how_ended(loaded.zygote.status_of(process.pid))
        raise RehearsalFailed(
            f"{key} cannot be served here: its process {reason} when it was given its sample"
        ) from None
    return proven


def _why_not_here(nurseries: Nurseries, twin: Path, bundle: Path, proof: str, output: int) -> str:
    """Try in a process of this environment whether a twin of another one answers the same; it may crash."""
    arguments: dict[str, object] = {"twin": twin, "bundle": bundle, "proof": proof}
    try:
        nurseries.start(_TRIAL, arguments, output, sys.executable).__exit__(None, None, None)
    except RehearsalFailed as error:
        twin.unlink(missing_ok=True)
        return str(error)
    return ""
