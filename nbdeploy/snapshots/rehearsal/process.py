"""The clean process of a rehearsal: ``python -P -m nbdeploy.snapshots.rehearsal.process FLAVOR``.

It imports what the flavor needs while the kernel still saves the model, then waits for one line of JSON on its
standard input: the bundle, a folder to answer in, and the packages that the model is made of. It loads the bundle as
any other machine would, without network and without the user's files. If its standard input ends, its parent is gone,
and so is it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from nbdeploy.snapshots.rehearsal.denials import deny
from nbdeploy.snapshots.rehearsal.imports import Imports

__all__ = ["main"]


def main(flavor: str) -> int:
    """Get ready, wait for the task, do it, write ``result.json``; return the exit status."""
    with Imports() as imports:
        _get_ready(flavor)
        line = sys.stdin.readline()
        if not line:
            return 1
        threading.Thread(target=_end_with_parent, daemon=True).start()
        task = json.loads(line)
        result = _perform(Path(task["bundle"]), Path(task["out"]), task["twin"])
        # In the kernel, __main__ was the notebook; here it is this program.
        roots = {*task["packages"], *result.pop("modules", ())} - {"__main__"}
        result["imports"] = imports.needed_by(roots)
    Path(task["out"], "result.json").write_text(json.dumps(result))
    return 1 if "error" in result else 0


def _get_ready(flavor: str) -> None:
    """Import what takes long. What fails here fails again, and is told, when the bundle is loaded."""
    with contextlib.suppress(Exception):
        import_module("nbdeploy.snapshots.rehearsal.trial")
        import_module("nbdeploy.flavors").FLAVORS[flavor].get_ready()


def _perform(bundle: Path, out: Path, twin: bool | str) -> dict[str, Any]:
    deny([bundle, out])
    try:
        from nbdeploy.snapshots.rehearsal.trial import try_out

        return try_out(bundle, out, twin)
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}


def _end_with_parent() -> None:
    """Nobody waits for the answer any more."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
