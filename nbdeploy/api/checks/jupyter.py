"""The Deploy panel in JupyterLab, and the kernel that notebooks run in."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from nbdeploy.api.checks.finding import Finding
from nbdeploy.settings import Settings
from nbdeploy.version import __version__

__all__ = ["kernel", "panel"]

_INSTALL = f"{sys.executable} -m pip install --force-reinstall --no-deps nbdeploy, then start JupyterLab anew"


def panel(_: Settings) -> list[Finding]:
    """Whether JupyterLab finds the panel, of this version, and its server the routes that it calls."""
    from jupyter_core.paths import jupyter_config_path, jupyter_path

    built = _first(jupyter_path("labextensions"), "nbdeploy/package.json")
    if built is None:
        return [Finding("panel", "JupyterLab does not find the Deploy panel", _INSTALL)]
    found = str(json.loads(built.read_text(encoding="utf-8")).get("version", ""))
    if _comparable(found) != _comparable(__version__):
        return [Finding("panel", f"the panel is of nbdeploy {found}, and this is {__version__}", _INSTALL)]
    named = [Path(folder, "jupyter_server_config.d", "nbdeploy.json") for folder in jupyter_config_path()]
    enabled = [_enabled(path) for path in named if path.exists()]
    if not enabled or not enabled[0]:
        step = "jupyter server extension enable nbdeploy.lab"
        return [Finding("panel", "the panel is installed, but its server extension is not enabled", step)]
    return [Finding("panel", f"{built.parent}, its server extension is enabled")]


def kernel(_: Settings) -> list[Finding]:
    """Whether notebooks can run in this Python, where nbdeploy is."""
    from jupyter_client.kernelspec import KernelSpecManager

    found: dict[str, Any] = KernelSpecManager().get_all_specs()
    programs = {name: _program(spec["spec"]["argv"]) for name, spec in found.items() if spec["spec"].get("argv")}
    own = [name for name, program in programs.items() if program and _folder(program) == _folder(sys.executable)]
    gone = [name for name, program in programs.items() if program is None]
    if not own:
        step = f"{sys.executable} -m ipykernel install --user --name nbdeploy"
        return [Finding("kernel", f"no kernel runs in {sys.executable}; there are: {', '.join(found) or 'none'}", step)]
    if gone:
        step = f"jupyter kernelspec remove {gone[0]}"
        return [Finding("kernel", f"the Python of kernel {gone[0]} is not there any more", step)]
    return [Finding("kernel", f"{own[0]} runs in {sys.executable}")]


def _program(argv: list[str]) -> str | None:
    """What Jupyter would start: it takes a bare ``python`` for its own."""
    bare = {"python", f"python{sys.version_info.major}", f"python{sys.version_info.major}.{sys.version_info.minor}"}
    return sys.executable if argv[0] in bare else shutil.which(argv[0])


def _folder(program: str) -> Path:
    """Environments share one interpreter by links, and differ by where the link is."""
    return Path(program).absolute().parent.resolve()


def _first(folders: list[str], name: str) -> Path | None:
    return next((Path(folder, name) for folder in folders if Path(folder, name).exists()), None)


def _enabled(path: Path) -> bool:
    try:
        extensions = json.loads(path.read_text(encoding="utf-8"))["ServerApp"]["jpserver_extensions"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(extensions.get("nbdeploy.lab"))


def _comparable(version: str) -> str:
    """Npm writes ``1.0.0-dev.1`` what Python writes ``1.0.0.dev1``."""
    return "".join(character for character in version if character.isalnum())
