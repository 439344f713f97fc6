"""Files of bundles, stored once under their SHA-256, whichever snapshots have them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nbdeploy.errors import Corrupted, NotFound
from nbdeploy.manifest import sha256
from nbdeploy.store.objects import Listed, Objects

__all__ = ["FOLDER", "Blobs", "place"]

FOLDER = "blobs/sha256"
_NAME = re.compile(r"[0-9a-f]{2}/([0-9a-f]{64})")
_LARGE = 64 * 2**20  # smaller ones go whole: nothing is left of them in a bucket if their writer is killed


class Blobs:
    """The blobs of a store.

    Parameters
    ----------
    objects : Objects
        Where they are kept.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def put(self, digest: str, source: bytes | Path, link: bool = False) -> None:
        """Store a blob, or mend it where it is damaged. A large file goes from the disk in pieces.

        Parameters
        ----------
        digest : str
            Its SHA-256.
        source : bytes or Path
            The content, or the file that has it.
        link : bool
            Whether a large file may become the blob as it is: the caller has just found this digest in it, and nobody
            will write to it any more.

        Raises
        ------
        Corrupted
            If the content has another digest.
        """
        large = source if isinstance(source, Path) and source.stat().st_size > _LARGE else None
        if link and large and self._objects.take(place(digest), large):
            return
        found = sha256(source)
        if found != digest:
            raise Corrupted(f"blob sha256:{digest} arrived with digest sha256:{found}; send it again")
        if isinstance(source, Path) and large is None:
            source = source.read_bytes()
        if isinstance(source, bytes) and self._objects.create(place(digest), source):
            return
        if not self.is_sound(digest):
            self._objects.replace(place(digest), source)

    def read(self, digest: str) -> bytes:
        """Return a blob.

        Raises
        ------
        Corrupted
            If it is missing, or its bytes have another digest.
        """
        content = self._found(digest)
        self._compare(digest, sha256(content))
        return content

    def save(self, digest: str, path: Path) -> None:
        """Write a blob into a new file, piece by piece.

        Raises
        ------
        Corrupted
            If it is missing, or its bytes have another digest.
        """
        with path.open("xb") as file:
            try:
                found = self._objects.digest(place(digest), file)
            except NotFound as error:
                raise self._missing(digest) from error
        self._compare(digest, found)

    def check(self, digest: str) -> None:
        """Read a blob where it is.

        Raises
        ------
        Corrupted
            If it is missing, or its bytes have another digest.
        """
        try:
            found = self._objects.digest(place(digest))
        except NotFound as error:
            raise self._missing(digest) from error
        self._compare(digest, found)

    def has(self, digest: str) -> bool:
        """Whether there is a blob of this SHA-256, sound or not."""
        return self._objects.exists(place(digest))

    def is_sound(self, digest: str) -> bool:
        """Whether there is a blob, and its bytes have this SHA-256."""
        try:
            return self._objects.digest(place(digest)) == digest
        except NotFound:
            return False

    def listed(self) -> Iterator[tuple[str, Listed]]:
        """Every blob's SHA-256, with its size and time."""
        for one in self._objects.listed(FOLDER):
            if match := _NAME.fullmatch(one.name):
                yield match[1], one

    def _found(self, digest: str) -> bytes:
        try:
            return self._objects.read(place(digest))
        except NotFound as error:
            raise self._missing(digest) from error

    def _missing(self, digest: str) -> Corrupted:
        return Corrupted(f"a file is missing from the store {self._objects.url}: sha256:{digest}", digest=digest)

    def _compare(self, digest: str, found: str) -> None:
        if found != digest:
            raise Corrupted(
                f"a file in the store {self._objects.url} was changed or is damaged: its digest should be "
                f"sha256:{digest}, but is sha256:{found}; restore the store from a copy, or take the snapshot again",
                digest=digest,
            )


def place(digest: str) -> str:
    """Where a blob is kept."""
    return f"{FOLDER}/{digest[:2]}/{digest}"
