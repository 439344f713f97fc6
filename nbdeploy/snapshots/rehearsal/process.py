"""The clean process of a rehearsal: ``python -P -m nbdeploy.snapshots.rehearsal.process FLAVOR``.

It imports what the flavor needs while the kernel still saves the model, then waits for one line of JSON on its
standard input: the bundle, a folder to answer in, and the packages that the model is made of. It loads the bundle as
any other machine would, without network and without the user's files, writes its answers, and then what it found out
about a compiled twin. If its standard input ends, its parent is gone, and so is it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from nbdeploy.snapshots.rehearsal.clean_process import ANSWERED, PROVEN
from nbdeploy.snapshots.rehearsal.denials import deny
from nbdeploy.snapshots.rehearsal.imports import Imports

__all__ = ["main"]


def main(flavor: str) -> int:
    """Get ready, wait for the task, do it, tell each part of it when it is done; return the exit status."""
    with Imports() as imports:
        _get_ready(flavor)
        line = sys.stdin.readline()
        if not line:
            return 1
        threading.Thread(target=_end_with_parent, daemon=True).start()
        task = json.loads(line)
        bundle, out = Path(task["bundle"]), Path(task["out"])
        deny([bundle, out])
        answered = _attempt(lambda: import_module("nbdeploy.snapshots.rehearsal.trial").try_out(bundle, out))
        prove = answered.pop("prove_twin", None)
        # In the kernel, __main__ was the notebook; here it is this program.
        roots = {*task["packages"], *answered.pop("modules", ())} - {"__main__"}
        answered["imports"] = imports.needed_by(roots)
    _tell(out / ANSWERED, answered)
    if prove is None:
        return 1
    # Last, so that neither its memory nor its imports count as the model's, and while the answers are compared.
    proven = _attempt(lambda: {"twin": prove(task["twin"]) if task["twin"] else {}})
    _tell(out / PROVEN, proven)
    return 1 if "error" in proven else 0


def _get_ready(flavor: str) -> None:
    """Import what takes long. What fails here fails again, and is told, when the bundle is loaded."""
    with contextlib.suppress(Exception):
        import_module("nbdeploy.flavors").FLAVORS[flavor].get_ready()
        import_module("nbdeploy.snapshots.rehearsal.trial")


def _attempt(task: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return task()
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}


def _tell(path: Path, result: dict[str, Any]) -> None:
    """Write a result, whole as soon as it is there."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(result))
    part.replace(path)


def _end_with_parent() -> None:
    """Nobody waits for the answer any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    status = main(sys.argv[1])
    sys.stderr.flush()
    os._exit(status)  # everything is told: taking a large model apart piece by piece would only take time
