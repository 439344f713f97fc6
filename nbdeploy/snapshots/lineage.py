"""Where a snapshot comes from: the notebook and the commit."""

from __future__ import annotations

import os
import subprocess
import sys

__all__ = ["lineage"]


def lineage() -> dict[str, str]:
    """Return what is known: ``notebook`` (or script) and ``git_commit``."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    notebook = os.environ.get("JPY_SESSION_NAME") or (script if script and "ipykernel" not in script else None)
    facts = {"notebook": str(notebook or ""), "git_commit": _commit()}
    return {key: value for key, value in facts.items() if value}


def _commit() -> str:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
