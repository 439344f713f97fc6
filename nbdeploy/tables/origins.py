"""Where the bytes of a table come from: a file, standard input, what is compressed in others."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa

from nbdeploy.errors import InvalidData
from nbdeploy.tables.protocol import Identity

__all__ = [
    "BLOCK",
    "Compressed",
    "Content",
    "ForwardOnly",
    "LocalFile",
    "Origin",
    "StandardInput",
    "digested",
    "for_arrow",
    "ranges",
    "seekable",
]

BLOCK = 2**20


class Origin(Protocol):
    """Bytes to read. It can be pickled; a copy in another process reads the same."""

    name: str
    """For messages, without passwords."""

    ranged: bool
    """Whether any range of the bytes can be read."""

    once: bool
    """Whether the bytes can be read only once."""

    ahead: int
    """How many bytes are fetched at once by those who read on and on."""

    def size(self) -> int | None:
        """Return the number of bytes, if it is known."""

    def at(self, place: int, size: int) -> bytes:
        """Return `size` bytes from `place`, fewer only at the end. For ranged origins."""

    def open(self) -> IO[bytes]:
        """Read forward from the first byte."""

    def identity(self) -> Identity:
        """See :class:`nbdeploy.tables.Source`."""

    def sha256(self) -> str | None:
        """See :class:`nbdeploy.tables.Source`."""


class LocalFile:
    """A file. See :class:`Origin`.

    It is read, not mapped into memory: a mapped file that somebody else cuts short ends the process.
    """

    ranged, once, ahead = True, False, 0

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = str(path)

    def __reduce__(self) -> Any:
        return LocalFile, (self.path,)

    def __del__(self) -> None:
        if "_descriptor" in self.__dict__:
            os.close(self._descriptor)

    def size(self) -> int | None:
        """Return the file's size."""
        return os.fstat(self._descriptor).st_size

    def at(self, place: int, size: int) -> bytes:
        """Return bytes of the file."""
        with _readable(self.name):
            return os.pread(self._descriptor, size, place)

    def open(self) -> IO[bytes]:
        """Read the file from its first byte."""
        return ranges(self)

    def identity(self) -> Identity:
        """Return size and time of the file."""
        with _readable(self.name):
            status = self.path.stat()
        return Identity(status.st_size, status.st_mtime_ns)

    def sha256(self) -> str | None:
        """Return the digest of the file."""
        with _readable(self.name), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @cached_property
    def _descriptor(self) -> int:
        with _readable(self.name):
            return os.open(self.path, os.O_RDONLY)


class Content:
    """Bytes at hand. See :class:`Origin`."""

    ranged, once, ahead = True, False, 0

    def __init__(self, content: bytes, name: str) -> None:
        self._content = content
        self.name = name

    def size(self) -> int | None:
        """Return how many they are."""
        return len(self._content)

    def at(self, place: int, size: int) -> bytes:
        """Return some of them."""
        return self._content[place : place + size]

    def open(self) -> IO[bytes]:
        """Read them from the first."""
        return io.BytesIO(self._content)

    def identity(self) -> Identity:
        """Return how many they are."""
        return Identity(len(self._content))

    def sha256(self) -> str | None:
        """Return their digest."""
        return hashlib.sha256(self._content).hexdigest()


class ForwardOnly:
    """The common part of origins that are read from their first byte on. See :class:`Origin`."""

    ranged = False
    once = False
    ahead = 0
    name: str

    def size(self) -> int | None:
        """Return nothing: it is known when it is read."""
        return None

    def at(self, _place: int, _size: int) -> bytes:
        """Refuse."""
        raise InvalidData(f"{self.name} can be read only forward")

    def identity(self) -> Identity:
        """Return nothing."""
        return Identity()


class _Digested(io.RawIOBase):
    """Reads from another reader, and takes the digest of what it has read."""

    def __init__(self, file: Any, done: Callable[[str], None]) -> None:
        self._file, self._done, self._digest = file, done, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        piece = self._file.read(len(target))
        self._digest.update(piece)
        if not piece:
            self._done(self._digest.hexdigest())
        target[: len(piece)] = piece
        return len(piece)


class StandardInput(ForwardOnly):
    """What is piped into this process. See :class:`Origin`."""

    name, once = "standard input", True

    def __init__(self) -> None:
        self._sha256: str | None = None

    def open(self) -> IO[bytes]:
        """Read from the process's standard input."""
        return digested(sys.stdin.buffer, self._digested)

    def sha256(self) -> str | None:
        """Return the digest of what was read, if it was read to its end."""
        return self._sha256

    def _digested(self, digest: str) -> None:
        self._sha256 = digest


class Compressed(ForwardOnly):
    """What is in a compressed file. See :class:`Origin`; the digest is that of the compressed bytes.

    Parameters
    ----------
    inside : Origin
        The compressed bytes.
    codec : str
        ``gzip`` or ``zstd``.
    """

    def __init__(self, inside: Origin, codec: str) -> None:
        self.inside, self.codec = inside, codec
        self.name, self.once = inside.name, inside.once

    def open(self) -> IO[bytes]:
        """Read forward."""
        return io.BufferedReader(_Inflated(self.inside.open(), self.codec, self.name), BLOCK)

    def identity(self) -> Identity:
        """Return that of the compressed bytes."""
        return self.inside.identity()

    def sha256(self) -> str | None:
        """Return that of the compressed bytes."""
        return self.inside.sha256()


class _Inflated(io.RawIOBase):
    def __init__(self, file: IO[bytes], codec: str, name: str) -> None:
        self._name, self._codec = name, codec
        self._file = file
        self._stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        try:
            piece = self._stream.read(len(target))
        except (OSError, pa.ArrowException) as error:
            raise InvalidData(f"{self._name} is damaged: {error} ({self._codec})", path=self._name) from error
        target[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        self._file.close()
        super().close()


class _Ranges(io.RawIOBase):
    """Any range of an origin, as a file."""

    def __init__(self, origin: Origin) -> None:
        self._origin, self._place, self._size = origin, 0, origin.size() or 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def readinto(self, target: Any) -> int:
        piece = self._origin.at(self._place, len(target))
        target[: len(piece)] = piece
        self._place += len(piece)
        return len(piece)


def digested(file: Any, done: Callable[[str], None]) -> IO[bytes]:
    """Read on from another reader, and tell the digest of what was read when it ends."""
    return io.BufferedReader(_Digested(file, done), BLOCK)


def ranges(origin: Origin) -> IO[bytes]:
    """Open an origin that is ranged as a file."""
    return io.BufferedReader(_Ranges(origin), BLOCK)


def seekable(origin: Origin) -> IO[bytes]:
    """Open an origin so that any part of it can be read; what can be read only forward is copied to a hidden file."""
    return ranges(origin if origin.ranged else _spooled(origin))


def for_arrow(origin: Origin) -> Any:
    """Open an origin so that Arrow can read any part of it."""
    with _readable(origin.name):
        return pa.OSFile(str(origin.path)) if isinstance(origin, LocalFile) else pa.PythonFile(seekable(origin), "r")


def _spooled(origin: Origin) -> LocalFile:
    """Copy an origin to a file that has no name and goes when nobody reads it any more."""
    with tempfile.NamedTemporaryFile(prefix="nbdeploy-") as copy:
        with origin.open() as file:
            shutil.copyfileobj(file, copy, BLOCK)
        copy.flush()
        spooled = LocalFile(Path(copy.name))
        spooled.size()  # opens it
        return spooled


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InvalidData(f"{name} cannot be read: {error.strerror or error}", path=name) from error
