"""An output where it stands, on this machine or in an object store, and the small file beside it."""

from __future__ import annotations

import os
from hashlib import file_digest
from pathlib import Path
from typing import Protocol, overload

from nbdeploy.errors import NotFound
from nbdeploy.files import write_atomically
from nbdeploy.offline.journal import is_url
from nbdeploy.tables import Identity
from nbdeploy.tables.destinations import destination
from nbdeploy.tables.places import Place, shown
from nbdeploy.tables.remote_origins import ObjectFile

__all__ = ["SUFFIX", "Stored", "digest_of", "is_same", "local", "place_beside", "stored"]

SUFFIX = ".nbdeploy.json"


class Stored(Protocol):
    """An output."""

    @property
    def name(self) -> str:
        """What it is called in messages; without passwords."""

    def identity(self) -> Identity | None:
        """Return what tells cheaply that it is another one; None if it is not there."""

    def sha256(self) -> str:
        """Return the digest of its bytes, in hexadecimal digits."""

    def read_beside(self) -> bytes | None:
        """Read the file beside it; None if there is none."""

    def write_beside(self, content: bytes) -> None:
        """Write the file beside it, wholly or not at all."""

    def remove(self) -> None:
        """Delete it, if it is there."""


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)

    def identity(self) -> Identity | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return Identity(status.st_size, status.st_mtime_ns)

    def sha256(self) -> str:
        return digest_of(self._path)

    def read_beside(self) -> bytes | None:
        try:
            return place_beside(self._path).read_bytes()
        except FileNotFoundError:
            return None

    def write_beside(self, content: bytes) -> None:
        write_atomically(place_beside(self._path), content)

    def remove(self) -> None:
        self._path.unlink(missing_ok=True)


class _Object:
    def __init__(self, url: str) -> None:
        self._url = url
        self.name = shown(url)

    def identity(self) -> Identity | None:
        try:
            return ObjectFile(self._url).identity()
        except NotFound:
            return None

    def sha256(self) -> str:
        return str(ObjectFile(self._url).sha256())

    def read_beside(self) -> bytes | None:
        beside = ObjectFile(place_beside(self._url))
        try:
            return beside.at(0, beside.size() or 0)
        except NotFound:
            return None

    def write_beside(self, content: bytes) -> None:
        with destination(Place(None, place_beside(self._url), "json")) as file:
            file.write(content)

    def remove(self) -> None:
        ObjectFile(self._url).remove()


def stored(out: str | Path) -> Stored:
    """Return an output where it stands.

    Examples
    --------
    >>> stored("s3://bucket/scores.csv").name
    's3://bucket/scores.csv'
    """
    return _Object(str(out)) if is_url(out) else _File(Path(out))


@overload
def place_beside(out: Path) -> Path: ...
@overload
def place_beside(out: str) -> str: ...
def place_beside(out: Path | str) -> Path | str:
    """Where the provenance of an output is.

    Examples
    --------
    >>> place_beside(Path("scores.csv")), place_beside("s3://bucket/scores.csv")
    (PosixPath('scores.csv.nbdeploy.json'), 's3://bucket/scores.csv.nbdeploy.json')
    """
    return out + SUFFIX if isinstance(out, str) else out.with_name(out.name + SUFFIX)


def local(place: str | Path) -> str | Path:
    """Return the address of a file of this machine as a path, and any other place as it is.

    Examples
    --------
    >>> local("file:///tmp/scores.csv"), local("s3://bucket/scores.csv")
    ('/tmp/scores.csv', 's3://bucket/scores.csv')
    """
    return place.removeprefix("file://") if isinstance(place, str) else place


def is_same(one: str | Path, other: str | Path) -> bool:
    """Whether two places are one, by whatever path."""
    if is_url(one) or is_url(other):
        return str(one) == str(other)
    there = Path(one).exists() and Path(other).exists()
    return Path(one).samefile(other) if there else os.path.realpath(one) == os.path.realpath(other)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
