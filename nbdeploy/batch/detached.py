"""Processes of ours that belong to nobody: neither to the run that may have asked for them, nor to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from nbdeploy.survival import survivor

__all__ = ["last_words", "start_detached"]

_SAID = 2000
"""Characters of a log that a message has room for."""


def start_detached(words: Sequence[str], db: str, log: Path, cwd: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a module of ours that outlives this process.

    Parameters
    ----------
    words : sequence of str
        The module, and its arguments.
    db : str
        The database, with its password.
    log : Path
        What it says is added there; nobody else can read it.
    cwd : Path, optional
        Where it works; the working directory by default.
    """
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", *words],
            cwd=cwd,
            env={**survivor(), "NBDEPLOY_DB": db},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, name=f"{words[0]} is waited for", daemon=True).start()
    return process


def last_words(log: Path) -> str:
    """The end of what such a process has said."""
    return log.read_text(encoding="utf-8", errors="replace")[-_SAID:].strip()
