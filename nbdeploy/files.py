"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nbdeploy.errors import NotWritable

__all__ = ["replacing", "write_atomically"]


@contextlib.contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it onto `path` if the block succeeds.

    Parameters
    ----------
    path : Path
        The file to create or replace. Its folder is made.
    mode : int, optional
        Permission bits of the new file; what the system gives new files by default.

    Raises
    ------
    NotWritable
        If the folder or file cannot be written, or the disk is full. Whatever was at `path` is unchanged.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(descriptor)
        temporary = Path(name)
        yield temporary
        temporary.chmod(_usual_mode() if mode is None else mode)
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise NotWritable(
            f"{path} could not be written: {error.strerror or error}; nothing was changed", path=str(path)
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write `content` to `path` whole or not at all. See :func:`replacing`."""
    with replacing(path, mode) as temporary:
        temporary.write_bytes(content)


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
