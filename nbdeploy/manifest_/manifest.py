"""What describes a bundle: ``content.json`` (what determines answers) and ``record.json`` (who, when, how good).

The digest of a snapshot is the SHA-256 of the bytes of ``content.json``, which holds the SHA-256 of every
content file. The record names the digest, lists the remaining files, and carries a SHA-256 of its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.errors import Corrupted
from nbdeploy.types import Canonical, Signature, check_name

__all__ = ["PROTOCOL", "Content", "Environment", "FileEntry", "Manifest", "canonical_json", "file_entry", "sha256"]

PROTOCOL = 1
"""Version of the bundle format. Readers refuse a higher one."""


_DIGEST = re.compile(r"[0-9a-f]{64}")


class FileEntry(msgspec.Struct, frozen=True):
    """SHA-256 (64 hexadecimal digits) and size in bytes of one file of a bundle."""

    sha256: str
    size: int


class Environment(msgspec.Struct, frozen=True):
    """The Python version and the exact versions of the distributions that a model needs."""

    python: str
    packages: dict[str, str] = {}


class Content(msgspec.Struct, frozen=True):
    """``content.json``: everything that determines a snapshot's answers.

    Attributes
    ----------
    protocol : int
        Version of the bundle format.
    flavor : str
        The adapter that loads the model.
    signature : Signature
        What goes in and what comes out.
    canonical : Canonical
        How native code is called.
    environment : Environment
        The distributions the model needs.
    files : dict of str to FileEntry
        Path below the bundle to digest and size, of every content file.
    runs_code : bool
        Whether loading executes code that came with the bundle (captured source, pickle).
    loader : dict
        What the flavor needs to load the model.
    """

    protocol: int
    flavor: str
    signature: Signature
    canonical: Canonical
    environment: Environment
    files: dict[str, FileEntry]
    runs_code: bool = False
    loader: dict[str, Any] = {}


def sha256(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_entry(content: bytes) -> FileEntry:
    """Digest and size of a file's bytes."""
    return FileEntry(sha256(content), len(content))


def canonical_json(document: Any) -> bytes:
    """JSON with sorted keys, so that equal documents have equal bytes; readable, one item a line."""
    text = json.dumps(msgspec.to_builtins(document), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


@dataclass(frozen=True)
class Manifest:
    """The two documents of one bundle, as the bytes that were hashed.

    Attributes
    ----------
    content : bytes
        ``content.json``.
    record : bytes
        ``record.json``.

    Raises
    ------
    Corrupted
        If the documents do not belong together, or cannot be read.
    """

    content: bytes
    record: bytes

    def __post_init__(self) -> None:
        document = self.record_document
        stated = document.get("sha256")
        if stated != sha256(canonical_json({key: value for key, value in document.items() if key != "sha256"})):
            raise Corrupted("the version record does not match its own digest: record.json was changed or is damaged")
        if document.get("digest") != self.digest:
            raise Corrupted(
                f"content.json has digest {self.digest}, but the version record names {document.get('digest')}: "
                "one of the two was changed or is damaged",
                digest=self.digest,
            )

    @classmethod
    def sealed(cls, content: bytes, record: Mapping[str, Any]) -> Manifest:
        """Join a content document and a record, and seal the record with its own digest."""
        document = {**record, "digest": f"sha256:{sha256(content)}"}
        document.pop("sha256", None)
        return cls(content, canonical_json({**document, "sha256": sha256(canonical_json(document))}))

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> Manifest:
        """Read what :meth:`to_wire` wrote."""
        try:
            return cls(base64.b64decode(document["content"]), base64.b64decode(document["record"]))
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupted(f"not a manifest: {error}") from error

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read both documents from a bundle's folder."""
        try:
            return cls((folder / "content.json").read_bytes(), (folder / "record.json").read_bytes())
        except OSError as error:
            raise Corrupted(f"{folder} is not a bundle: {error.filename} cannot be read", path=str(folder)) from error

    def verify(self, folder: Path) -> None:
        """Compare every file in a bundle's folder with its digest.

        Raises
        ------
        Corrupted
            Naming the first file that is missing or differs.
        """
        for path, entry in self.files.items():
            file = folder / path
            if not file.is_file():
                raise Corrupted(f"{file} is missing from the bundle", path=path)
            if sha256(file.read_bytes()) != entry.sha256:
                raise Corrupted(f"{file} was changed or is damaged: its digest is not the recorded one", path=path)

    def to_wire(self) -> dict[str, str]:
        """Both documents for transport in JSON, byte for byte."""
        return {"content": base64.b64encode(self.content).decode(), "record": base64.b64encode(self.record).decode()}

    @cached_property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return f"sha256:{sha256(self.content)}"

    @cached_property
    def record_document(self) -> dict[str, Any]:
        """The record as a document."""
        try:
            document = json.loads(self.record)
        except ValueError as error:
            raise Corrupted(f"record.json is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise Corrupted("record.json is not a JSON object")
        return document

    @cached_property
    def parsed(self) -> Content:
        """The content document, validated; fields of later versions are ignored here but kept in the bytes."""
        try:
            content = msgspec.json.decode(self.content, type=Content)
        except msgspec.DecodeError as error:
            raise Corrupted(f"content.json is not understood: {error}") from error
        if content.protocol > PROTOCOL:
            raise Corrupted(
                f"this bundle has format {content.protocol}; this nbdeploy reads up to {PROTOCOL}: upgrade nbdeploy"
            )
        return content

    @property
    def name(self) -> str:
        """The model's name."""
        return check_name(str(self.record_document.get("name")), "model name")

    @property
    def number(self) -> int:
        """The version number."""
        number = self.record_document.get("version")
        if not isinstance(number, int) or number < 1:
            raise Corrupted(f"the version record has no version number, but {number!r}")
        return number

    @property
    def runs_code(self) -> bool:
        """Whether loading this snapshot executes code that came with it."""
        return self.parsed.runs_code

    @cached_property
    def files(self) -> dict[str, FileEntry]:
        """Every file of the bundle except the two documents, by path."""
        try:
            beside = msgspec.convert(self.record_document.get("files", {}), dict[str, FileEntry])
        except msgspec.ValidationError as error:
            raise Corrupted(f"the version record's list of files is not understood: {error}") from error
        files = {**beside, **self.parsed.files}
        for path, entry in files.items():
            if not _DIGEST.fullmatch(entry.sha256):
                raise Corrupted(f"the bundle lists {path!r} with a digest that is none: {entry.sha256!r}", path=path)
            if path.startswith("/") or "\\" in path or any(part in {"", ".", ".."} for part in path.split("/")):
                raise Corrupted(f"the bundle lists a file outside of itself: {path!r}", path=path)
        return files

    @cached_property
    def blobs(self) -> dict[str, int]:
        """SHA-256 to size of everything that has to be in a store, ``content.json`` included."""
        found = {entry.sha256: entry.size for entry in self.files.values()}
        return {**found, sha256(self.content): len(self.content)}
