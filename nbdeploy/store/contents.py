"""What is in a store, read: models and their versions, aliases and blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nbdeploy.errors import Corrupted, NotFound
from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest
from nbdeploy.settings import Settings
from nbdeploy.store.blobs import Blobs
from nbdeploy.store.cache import unpack
from nbdeploy.store.models import Model
from nbdeploy.store.objects import Objects
from nbdeploy.store.version import Removal, Version
from nbdeploy.types import Ref, is_name

__all__ = ["Contents"]


class Contents:
    """What is in a store, as far as one only looks.

    Parameters
    ----------
    url, cache
        See :class:`nbdeploy.store.store.Store`.
    """

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        self._objects = Objects(url)
        self._blobs = Blobs(self._objects)
        self._cache = cache or Settings.load().cache

    def __repr__(self) -> str:
        return f"<Store {self.url}>"

    def names(self) -> list[str]:
        """Names of all models that have a version."""
        return [model.name for model in self._models() if model.live()]

    def versions(self, name: str, damaged: Callable[[Corrupted], object] | None = None) -> list[Version]:
        """All versions of a model, oldest first; none if there is no such model.

        Raises
        ------
        Corrupted
            If the record of one is damaged; with `damaged` given, that is called instead.
        """
        model = self._model(name)
        return list(model.versions() if damaged is None else model.readable(damaged=damaged))

    def newest(self, name: str) -> Version | None:
        """Return the version of the highest number that can be read, if there is one."""
        return self._model(name).newest()

    def every(self, name: str) -> list[Version]:
        """All versions that a model ever had and that can be read, oldest first: those that were removed too."""
        model = self._model(name)
        return list(model.readable(model.facts.numbers()))

    def removals(self, name: str) -> list[Removal]:
        """The versions of a model that were removed, by number."""
        return list(self._model(name).removals().values())

    def aliases(self, name: str, damaged: Callable[[Corrupted], object] | None = None) -> dict[str, int]:
        """Alias to version number, as the aliases stand now. One whose version was removed means nothing.

        Raises
        ------
        Corrupted
            If the last move of one is damaged; with `damaged` given, that is called instead, and it means nothing.
        """
        return self._model(name).aliases(damaged)

    def moves(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """Every move of every alias of a model, in order: ``version`` (None: taken away), ``by``, ``at`` …."""
        return self._model(name).moves()

    def last_move(self, name: str, alias: str) -> int:
        """Return the number of an alias's last move, 0 if it never moved."""
        return self._model(name).last_move(alias)

    def resolve(self, ref: Ref | str) -> Version:
        """Find the version that a reference means.

        Raises
        ------
        NotFound
            If there is no such model, version, alias or digest; the message says what there is.
        """
        ref = Ref.parse(ref) if isinstance(ref, str) else ref
        model = self._model(ref.name)
        if not model.live():
            raise self._no_model(model)
        return model.resolve(ref)

    def manifest(self, version: Version) -> Manifest:
        """Return both documents of a version, checked against each other."""
        content = self.blob(version.digest.removeprefix("sha256:"))
        return Manifest(content, self._model(version.name).facts.raw(version.number))

    def blob(self, digest: str) -> bytes:
        """Return a blob by its SHA-256 (64 hexadecimal digits).

        Raises
        ------
        Corrupted
            If the stored bytes have another digest.
        """
        return self._blobs.read(digest)

    def save_blob(self, digest: str, path: Path) -> None:
        """Write a blob into a new file, piece by piece. See :meth:`blob`."""
        self._blobs.save(digest, path)

    def has_blob(self, digest: str) -> bool:
        """Whether there is a blob of this SHA-256."""
        return self._blobs.has(digest)

    def missing(self, manifest: Manifest) -> list[str]:
        """SHA-256 of the blobs of a bundle that are not here yet, or are damaged here."""
        return [digest for digest in manifest.blobs if not self._blobs.is_sound(digest)]

    def check(self, version: Version) -> None:
        """Read every file of a version where it is stored.

        Raises
        ------
        Corrupted
            If one is missing, or does not match its digest.
        """
        for digest in self.manifest(version).blobs:
            self._blobs.check(digest)

    def open(self, version: Version) -> Path:
        """Return the bundle of a version as a folder, every file checked.

        Raises
        ------
        Corrupted
            If a file does not match its digest.
        """
        return unpack(self._cache, self.manifest(version), self.save_blob)

    def _model(self, name: str) -> Model:
        return Model(self._objects, name)

    def _models(self) -> Iterator[Model]:
        return (self._model(name) for name in self._objects.folders("models") if is_name(name))

    def _no_model(self, model: Model) -> NotFound:
        gone = f"all its versions were removed; see: {typed(f'history {model.name}')}" if model.facts.numbers() else ""
        return NotFound("snapshot", model.name, self.names(), hint=gone or f"the store is {self.url}")
