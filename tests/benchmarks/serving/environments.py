"""An environment per server, kept in a folder from run to run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

__all__ = ["NotInstalled", "environment"]


class NotInstalled(Exception):
    """A server's packages cannot be installed here; the text says why."""


def environment(folder: Path, name: str, requirements: Sequence[str]) -> Path:
    """Return the interpreter of an environment that has some packages, made by uv if there is one, else by venv.

    scikit-learn is the one that trained the models, so that what differs is the servers.

    Raises
    ------
    NotInstalled
        If they cannot be installed.
    """
    place = folder / name
    python = place / "bin" / "python"
    wanted = sorted([*requirements, "joblib", f"scikit-learn=={version('scikit-learn')}"])
    done = place / "installed.txt"
    if done.exists() and done.read_text().split() == wanted:
        return python
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        venv.create(place, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
    else:
        _ran([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(place)])
        install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    _ran(["nice", "-n", "19", *install, *wanted])
    done.write_text("\n".join(wanted))
    return python


def _ran(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled((done.stderr or done.stdout).strip().splitlines()[-1][:300])
