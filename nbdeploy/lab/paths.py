"""Paths as JupyterLab writes them (below the server's root), and files on disk."""

from __future__ import annotations

import posixpath
from pathlib import Path

from nbdeploy.errors import InvalidName

__all__ = ["file_below", "opening", "path_below"]


def file_below(root: Path, path: str) -> Path:
    """The file that a path below the server's root means.

    Links are followed wherever they lead, as the file browser does: who may ask has a kernel too.

    Raises
    ------
    InvalidName
        If the path leaves the root.

    Examples
    --------
    >>> file_below(Path("/srv"), "reports/monthly.ipynb")
    PosixPath('/srv/reports/monthly.ipynb')
    """
    below = posixpath.normpath(path.strip("/"))
    if "\0" in path or below.partition("/")[0] == "..":
        raise InvalidName(f"path {path!r} is not below the server's root folder", path=path)
    return root / below


def path_below(root: Path, file: str | Path) -> str | None:
    """The path below the server's root under which JupyterLab opens a file; None if it lies elsewhere.

    Examples
    --------
    >>> path_below(Path("/srv"), "/srv/a/b.ipynb"), path_below(Path("/srv"), "/tmp/b.ipynb")
    ('a/b.ipynb', None)
    """
    try:
        return Path(file).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return None


def opening(root: Path, file: str | Path) -> str | None:
    """The path under which JupyterLab opens a file that is there; it opens no hidden ones."""
    path = path_below(root, file) if Path(file).is_file() else None
    return None if path is None or any(part.startswith(".") for part in path.split("/")) else path
