"""A new virtual environment, made of a bundle's requirements and what nbdeploy itself needs to load it."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

from nbdeploy.errors import RehearsalFailed
from nbdeploy.files import TemporaryFolder
from nbdeploy.types import Progress, Report

__all__ = ["OURS", "fresh_environment", "installer", "refused_package"]

OURS = frozenset(
    {"datasketches", "msgspec", "packaging", "platformdirs", "polars", "pyarrow", "pyyaml", "threadpoolctl", "treelite"}
)
"""The distributions that nbdeploy needs to load a bundle and answer its sample, by a twin if it has one."""

_PACKAGE = Path(__file__).parents[2]
_SECONDS = 1800


@contextlib.contextmanager
def fresh_environment(bundle: Path, progress: Report) -> Iterator[Path]:
    """Build a virtual environment from a bundle's requirements; it is gone afterwards.

    uv builds it if it is installed, Python's own ``venv`` and pip otherwise. nbdeploy is copied into it as it is
    here, so that exactly this version loads the bundle; what it needs is resolved together with the requirements.

    Parameters
    ----------
    bundle : Path
        The bundle's folder.
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
        ours = Path(temporary, "nbdeploy.txt")
        ours.write_text("\n".join(_our_needs()) + "\n")
        command, uv = installer(folder)
        progress(Progress(message=f"building a new environment with {'uv' if uv else 'pip'}"))
        _make(folder, uv)
        _run([*command, "-r", str(bundle / "requirements.txt"), "-r", str(ours)], bundle)
        site = next(folder.glob("lib*/python*/site-packages"), folder / "Lib" / "site-packages")
        shutil.copytree(_PACKAGE, site / "nbdeploy", ignore=shutil.ignore_patterns("__pycache__", "labextension"))
        yield _python(folder)


def installer(folder: Path) -> tuple[list[str], str | None]:
    """Return the command that installs into an environment, and where uv is, if it is."""
    uv = shutil.which("uv") or _uv_beside()
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(_python(folder))], uv
    return [str(_python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"], None


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


def _our_needs() -> list[str]:
    """What nbdeploy requires of those that loading a bundle needs."""
    try:
        needs = [Requirement(text) for text in requires("nbdeploy") or ()]
    except PackageNotFoundError:
        needs = []
    known = {need.name: f"{need.name}{need.specifier}" for need in needs if need.marker is None}
    return [known.get(name, name) for name in sorted(OURS)]


def _uv_beside() -> str | None:
    """Uv installed as a package of the running interpreter."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() else None


def _make(folder: Path, uv: str | None) -> None:
    if uv is None:
        venv.create(folder, with_pip=True)
    else:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], None)


def _run(command: list[str], bundle: Path | None) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RehearsalFailed(f"the environment was not built within {_SECONDS} s: {' '.join(command)}") from error
    if done.returncode:
        said = f"{done.stderr}\n{done.stdout}".strip()
        package = refused_package(said, (bundle / "requirements.txt").read_text()) if bundle else ""
        named = f": {package} cannot be installed" if package else ""
        raise RehearsalFailed(
            f"the environment of this snapshot cannot be built here{named}. What the installer said last: "
            f"{' '.join(said.split())[-600:]}",
            package=package,
        )


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
