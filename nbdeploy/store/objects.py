"""Objects in a folder, in memory, on S3, GCS or Azure: create if absent, read, list, delete."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from nbdeploy.buckets.addresses import opened
from nbdeploy.buckets.failures import reason
from nbdeploy.errors import NotFound, NotWritable, Unreachable
from nbdeploy.store import exclusive

__all__ = ["Listed", "Objects"]


@dataclass(frozen=True)
class Listed:
    """One object of a list: its name below the folder listed, size in bytes, and when it was last written."""

    name: str
    size: int
    modified: datetime


class Objects:
    """A flat space of named objects.

    Parameters
    ----------
    url : str
        A folder's path, or ``s3://…``, ``gs://…``, ``az://…``, ``memory://``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.folder, self._store = opened(url)

    def create(self, path: str, content: bytes) -> bool:
        """Store `content` under `path` unless something is there; return whether this call stored it.

        Of any number of concurrent callers exactly one gets True.

        Raises
        ------
        NotWritable
            If the store refuses the write.
        Unreachable
            If nothing answers there.
        """
        with self._writing(path):
            if self.folder is not None and not self._links:
                return exclusive.create(self.folder / path, content)
            try:
                obstore.put(self._store, path, content, mode="create")
            except AlreadyExistsError:
                return False
            return True

    def replace(self, path: str, source: bytes | Path) -> None:
        """Store an object whole, whatever was there. Only for objects that are named by their content."""
        with self._writing(path):
            obstore.put(self._store, path, source, mode="overwrite")

    def take(self, path: str, source: Path) -> bool:
        """Let a file be an object without copying it, whatever was there; return whether that is possible here.

        Only for objects that are named by their content, and for files that nobody will write to any more.
        """
        with self._writing(path):
            return self.folder is not None and self._links and exclusive.link(self.folder / path, source)

    def copy(self, path: str, to: str) -> None:
        """Copy an object within the store.

        Raises
        ------
        NotFound
            If it is not there.
        """
        with self._writing(to), self._reading(path):
            obstore.copy(self._store, path, to)

    def delete(self, path: str) -> None:
        """Delete an object, if it is there."""
        with self._writing(path), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, path)

    def delete_folder(self, path: str) -> None:
        """Remove an empty folder where there are folders."""
        if self.folder is not None:
            with contextlib.suppress(OSError):
                (self.folder / path).rmdir()

    def read(self, path: str) -> bytes:
        """Return the object's bytes.

        Raises
        ------
        NotFound
            If there is none.
        """
        with self._reading(path):
            return bytes(obstore.get(self._store, path).bytes())

    def digest(self, path: str, copy: IO[bytes] | None = None) -> str:
        """Return the SHA-256 of an object, read piece by piece; also write the pieces into an open file."""
        found = hashlib.sha256()
        with self._reading(path):
            pieces: Iterable[Any] = obstore.get(self._store, path).stream()
            for piece in pieces:
                found.update(piece)
                if copy is not None:
                    copy.write(piece)
        return found.hexdigest()

    def exists(self, path: str) -> bool:
        """Whether there is an object under `path`."""
        try:
            with self._reading(path):
                obstore.head(self._store, path)
        except NotFound:
            return False
        return True

    def listed(self, prefix: str) -> list[Listed]:
        """List the objects below a folder, sorted by name."""
        with self._reading(prefix):
            found = obstore.list(self._store, prefix).collect()
        below = (Listed(str(o["path"]).removeprefix(f"{prefix}/"), o["size"], o["last_modified"]) for o in found)
        return sorted(below, key=lambda one: one.name)

    def below(self, prefix: str) -> list[str]:
        """Names of the objects below a folder, sorted, relative to it."""
        return [one.name for one in self.listed(prefix)]

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below a folder, sorted."""
        with self._reading(prefix):
            found = obstore.list_with_delimiter(self._store, prefix)["common_prefixes"]
        return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)

    @cached_property
    def _links(self) -> bool:
        """Found once, before the first write."""
        return self.folder is None or exclusive.links_work(self.folder)

    @contextlib.contextmanager
    def _reading(self, path: str) -> Iterator[None]:
        """Say in words that there is no such object, or that the store cannot be reached."""
        try:
            yield
        except FileNotFoundError:
            raise NotFound("object", path, hint=f"the store is {self.url}") from None
        except (BaseError, OSError) as error:
            raise Unreachable(f"the store {self.url} cannot be read: {self._reason(error)}", url=self.url) from error

    @contextlib.contextmanager
    def _writing(self, path: str) -> Iterator[None]:
        """Say in words why the store did not take a write."""
        try:
            yield
        except (PermissionError, FileNotFoundError) as error:
            raise NotWritable(
                f"the store {self.url} refused to write {path}: {self._reason(error)}", path=path
            ) from error
        except (BaseError, OSError) as error:
            kind = Unreachable if self.folder is None else NotWritable
            raise kind(f"the store {self.url} could not write {path}: {self._reason(error)}", path=path) from error

    def _reason(self, error: BaseException) -> str:
        return reason(error, self.url)
