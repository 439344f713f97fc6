"""Versions and aliases of models, as facts that are only ever added.

::

    blobs/sha256/<2 hex>/<64 hex>            any file of any bundle, by content
    models/<name>/versions/<number>.json     the version record of churn:3
    models/<name>/removed/<number>.json      that churn:3 was removed, by whom and when
    models/<name>/aliases/<alias>/<n>.json   the n-th move of an alias
    trash/<time and run>/<64 hex>            blobs that a `gc` is about to delete

Nothing but blobs and trash is ever deleted, and only by :mod:`nbdeploy.store.garbage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nbdeploy.errors import Conflict, Corrupted
from nbdeploy.manifest import Manifest, sha256
from nbdeploy.store.contents import Contents
from nbdeploy.store.garbage import GRACE, Collected, Reachable, collect
from nbdeploy.store.kinds import check_kind
from nbdeploy.store.version import Removal, Version, as_new, author, conflict_message, now, removed_message
from nbdeploy.types import Ref

__all__ = ["Store"]

Files = Mapping[str, bytes | Path]
"""Path in a bundle to content, or to the file that has it."""


class Store(Contents):
    """Snapshots in a folder or object store, safe under concurrent writers.

    Parameters
    ----------
    url : str
        A folder's path, or ``s3://…``, ``gs://…``, ``az://…``, ``memory://``.
    cache : Path, optional
        A local folder where bundles are unpacked for loading; the one in ``NBDEPLOY_HOME`` by default.

    Examples
    --------
    >>> Store("memory://").names()
    []
    """

    # -- adding ----------------------------------------------------------------------------------

    def put_blob(self, digest: str, source: bytes | Path, link: bool = False) -> None:
        """Store a blob under its SHA-256, from memory or from a file. `link` is as for :meth:`add`.

        Raises
        ------
        Corrupted
            If the content has another digest.
        """
        self._blobs.put(digest, source, link)

    def add(self, name: str, manifest: Manifest, files: Files, link: bool = False) -> tuple[Version, bool]:
        """Store a bundle as the next version of a model, or find the version it already is.

        Parameters
        ----------
        name : str
            The model's name.
        manifest : Manifest
            Both documents; the record's name, version, author and time are set here.
        files : mapping of str to bytes or Path
            Path in the bundle to content, or to the file that has it, of every file of the bundle.
        link : bool
            Whether a large file may become part of the store as it is. Only for files that the caller made and
            described itself, and that are about to lose their own name, as nobody may write to them any more.

        Returns
        -------
        version : Version
            The version, new or found.
        created : bool
            Whether it is new.

        Raises
        ------
        Conflict
            If the name belongs to models of another kind.
        """
        model = self._model(name)
        self.check_kind(name, manifest)
        sources = _sources(manifest, files)
        seen: set[int] = set()
        while True:
            taken = model.facts.numbers()
            for existing in model.readable(number for number in model.live() if number not in seen):
                if existing.holds(manifest):
                    self._put(sources, link)
                    return existing, False
            if not seen:
                self._put(sources, link)
            seen.update(taken)
            numbered = _numbered(manifest, name, max(taken, default=0) + 1)
            if model.facts.create(numbered.number, numbered.record):
                self._put_again(sources, link)
                return Version(name, numbered.number, numbered.digest, numbered.record_document), True

    def adopt(self, manifest: Manifest, files: Files | None = None) -> Version:
        """Take a version from elsewhere as it is, with its name, number, author and time.

        Parameters
        ----------
        manifest : Manifest
            Both documents.
        files : mapping of str to bytes or Path, optional
            As for :meth:`add`; without them the blobs have to be here.

        Raises
        ------
        Corrupted
            If blobs are missing.
        Conflict
            If another content has that number here, or had it until it was removed.
        """
        self.check_number(manifest)
        model, sources = self._model(manifest.name), {} if files is None else _sources(manifest, files)
        self._put(sources)
        _refuse_incomplete(manifest, [] if sources else self.missing(manifest))
        model.facts.create(manifest.number, manifest.record)
        self.check_number(manifest)
        self._put_again(sources)
        _refuse_incomplete(manifest, [digest for digest in manifest.blobs if not self.has_blob(digest)])
        for here in model.versions([manifest.number]):
            return here
        raise Conflict(f"the number of {model.name}:{manifest.number} is taken by a write that never ended; {as_new()}")

    def check_number(self, manifest: Manifest, place: str | None = None) -> None:
        """See that the number of a version from elsewhere means nothing else here.

        Parameters
        ----------
        manifest : Manifest
            Both documents.
        place : str, optional
            What to call this store in messages; its address by default.

        Raises
        ------
        Conflict
            Naming both snapshots, or who removed the one that had the number.
        """
        model, place = self._model(manifest.name), place or f"the store {self.url}"
        removed = model.removals().get(manifest.number)
        if removed is not None:
            raise Conflict(removed_message(removed, place), removed=removed.digest)
        for here in model.versions([manifest.number]):
            if here.digest != manifest.digest:
                raise Conflict(conflict_message(here, manifest, place), here=here.digest, offered=manifest.digest)

    def check_kind(self, name: str, manifest: Manifest) -> None:
        """See that a bundle is of the kind of the models that have the name. See :mod:`nbdeploy.store.kinds`."""
        newest = self.newest(name)
        if newest is not None and newest.digest != manifest.digest:
            check_kind(newest, lambda: self.manifest(newest), manifest)

    def set_alias(
        self, name: str, alias: str, version: int, *, after: int | None = None, why: Mapping[str, Any] | None = None
    ) -> None:
        """Let an alias mean a version from now on.

        Parameters
        ----------
        name, alias : str
            The model, and the alias.
        version : int
            The version number.
        after : int, optional
            What :meth:`last_move` answered when the caller made up its mind; nobody may have moved the alias since.
        why : mapping, optional
            What is noted with the move: the condition that was true.

        Raises
        ------
        NotFound
            If there is no such version.
        Conflict
            If somebody else moved the alias since, or removed the version.
        """
        model = self._model(name)
        self.resolve(Ref(name, version=version))
        before = model.aliases(lambda _: None).get(alias)
        model.move(alias, version, after, why)
        if version not in model.live():
            model.move(alias, before)
            raise Conflict(f"{name}:{version} was removed by somebody else just now; {name}@{alias} stays as it was")

    def remove_alias(self, name: str, alias: str) -> None:
        """Let an alias mean nothing from now on."""
        self.resolve(Ref(name, alias=alias))
        self._model(name).move(alias, None)

    # -- removing --------------------------------------------------------------------------------

    def remove(self, name: str, number: int) -> Removal:
        """Remove a version for good. Its number is never given again; its files go with the next :meth:`collect`.

        Raises
        ------
        NotFound
            If there is no such version.
        Conflict
            If an alias means it.
        """
        return self._model(name).remove(number)

    def collect(self, grace: timedelta = GRACE, *, dry: bool = False, clock: datetime | None = None) -> Collected:
        """Delete the blobs that no version reaches. See :func:`nbdeploy.store.garbage.collect`."""
        reachable = Reachable(lambda: (one for model in self._models() for one in model.versions()), self.manifest)
        return collect(self._objects, reachable, clock or datetime.now(UTC), grace, dry=dry)

    # -- parts -----------------------------------------------------------------------------------

    def _put(self, sources: Mapping[str, bytes | Path], link: bool = False) -> None:
        for digest, source in sources.items():
            self.put_blob(digest, source, link)

    def _put_again(self, sources: Mapping[str, bytes | Path], link: bool = False) -> None:
        """After a version is written: a `gc` that had not seen it may have deleted a blob that was here before."""
        self._put({digest: source for digest, source in sources.items() if not self.has_blob(digest)}, link)


def _sources(manifest: Manifest, files: Files) -> dict[str, bytes | Path]:
    """Every blob of a bundle once, with where its bytes are."""
    found = {entry.sha256: files[path] for path, entry in manifest.files.items()}
    return {**found, sha256(manifest.content): manifest.content}


def _numbered(manifest: Manifest, name: str, number: int) -> Manifest:
    facts = {"name": name, "version": number, "author": author(), "created": now()}
    return Manifest.sealed(manifest.content, {**manifest.record_document, **facts})


def _refuse_incomplete(manifest: Manifest, missing: list[str]) -> None:
    if missing:
        raise Corrupted(
            f"{manifest.name}:{manifest.number} is incomplete: {len(missing)} files are missing; send them again",
            missing=missing,
        )
