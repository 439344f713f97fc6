"""Files and folders as they are now, for what reads them later."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from nbdeploy.errors import NotFound, WrongUsage

__all__ = ["copy", "copyable", "existing"]


def existing(path: str | Path) -> Path:
    """Return a file or folder that is there.

    Raises
    ------
    NotFound
        If it is not; with what is beside its place.
    """
    found = Path(path).expanduser()
    if not found.exists():
        beside = [str(file) for file in found.parent.glob("*")] if found.parent.is_dir() else []
        raise NotFound("file or folder", str(path), beside)
    return found


def copyable(path: str | Path, what: str) -> Path:
    """Return a file or folder that can be copied: a pipe would be waited for, and a device has no end.

    Parameters
    ----------
    path : str or Path
        The file or folder.
    what : str
        What it is to be, for the message.

    Raises
    ------
    NotFound
        If there is none.
    WrongUsage
        If it is something else, or holds something else.
    """
    found = existing(path)
    inside = (Path(place, name) for place, _, files in os.walk(found) for name in files)
    for file in [found, *inside]:
        if not (file.is_file() or file.is_dir()):
            raise WrongUsage(f"{file} is neither a file nor a folder, and cannot be {what}")
    return found


def copy(source: Path, place: Path) -> None:
    """Copy a file, or a folder with what its links point to."""
    if source.is_dir():
        shutil.copytree(source, place)
    else:
        shutil.copy2(source, place)
