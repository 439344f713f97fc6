"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import contextlib
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from nbdeploy.errors import NotWritable

__all__ = ["TemporaryFolder", "forget_parts", "replacing", "sync", "write_atomically", "write_file", "writing"]

_OWNER = stat.S_IRUSR | stat.S_IWUSR


class TemporaryFolder(TemporaryDirectory[str]):
    """A folder that is gone after the block, also where an interrupt hits its removal."""

    def cleanup(self) -> None:
        """Remove the folder and all that is in it."""
        try:
            super().cleanup()
        except KeyboardInterrupt:
            super().cleanup()
            raise


@contextlib.contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it onto `path` if the block succeeds.

    A link is written through. What the block raises is its own matter: it writes inside :func:`writing`.

    Parameters
    ----------
    path : Path
        The file to create or replace. Its folder is made.
    mode : int, optional
        Permission bits of the new file; by default those of the file it replaces, or what the system gives new
        files. At no moment may others do more than they say.

    Raises
    ------
    NotWritable
        If the folder or file cannot be written, or the disk is full. Whatever was at `path` is unchanged.
    """
    with writing(path):
        place = Path(os.path.realpath(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        bits = _bits_of(place) if mode is None else mode
        part = place.with_name(f".{place.name}.{secrets.token_hex(8)}.part")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if bits is None else bits | _OWNER))
    try:
        yield part
        with writing(path):
            sync(part)
            if bits is not None:
                part.chmod(bits)
            part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def forget_parts(path: Path) -> None:
    """Delete what killed processes left of a file that they were about to write; nobody else may be writing it."""
    place = Path(os.path.realpath(path))
    with contextlib.suppress(OSError):
        for part in place.parent.glob(f".{glob.escape(place.name)}.{'[0-9a-f]' * 16}.part"):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Say of an ``OSError`` in the block that `path` could not be written.

    Raises
    ------
    NotWritable
        With the system's reason.
    """
    try:
        yield
    except OSError as error:
        raise NotWritable(
            f"{path} could not be written: {error.strerror or error}; nothing was changed", path=str(path)
        ) from error


def write_atomically(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write `content` to `path` whole or not at all. See :func:`replacing`."""
    with replacing(path, mode) as part, writing(path):
        part.write_bytes(content)


def write_file(path: Path, content: bytes) -> None:
    """Write `content` to `path`, where nobody looks yet: the folders above it are made, and a failure leaves a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _bits_of(path: Path) -> int | None:
    return stat.S_IMODE(path.stat().st_mode) & 0o777 if path.exists() else None


def sync(path: Path) -> None:
    """Let the disk have a file or a folder before anybody hears of it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
