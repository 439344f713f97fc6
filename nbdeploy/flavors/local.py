"""Which imported modules are the user's own files, beside the notebook, and travel with a snapshot."""

from __future__ import annotations

import functools
import json
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

__all__ = ["CAPTURED", "is_local", "is_local_file"]

CAPTURED = re.compile(r"nbdeploy_[0-9a-f]{12}")
"""Names of captured modules."""


def is_local(module: str) -> bool:
    """Whether an imported module is a file of the user's own: neither installed nor Python's.

    Parameters
    ----------
    module : str
        Its full name, for example ``features.text``.

    Examples
    --------
    >>> is_local("json"), is_local("pandas.core.frame"), is_local("nbdeploy.flavors")
    (False, False, False)
    """
    top = module.partition(".")[0]
    if top in sys.builtin_module_names or top in {"__main__", "nbdeploy"} or CAPTURED.fullmatch(top):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return isinstance(file, str) and is_local_file(top, file)


@functools.lru_cache(maxsize=4096)
def is_local_file(top: str, file: str) -> bool:
    """Whether the source file of a module below the top-level name `top` is the user's own."""
    if not file.endswith(".py") or top == "nbdeploy":
        return False
    path = Path(file).resolve()
    if any(path.is_relative_to(folder) for folder in _installed_folders()):
        return False
    return not any(
        path.is_relative_to(root) and (top in names or _is_on_path_file(path, folder))
        for root, names, folder in _editable()
    )


@functools.cache
def _installed_folders() -> frozenset[Path]:
    """Folders of Python's own modules and of installed packages."""
    paths = sysconfig.get_paths()
    folders = [*(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")), site.getusersitepackages()]
    on_path = [entry for entry in sys.path if Path(entry).name in {"site-packages", "dist-packages"}]
    return frozenset(Path(folder).resolve() for folder in [*folders, *site.getsitepackages(), *on_path])


@functools.cache
def _editable() -> tuple[tuple[Path, frozenset[str], Path], ...]:
    """Of each editable install: its project, the top-level modules it is known to have, where its metadata is."""
    return tuple(_editable_installs())


def _editable_installs() -> Iterator[tuple[Path, frozenset[str], Path]]:
    for installed in distributions():
        document = json.loads(installed.read_text("direct_url.json") or "{}")
        if document.get("dir_info", {}).get("editable"):
            root = Path(url2pathname(urlparse(document["url"]).path)).resolve()
            yield root, _top_level(installed), Path(str(installed.locate_file(""))).resolve()


def _top_level(installed: Distribution) -> frozenset[str]:
    known = (installed.read_text("top_level.txt") or "").split()
    return frozenset([*known, canonicalize_name(installed.metadata["Name"]).replace("-", "_")])


def _is_on_path_file(path: Path, folder: Path) -> bool:
    """Whether a ``.pth`` file of an editable install puts a module's folder on the path, and nothing else does."""
    lines = {
        line.strip() for file in folder.glob("*editable*.pth") for line in file.read_text(errors="replace").splitlines()
    }
    listed = [Path(line).resolve() for line in lines if line.startswith("/") or Path(line).is_absolute()]
    started_in = Path(sys.path[0] or ".").resolve() if sys.path else Path.cwd()
    return any(path.is_relative_to(entry) and entry != started_in for entry in listed)
