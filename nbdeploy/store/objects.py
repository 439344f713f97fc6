"""Objects in a folder, in memory, on S3, GCS or Azure: create if absent, read, list. Nothing is updated."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from nbdeploy.errors import InvalidData, NotFound, NotWritable, Unreachable

__all__ = ["Objects"]


class Objects:
    """A flat space of named, immutable objects.

    Parameters
    ----------
    url : str
        A folder's path, or ``s3://…``, ``gs://…``, ``az://…``, ``memory://``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.folder: Path | None = None
        try:
            if "://" in url and not url.startswith("file://"):
                self._store: Any = from_url(url)
            else:
                self.folder = Path(url.removeprefix("file://")).expanduser().absolute()
                self.folder.mkdir(parents=True, exist_ok=True)
                self._store = LocalStore(self.folder)
        except OSError as error:
            raise NotWritable(f"the store {url} cannot be opened: {error.strerror or error}", url=url) from error
        except (BaseError, ValueError) as error:
            raise InvalidData(f"the store address {url!r} is not understood: {error}", url=url) from error

    def create(self, path: str, content: bytes) -> bool:
        """Store `content` under `path` unless something is there; return whether this call stored it.

        Of any number of concurrent callers exactly one gets True.

        Raises
        ------
        NotWritable
            If the store refuses the write.
        """
        try:
            obstore.put(self._store, path, content, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            if self.folder is not None and not _links_work(self.folder):
                return self._create_exclusively(self.folder / path, content)
            raise NotWritable(f"the store {self.url} refused to write {path}: {_reason(error)}", path=path) from error
        return True

    def mend(self, path: str, content: bytes) -> None:
        """Replace a damaged object. Only for objects that are named by their content."""
        try:
            obstore.put(self._store, path, content, mode="overwrite")
        except (BaseError, OSError) as error:
            raise NotWritable(f"the store {self.url} refused to write {path}: {_reason(error)}", path=path) from error

    def read(self, path: str) -> bytes:
        """Return the object's bytes.

        Raises
        ------
        NotFound
            If there is none.
        """
        with self._reading():
            try:
                return bytes(obstore.get(self._store, path).bytes())
            except FileNotFoundError:
                raise NotFound("object", path, hint=f"the store is {self.url}") from None

    def exists(self, path: str) -> bool:
        """Whether there is an object under `path`."""
        with self._reading():
            try:
                obstore.head(self._store, path)
            except FileNotFoundError:
                return False
            return True

    def below(self, prefix: str) -> list[str]:
        """Names of the objects below a folder, sorted, relative to it."""
        with self._reading():
            found = obstore.list(self._store, prefix).collect()
        return sorted(str(meta["path"]).removeprefix(f"{prefix}/") for meta in found)

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders directly below a folder, sorted."""
        with self._reading():
            found = obstore.list_with_delimiter(self._store, prefix)["common_prefixes"]
        return sorted(str(path).rstrip("/").rpartition("/")[2] for path in found)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Say in words that the store cannot be reached."""
        try:
            yield
        except (BaseError, OSError) as error:
            raise Unreachable(f"the store {self.url} cannot be read: {_reason(error)}", url=self.url) from error

    def _create_exclusively(self, path: Path, content: bytes) -> bool:
        """For file systems without hard links. A crash here can leave a short object, which digests reveal."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            return False
        except OSError as error:
            raise NotWritable(f"{path} could not be written: {error.strerror or error}", path=str(path)) from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return True


def _links_work(folder: Path) -> bool:
    probe = folder / f".probe-{os.getpid()}"
    try:
        probe.write_bytes(b"")
        os.link(probe, f"{probe}-link")
    except OSError:
        return not probe.exists()
    finally:
        Path(f"{probe}-link").unlink(missing_ok=True)
        probe.unlink(missing_ok=True)
    return True


def _reason(error: BaseException) -> str:
    """The last cause in obstore's message, which begins with its own internals."""
    text = str(error).splitlines()[0]
    return text.rpartition("source: ")[2][:300] or type(error).__name__
