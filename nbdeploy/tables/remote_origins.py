"""Where the bytes of a table come from on the network: an object store, the web."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import IO, Any

from nbdeploy.errors import NotFound, Unreachable
from nbdeploy.tables.origins import BLOCK, ForwardOnly, digested, ranges
from nbdeploy.tables.places import shown
from nbdeploy.tables.protocol import Identity

__all__ = ["ObjectFile", "WebFile"]


class ObjectFile:
    """An object of a bucket, read by ranges. See :class:`Origin`."""

    ranged, once, ahead = True, False, 8 * 2**20

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = shown(url)

    def __reduce__(self) -> Any:
        return ObjectFile, (self.url,)

    def size(self) -> int | None:
        """Return the object's size."""
        return int(self._head["size"])

    def at(self, place: int, size: int) -> bytes:
        """Fetch bytes of the object."""
        import obstore

        length = min(size, int(self._head["size"]) - place)
        if length <= 0:
            return b""
        with self._reached():
            return bytes(obstore.get_range(self._store, self._path, start=place, length=length))

    def open(self) -> IO[bytes]:
        """Open the object as a file that reads ahead."""
        return ranges(self)

    def identity(self) -> Identity:
        """Return what the object store says of the object."""
        modified = int(self._head["last_modified"].timestamp() * 1e9)
        return Identity(int(self._head["size"]), modified, self._head.get("e_tag"))

    def sha256(self) -> str | None:
        """Return the digest of the object, which is fetched for it."""
        digest = hashlib.sha256()
        with self._reached():
            import obstore

            for piece in obstore.get(self._store, self._path).stream(min_chunk_size=BLOCK):
                digest.update(piece)
        return digest.hexdigest()

    def remove(self) -> None:
        """Delete the object, if it is there."""
        import obstore

        with contextlib.suppress(NotFound), self._reached():
            obstore.delete(self._store, self._path)

    @property
    def _path(self) -> str:
        return self.url.rpartition("/")[2]

    @cached_property
    def _store(self) -> Any:
        from nbdeploy.buckets import opened

        return opened(self.url.rpartition("/")[0])[1]

    @cached_property
    def _head(self) -> Any:
        import obstore

        with self._reached():
            return obstore.head(self._store, self._path)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        from nbdeploy.buckets import reason

        try:
            yield
        except FileNotFoundError:
            raise NotFound("object", self.name) from None
        except (BaseError, OSError) as error:
            raise Unreachable(f"{self.name} cannot be read: {reason(error, self.url)}", url=self.name) from error


class WebFile(ForwardOnly):
    """A file on the web, read forward. See :class:`Origin`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = shown(url)
        self._sha256: str | None = None

    def __reduce__(self) -> Any:
        return WebFile, (self.url,)

    def open(self) -> IO[bytes]:
        """Ask the server for it."""
        import requests

        try:
            answer = requests.get(self.url, stream=True, timeout=(10, 300))
        except requests.RequestException as error:
            raise Unreachable(f"{self.name} cannot be read: nothing answers there", url=self.name) from error
        if answer.status_code != 200:
            answer.close()
            reason = f"{answer.status_code} {answer.reason}"
            if answer.status_code in {404, 410}:
                raise NotFound("file", self.name, hint=f"the server says {reason}")
            raise Unreachable(f"{self.name} cannot be read: the server says {reason}", url=self.name)
        answer.raw.decode_content = True
        return digested(_Answer(answer, self.name), self._digested)

    def sha256(self) -> str | None:
        """Return the digest of what was read, if it was read to its end."""
        return self._sha256

    def _digested(self, digest: str) -> None:
        self._sha256 = digest


class _Answer:
    """The body of a server's answer, whose breaking off is told."""

    def __init__(self, answer: Any, name: str) -> None:
        self._answer, self._name = answer, name

    def read(self, size: int) -> bytes:
        import urllib3

        try:
            return bytes(self._answer.raw.read(size))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unreachable(f"{self._name}: the server broke off: {error}", url=self._name) from error
