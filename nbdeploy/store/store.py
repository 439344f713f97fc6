"""Versions and aliases of models, as facts that are only ever added.

::

    blobs/sha256/<2 hex>/<64 hex>            any file of any bundle, by content
    models/<name>/versions/<number>.json     the version record of churn:3
    models/<name>/aliases/<alias>/<n>.json   the n-th move of an alias
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.manifest import Manifest, sha256
from nbdeploy.settings import Settings
from nbdeploy.store.cache import unpack
from nbdeploy.store.objects import Objects
from nbdeploy.store.version import Version, author, conflict_message, now
from nbdeploy.types import Ref, check_name, is_name

__all__ = ["Store"]

_FACT = re.compile(r"([0-9]{8})\.json")


class Store:
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

    def __init__(self, url: str, cache: Path | None = None) -> None:
        self.url = url
        self._objects = Objects(url)
        self._cache = cache or Settings.load().cache

    # -- reading ---------------------------------------------------------------------------------

    def names(self) -> list[str]:
        """Names of all models."""
        return [name for name in self._objects.folders("models") if is_name(name) and self._numbers(name)]

    def versions(self, name: str) -> list[Version]:
        """All versions of a model, oldest first; none if there is no such model."""
        return [self._version(name, number) for number in self._numbers(name)]

    def aliases(self, name: str) -> dict[str, int]:
        """Alias to version number, as the aliases stand now."""
        found = {alias: self._moves(name, alias) for alias in self._objects.folders(f"models/{name}/aliases")}
        current = {alias: self._meant(name, alias, moves[-1]) for alias, moves in found.items() if moves}
        return {alias: number for alias, number in current.items() if number is not None}

    def resolve(self, ref: Ref | str) -> Version:
        """Find the version that a reference means.

        Raises
        ------
        NotFound
            If there is no such model, version, alias or digest; the message says what there is.
        """
        ref = Ref.parse(ref) if isinstance(ref, str) else ref
        numbers = self._numbers(ref.name)
        if not numbers:
            raise NotFound("snapshot", ref.name, self.names(), hint=f"the store is {self.url}")
        if ref.digest is not None:
            return self._by_digest(ref, numbers)
        number = numbers[-1] if ref.version is None else ref.version
        if ref.alias is not None:
            aliases = self.aliases(ref.name)
            if ref.alias not in aliases:
                known = [f"{ref.name}@{alias}" for alias in aliases]
                raise NotFound("alias", str(ref), known, hint=f"set it with: nbdeploy alias {ref.name} {ref.alias}")
            number = aliases[ref.alias]
        if number not in numbers:
            raise NotFound("snapshot", str(ref), [f"{ref.name}:{number}" for number in numbers])
        return self._version(ref.name, number)

    def manifest(self, version: Version) -> Manifest:
        """Return both documents of a version, checked against each other."""
        return Manifest(
            self.blob(version.digest.removeprefix("sha256:")), self._objects.read(_fact(version.name, version.number))
        )

    def blob(self, digest: str) -> bytes:
        """Return a blob by its SHA-256 (64 hexadecimal digits).

        Raises
        ------
        Corrupted
            If the stored bytes have another digest.
        """
        try:
            content = self._objects.read(_blob(digest))
        except NotFound as error:
            raise Corrupted(f"a file is missing from the store {self.url}: sha256:{digest}", digest=digest) from error
        if sha256(content) != digest:
            raise Corrupted(
                f"a file in the store {self.url} was changed or is damaged: its digest should be sha256:{digest}, "
                f"but is sha256:{sha256(content)}; restore the store from a copy, or take the snapshot again",
                digest=digest,
            )
        return content

    def has_blob(self, digest: str) -> bool:
        """Whether there is a blob of this SHA-256."""
        return self._objects.exists(_blob(digest))

    def missing(self, manifest: Manifest) -> list[str]:
        """SHA-256 of the blobs of a bundle that are not here yet, or are damaged here."""
        return [digest for digest in manifest.blobs if not self._is_sound(digest)]

    def check(self, version: Version) -> None:
        """Read every file of a version where it is stored.

        Raises
        ------
        Corrupted
            If one is missing, or does not match its digest.
        """
        for digest in self.manifest(version).blobs:
            self.blob(digest)

    def open(self, version: Version) -> Path:
        """Return the bundle of a version as a folder, every file checked.

        Raises
        ------
        Corrupted
            If a file does not match its digest.
        """
        return unpack(self._cache, self.manifest(version), self.blob)

    # -- adding ----------------------------------------------------------------------------------

    def put_blob(self, digest: str, content: bytes) -> None:
        """Store a blob under its SHA-256.

        Raises
        ------
        Corrupted
            If the content has another digest.
        """
        if sha256(content) != digest:
            raise Corrupted(f"blob sha256:{digest} arrived with digest sha256:{sha256(content)}; send it again")
        if not self._objects.create(_blob(digest), content) and not self._is_sound(digest):
            self._objects.mend(_blob(digest), content)

    def add(self, name: str, manifest: Manifest, files: Mapping[str, bytes]) -> tuple[Version, bool]:
        """Store a bundle as the next version of a model, or find the version it already is.

        Parameters
        ----------
        name : str
            The model's name.
        manifest : Manifest
            Both documents; the record's name, version, author and time are set here.
        files : mapping of str to bytes
            Path to content of every file of the bundle.

        Returns
        -------
        version : Version
            The version, new or found.
        created : bool
            Whether it is new.
        """
        check_name(name, "model name")
        seen: set[int] = set()
        while True:
            numbers = self._numbers(name)
            for existing in (self._version(name, number) for number in numbers if number not in seen):
                if existing.digest == manifest.digest:
                    self._put(manifest, files)
                    return existing, False
            if not seen:
                self._put(manifest, files)
            seen.update(numbers)
            number = max(numbers, default=0) + 1
            if self._objects.create(_fact(name, number), _numbered(manifest, name, number).record):
                return self._version(name, number), True

    def adopt(self, manifest: Manifest) -> Version:
        """Take a version from elsewhere as it is, with its name, number, author and time.

        Raises
        ------
        Corrupted
            If blobs are missing.
        Conflict
            If another content has that number here.
        """
        missing = self.missing(manifest)
        if missing:
            raise Corrupted(f"{manifest.name}:{manifest.number} is incomplete: {len(missing)} files are missing")
        self._objects.create(_fact(manifest.name, manifest.number), manifest.record)
        here = self._version(manifest.name, manifest.number)
        if here.digest != manifest.digest:
            raise Conflict(conflict_message(here, manifest, f"the store {self.url}"), here=here.digest)
        return here

    def set_alias(self, name: str, alias: str, version: int) -> None:
        """Let an alias mean a version from now on."""
        check_name(alias, "alias")
        self.resolve(Ref(name, version=version))
        self._add_move(name, alias, version)

    def remove_alias(self, name: str, alias: str) -> None:
        """Let an alias mean nothing from now on."""
        self.resolve(Ref(name, alias=alias))
        self._add_move(name, alias, None)

    # -- facts -----------------------------------------------------------------------------------

    def _numbers(self, name: str) -> list[int]:
        check_name(name, "model name")
        return self._facts(f"models/{name}/versions")

    def _facts(self, prefix: str) -> list[int]:
        """Numbers of the facts below a folder, in order. What is no fact is nothing of ours."""
        found = (_FACT.fullmatch(path) for path in self._objects.below(prefix))
        return sorted(int(match[1]) for match in found if match)

    def _put(self, manifest: Manifest, files: Mapping[str, bytes]) -> None:
        for content in (*files.values(), manifest.content):
            self.put_blob(sha256(content), content)

    def _is_sound(self, digest: str) -> bool:
        return self.has_blob(digest) and sha256(self._objects.read(_blob(digest))) == digest

    def _version(self, name: str, number: int) -> Version:
        try:
            record = json.loads(self._objects.read(_fact(name, number)))
            return Version(name, number, record["digest"], record)
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupted(f"the record of {name}:{number} in {self.url} is damaged: {error}") from error

    def _by_digest(self, ref: Ref, numbers: list[int]) -> Version:
        versions = [self._version(ref.name, number) for number in numbers]
        matches = {v.digest: v for v in versions if v.digest.startswith(str(ref.digest))}
        if len(matches) != 1:
            known = [f"{ref.name}@{v.digest[:19]}" for v in versions]
            raise NotFound("snapshot", str(ref), known)
        return next(iter(matches.values()))

    def _moves(self, name: str, alias: str) -> list[int]:
        return self._facts(f"models/{name}/aliases/{alias}")

    def _meant(self, name: str, alias: str, move: int) -> int | None:
        path = _move(name, alias, move)
        try:
            number: int | None = json.loads(self._objects.read(path))["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise Corrupted(f"the record of {name}@{alias} in {self.url} is damaged: {path}") from error
        return number

    def _add_move(self, name: str, alias: str, version: int | None) -> None:
        fact = json.dumps({"version": version, "at": now(), "by": author()}).encode()
        while not self._objects.create(_move(name, alias, max(self._moves(name, alias), default=0) + 1), fact):
            pass


def _numbered(manifest: Manifest, name: str, number: int) -> Manifest:
    facts = {"name": name, "version": number, "author": author(), "created": now()}
    return Manifest.sealed(manifest.content, {**manifest.record_document, **facts})


def _fact(name: str, number: int) -> str:
    return f"models/{name}/versions/{number:08d}.json"


def _move(name: str, alias: str, number: int) -> str:
    return f"models/{name}/aliases/{alias}/{number:08d}.json"


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest[:2]}/{digest}"
