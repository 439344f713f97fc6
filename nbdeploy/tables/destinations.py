"""Where the bytes of a table go: a file, an object store, standard output; compressed on the way."""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

from nbdeploy.errors import NotWritable, Unreachable, WrongUsage
from nbdeploy.files import replacing, writing
from nbdeploy.tables.places import Place

__all__ = ["Counted", "compressing", "destination"]

_BLOCK = 2**20


class Counted(io.RawIOBase):
    """Writes to another file, counts the bytes and takes their digest. Closing it does not close the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of what was written."""
        return self._digest.hexdigest()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, content: Any) -> int:
        """Append bytes."""
        self._file.write(content)
        self._digest.update(content)
        size = memoryview(content).nbytes
        self.size += size
        return size


class _Deflated(io.RawIOBase):
    """Compresses blocks of one size, so that how the bytes arrive leaves no trace."""

    def __init__(self, file: IO[bytes], codec: str) -> None:
        self._stream = pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), codec)
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._held += content
        whole = len(self._held) - len(self._held) % _BLOCK
        for start in range(0, whole, _BLOCK):
            self._stream.write(bytes(self._held[start : start + _BLOCK]))
        del self._held[:whole]
        return memoryview(content).nbytes

    def finish(self) -> None:
        """Write what is held, and the end."""
        self._stream.write(bytes(self._held))
        self._held.clear()
        self._stream.close()


@contextlib.contextmanager
def destination(place: Place) -> Iterator[IO[bytes]]:
    """Give an open file. What is written there appears under its name when the block succeeds, and not otherwise.

    Raises
    ------
    NotWritable
        If it cannot be written; what was there before is unchanged.
    Unreachable
        If the object store cannot be reached.
    """
    if place.web:
        raise WrongUsage(f"{place.name} cannot be written: tables are written to files and object stores")
    if place.path is not None:
        with replacing(place.path) as part, _closing(part.open("wb"), place) as file:
            yield file
    elif place.url is None:
        yield sys.stdout.buffer
        with writing(place.shown):
            sys.stdout.buffer.flush()
    else:
        # Bytes of an upload that is given up would lie about on the server; a file of ours goes by itself.
        with _closing(tempfile.TemporaryFile(), place) as file:
            yield file
            _put(file, place.url, place.name)


@contextlib.contextmanager
def compressing(file: IO[bytes], codec: str | None, place: Place) -> Iterator[IO[bytes]]:
    """Compress what is written into a file."""
    if codec is None:
        yield file
        return
    inside: Any = _Deflated(file, codec)
    try:
        yield inside
    finally:
        with writing(place.shown):
            inside.finish()


def _put(file: IO[bytes], url: str, name: str) -> None:
    import obstore
    from obstore.exceptions import BaseError

    from nbdeploy.buckets import opened, reason

    folder, _, last = url.rpartition("/")
    file.seek(0)
    try:
        obstore.put(opened(folder)[1], last, file, mode="overwrite")
    except (PermissionError, FileNotFoundError) as error:
        raise NotWritable(f"{name} could not be written: {reason(error, folder)}", url=name) from error
    except (BaseError, OSError) as error:
        raise Unreachable(f"{name} could not be written: {reason(error, folder)}", url=name) from error


@contextlib.contextmanager
def _closing(file: IO[bytes], place: Place) -> Iterator[IO[bytes]]:
    try:
        yield file
    finally:
        with writing(place.shown):
            file.close()
