"""Runs of shell scripts, queued as all runs are, and who starts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.starting import prepare_command
from nbdeploy.batch.record import Run
from nbdeploy.settings import Settings

__all__ = ["dispatchers", "queued"]


def queued(ledger: Ledger, settings: Settings, script: str = "true", **facts: Any) -> Run:
    """A run of a shell script that waits for its turn; nobody is told."""
    prepared = prepare_command(["/bin/sh", "-c", script], script, settings, cwd=Path.cwd(), output="out")
    run = replace(prepared.seal(ledger.url), **facts)
    ledger.add(run)
    return run


def dispatchers(settings: Settings) -> Iterable[psutil.Process]:
    """The dispatchers of a home."""
    for each in psutil.process_iter():
        try:
            words = each.cmdline()
        except psutil.Error:
            continue
        if words[-2:] == ["nbdeploy.batch.queue.dispatcher", str(settings.home)]:
            yield each
