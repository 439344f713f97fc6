"""What object stores do, in folders: create if absent without hard links, take files over, find what was left."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

__all__ = ["create", "leftovers", "link", "links_work"]

# The names that obstore gives to files while they are written, and does not list.
_UNFINISHED = re.compile(r".*#[0-9]+|\.probe-.*")


def links_work(folder: Path) -> bool:
    """Whether the folder's file system has hard links, found by making one."""
    probe = folder / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
    link = Path(f"{probe}-link")
    try:
        probe.write_bytes(b"")
        os.link(probe, link)
    except OSError:
        return not probe.exists()  # a folder that takes no file at all says so itself
    finally:
        link.unlink(missing_ok=True)
        probe.unlink(missing_ok=True)
    return True


def create(path: Path, content: bytes) -> bool:
    """Create a file with this content unless there is one; return whether this call did.

    The name is taken by an empty file, which exactly one of many callers can create, and the whole content is then
    renamed onto it. So readers find nothing, the empty file, or all of it; a writer that is killed in between leaves
    an empty file, which means nothing and keeps its name taken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}#{secrets.randbelow(10**18)}")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
            part.replace(path)
            return True
        return False
    finally:
        part.unlink(missing_ok=True)


def link(path: Path, source: Path) -> bool:
    """Make a file another name of `source`, whatever was there; return whether this file system can."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}#{secrets.randbelow(10**18)}")
    try:
        os.link(source, part)
        part.replace(path)
    except OSError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def leftovers(folder: Path, before: float) -> Iterator[tuple[Path, int]]:
    """Yield files below a folder that a killed writer left unfinished, with their sizes in bytes.

    Parameters
    ----------
    folder : Path
        The store's folder.
    before : float
        Only those last written before this time, in seconds since 1970.
    """
    for path in folder.rglob("*"):
        if _UNFINISHED.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):  # it was finished meanwhile
                status = path.lstat()
                if path.is_file() and status.st_mtime <= before:
                    yield path, status.st_size
