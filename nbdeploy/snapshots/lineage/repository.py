"""The commit that a notebook belongs to, and what was changed since."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["commit_of"]

_SECONDS = 3


def commit_of(folder: Path, notebook: Path | None = None) -> dict[str, Any]:
    """Ask git about the repository that a folder is in.

    Parameters
    ----------
    folder : Path
        Where the notebook is.
    notebook : Path, optional
        The notebook itself.

    Returns
    -------
    dict
        ``git_commit``, ``git_dirty``, ``git_changed_files`` (those that git knows), ``git_untracked_files`` and
        ``git_notebook`` (``committed``, ``changed`` or ``untracked``); empty where there is no repository or no commit.
    """
    told = _git(folder, "status", "--porcelain=v2", "--branch").split("\0")
    head = [line.removeprefix("# branch.oid ") for line in told if line.startswith("# branch.oid ")]
    if not head or head[0] == "(initial)":
        return {}
    changed = [line for line in told if line[:2] in {"1 ", "2 ", "u "}]
    facts: dict[str, Any] = {
        "git_commit": head[0],
        "git_dirty": bool(changed),
        "git_changed_files": len(changed),
        "git_untracked_files": sum(line.startswith("? ") for line in told),
    }
    if notebook is not None:
        path = _git(folder, "ls-files", "--full-name", "--", str(notebook.resolve())).rstrip("\0")
        edited = any(line.endswith(f" {path}") for line in changed)
        facts["git_notebook"] = "untracked" if not path else "changed" if edited else "committed"
    return facts


def _git(folder: Path, *words: str) -> str:
    """What git says, with a zero byte after each entry; nothing where it cannot."""
    command = ["git", "-C", str(folder), words[0], "-z", *words[1:]]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, env=environment)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""
