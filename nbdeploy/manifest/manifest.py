"""Both documents of one bundle, checked against each other."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.errors import Corrupted, NewerFormat, NotABundle
from nbdeploy.manifest.documents import (
    BESIDE,
    CODE,
    CONTENT,
    PROTOCOL,
    RECORD,
    Content,
    FileEntry,
    Record,
    canonical_json,
    sha256,
)
from nbdeploy.types import check_name
from nbdeploy.version import __version__

__all__ = ["Manifest"]

_UNSAFE = re.compile(r"[\x00-\x1f\\:]")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class _Protocol(msgspec.Struct):
    """The one field of ``content.json`` that every format has."""

    protocol: int


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


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
        self._refuse_newer()
        document, record = self.record_document, self.parsed_record
        if record.sha256 != sha256(canonical_json({key: value for key, value in document.items() if key != "sha256"})):
            raise Corrupted("the version record does not match its own digest: record.json was changed or is damaged")
        if record.digest != self.digest:
            raise Corrupted(
                f"content.json has digest {self.digest}, but the version record names {record.digest}: "
                "one of the two was changed or is damaged",
                digest=self.digest,
            )
        content = self.parsed
        told = (record.flavor or content.flavor, content.runs_code if record.runs_code is None else record.runs_code)
        if told != (content.flavor, content.runs_code):
            raise Corrupted("the version record says another flavor, or another thing about running code, than it has")
        if not content.runs_code and any(path.startswith(CODE) for path in content.files):
            raise Corrupted("the bundle would run code, but says that it does not; it is refused")

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
        """Read both documents from a bundle's folder.

        Raises
        ------
        NotABundle
            If it has none.
        """
        try:
            return cls((folder / CONTENT).read_bytes(), (folder / RECORD).read_bytes())
        except OSError as error:
            raise NotABundle(f"{folder} is not a bundle: {error.filename} cannot be read", path=str(folder)) from error

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
            if file.stat().st_size != entry.size or sha256(file) != entry.sha256:
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
            document = json.loads(self.record, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise Corrupted(f"record.json is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise Corrupted("record.json is not a JSON object")
        return document

    @cached_property
    def parsed_record(self) -> Record:
        """The record, validated."""
        try:
            record = msgspec.convert(self.record_document, Record)
        except (msgspec.ValidationError, RecursionError) as error:
            raise Corrupted(f"record.json is not understood: {error}") from error
        check_name(record.name, "model name")
        return record

    @cached_property
    def parsed(self) -> Content:
        """The content document, validated; fields of later versions are ignored here but kept in the bytes."""
        try:
            content = msgspec.json.decode(self.content, type=Content)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Corrupted(f"content.json is not understood: {error}") from error
        if content.signature.outputs and content.signature.default_method not in content.signature.outputs:
            raise Corrupted(f"content.json has no output for its default method {content.signature.default_method!r}")
        return content

    def _refuse_newer(self) -> None:
        """Before anything else is read: a later format may have other fields."""
        protocol = PROTOCOL
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            protocol = msgspec.json.decode(self.content, type=_Protocol).protocol
        if protocol > PROTOCOL:
            raise NewerFormat(
                f"this bundle has format {protocol}, and this nbdeploy {__version__} reads up to {PROTOCOL}: "
                "upgrade it with pip install --upgrade nbdeploy",
                protocol=protocol,
            )

    @property
    def name(self) -> str:
        """The model's name."""
        return self.parsed_record.name

    @property
    def number(self) -> int:
        """The version number."""
        return self.parsed_record.version

    @property
    def runs_code(self) -> bool:
        """Whether loading this snapshot executes code that came with it."""
        return self.parsed.runs_code

    @cached_property
    def files(self) -> dict[str, FileEntry]:
        """Every file of the bundle except the two documents, by path."""
        beside = self.parsed_record.files
        stray = sorted(beside.keys() - BESIDE)
        if stray:
            raise Corrupted(f"the version record lists {stray[0]!r}, which belongs into content.json", path=stray[0])
        files = {**beside, **self.parsed.files}
        for path, entry in files.items():
            if not _DIGEST.fullmatch(entry.sha256):
                raise Corrupted(f"the bundle lists {path!r} with a digest that is none: {entry.sha256!r}", path=path)
            if _UNSAFE.search(path) or any(part in {"", ".", ".."} for part in path.split("/")):
                raise Corrupted(f"the bundle lists a file outside of itself: {path!r}", path=path)
        _refuse_clashes(files)
        return files

    @cached_property
    def blobs(self) -> dict[str, int]:
        """SHA-256 to size of everything that has to be in a store, ``content.json`` included."""
        found = {entry.sha256: entry.size for entry in self.files.values()}
        return {**found, sha256(self.content): len(self.content)}


def _refuse_clashes(paths: Iterable[str]) -> None:
    """Two names that some file systems take for one, or a file that another one would need as its folder."""
    seen: dict[str, str] = {}
    for path in sorted(paths):
        folded = unicodedata.normalize("NFC", path).casefold()
        parents = {folded[:at] for at, sign in enumerate(folded) if sign == "/"}
        other = next((seen[name] for name in (folded, *sorted(parents)) if name in seen), None)
        if other is not None:
            raise Corrupted(f"the bundle lists both {other!r} and {path!r}, which cannot lie side by side", path=path)
        seen[folded] = path
