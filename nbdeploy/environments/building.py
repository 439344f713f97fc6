"""A new virtual environment, made of a bundle's requirements and what nbdeploy itself needs to load it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nbdeploy.bundles import Bundle
from nbdeploy.environments.wanted import HERE, Wanted, our_needs
from nbdeploy.errors import RehearsalFailed
from nbdeploy.files import TemporaryFolder, writing
from nbdeploy.types import Progress, Report

__all__ = ["build", "fresh_environment", "link_ours", "python_in", "refused_package"]

_PACKAGE = Path(__file__).parents[1]
_SECONDS = 1800


@contextlib.contextmanager
def fresh_environment(bundle: Bundle, progress: Report) -> Iterator[Path]:
    """Build a virtual environment from a bundle's requirements, for the running Python; it is gone afterwards.

    Parameters
    ----------
    bundle : Bundle
        The bundle.
    progress : callable
        Told what happens.

    Yields
    ------
    Path
        The interpreter of the environment.

    Raises
    ------
    RehearsalFailed
        If it cannot be built, naming the package.
    """
    with TemporaryFolder(prefix="nbdeploy-env-") as temporary:
        folder = Path(temporary, "env")
        build(folder, replace(Wanted.by(bundle.path, bundle.content), python=HERE), progress)
        yield python_in(folder)


def build(folder: Path, wanted: Wanted, progress: Report) -> None:
    """Make a virtual environment in a new folder.

    uv builds it if it is installed, Python's own ``venv`` and pip otherwise. What nbdeploy needs is resolved together
    with the requirements: in the versions that are here, unless those want others. nbdeploy itself is a link to its
    package here: exactly this version loads the bundle, no index has to have it, and nothing else of the packages
    here can be imported.

    Parameters
    ----------
    folder : Path
        Where; what a failure leaves there is the caller's to remove.
    wanted : Wanted
        Python and packages.
    progress : callable
        Told what happens.

    Raises
    ------
    RehearsalFailed
        If it cannot be built, naming the package.
    NotWritable
        If the disk is full.
    """
    uv = shutil.which("uv") or _uv_beside()
    progress(Progress(message=f"building a new environment with {'uv' if uv else 'pip'}"))
    _make(folder, wanted.python, uv)
    python = str(python_in(folder))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command = [uv, "pip", "install", "--quiet", "--python", python] if uv else pip
    given = folder / "wanted.txt"
    for exact in (True, False):
        with writing(given):
            given.write_text("\n".join([*wanted.lines, *our_needs(exact, wanted.lines)]) + "\n")
        try:
            _run([*command, "-r", str(given)], wanted.lines)
            break
        except RehearsalFailed:
            if not exact:
                raise
    with writing(folder):
        link_ours(folder)


def link_ours(folder: Path) -> None:
    """Let an environment import this nbdeploy, wherever it is installed by now."""
    link = next(folder.glob("lib*/python*/site-packages"), folder / "Lib" / "site-packages") / "nbdeploy"
    if link.is_symlink():
        if link.exists() and link.samefile(_PACKAGE):
            return
        link.unlink()
    try:
        link.symlink_to(_PACKAGE, target_is_directory=True)
    except FileExistsError:
        return
    except OSError:  # a system where links are a privilege
        shutil.copytree(_PACKAGE, link, ignore=shutil.ignore_patterns("__pycache__", "labextension"))


def python_in(folder: Path) -> Path:
    """Return the interpreter of an environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def refused_package(said: str, requirements: str) -> str:
    r"""Find which of the requirements an installer complains about.

    Examples
    --------
    >>> refused_package("ERROR: No matching distribution found for six==99", "numpy==2.4\nsix==99\n")
    'six==99'
    """
    for line in requirements.splitlines():
        name = re.split(r"[\[=@ ]", line, maxsplit=1)[0]
        if (
            name
            and not line.startswith("#")
            and re.search(rf"(?<![\w-]){re.escape(name)}\s*(\[[^\]]*\])?\s*(==|@)", said)
        ):
            return line
    return ""


def _uv_beside() -> str | None:
    """Uv installed as a package of the running interpreter."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else None


def _make(folder: Path, python: str, uv: str | None) -> None:
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", sys.executable if python == HERE else python, str(folder)])
    elif python == HERE:
        venv.create(folder, with_pip=True)
    else:
        raise RehearsalFailed(
            f"this snapshot was proven with Python {python}, and here is {HERE}: install uv (pip install uv), which "
            "finds or fetches other versions of Python"
        )


def _run(command: list[str], requirements: tuple[str, ...] = ()) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RehearsalFailed(f"the environment was not built within {_SECONDS} s: {' '.join(command)}") from error
    if done.returncode:
        said = f"{done.stderr}\n{done.stdout}".strip()
        package = refused_package(said, "\n".join(requirements))
        named = f": {package} cannot be installed" if package else ""
        raise RehearsalFailed(
            f"the environment of this snapshot cannot be built here{named}. What the installer said last: "
            f"{' '.join(said.split())[-600:]}",
            package=package,
        )
