"""The two documents of a bundle as values, and their bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import msgspec

from nbdeploy.types import Canonical, Signature

__all__ = [
    "BESIDE",
    "CODE",
    "CONTENT",
    "PROTOCOL",
    "RECORD",
    "SIGNATURE",
    "Content",
    "Environment",
    "FileEntry",
    "Record",
    "canonical_json",
    "file_entry",
    "sha256",
]

PROTOCOL = 1
"""Version of the bundle format. Readers refuse a higher one."""


class FileEntry(msgspec.Struct, frozen=True):
    """SHA-256 (64 hexadecimal digits) and size in bytes of one file of a bundle."""

    sha256: str
    size: int


CONTENT, RECORD = "content.json", "record.json"
"""The two documents of a bundle, which list all its other files."""

CODE = "code/"
"""How the paths of captured source, and of the values beside it, begin."""

SIGNATURE = "model.sig"
"""The file of an author's signature over the content, where there is one."""

BESIDE = frozenset(
    {"MLmodel", "README.md", "expected.parquet", SIGNATURE, "profile.json", "python_env.yaml", "sample.parquet"}
)
"""The files that a record may list. Everything else determines answers, and belongs into ``content.json``."""


class ClassScores(msgspec.Struct, frozen=True):
    """How many test rows are of a class, and how well it is told from others."""

    support: int
    precision: float
    recall: float
    f1: float


class Tested(msgspec.Struct, frozen=True):
    """The rows that a model was measured on."""

    rows: int = 0
    classes: dict[str, ClassScores] = {}


class Library(msgspec.Struct, frozen=True):
    """A library of linear algebra or threads, and for which processors its code was chosen."""

    api: str
    version: str | None
    architecture: str | None


class Processor(msgspec.Struct, frozen=True):
    """Where a model was rehearsed."""

    model: str | None = ""
    features: list[str] = []
    libraries: list[Library] = []


class Proven(msgspec.Struct, frozen=True):
    """The facts of a rehearsal that are shown; there may be more."""

    rows: int = 0
    max_difference: float = 0.0
    tolerance: float | None = None
    methods: dict[str, float] = {}
    answers_sha256: str = ""
    load_seconds: float = 0.0
    predict_seconds: float | None = None
    peak_memory: int = 0
    cpu: Processor = Processor()


class CompiledTwin(msgspec.Struct, frozen=True):
    """The facts of a compiled twin that are used or shown; there may be more."""

    compiler: str | None = None
    exact: bool = False
    below: int | None = None
    max_difference: float = 0.0
    native_steps: list[str] = []
    tried: dict[str, int] = {}


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """``record.json``: who, when, how good. Fields of later versions are kept in the bytes.

    Attributes
    ----------
    name, version : str, int
        What the snapshot is called.
    digest, sha256 : str
        The content's digest, and the record's own.
    flavor, runs_code : str, bool
        The content's, for lists.
    files : dict of str to FileEntry
        The files beside the content.
    created, author, note : str
        When (UTC, ISO 8601), who, and a remark.
    metrics : dict of str to float
        How good it is on the test rows.
    intervals : dict of str to (float, float)
        Between which each metric lies when the test rows are drawn again.
    test : Tested
        Number of test rows, and metrics by class.
    rehearsal : Proven
        How it was proven.
    lineage : dict
        Where it comes from.
    privacy : dict
        What of the user's rows is in the bundle.
    twin : CompiledTwin
        The compiled twin: which one, how it was proven, and how fast it is.
    preprocess : list of str
        The steps that rows go through before the model, by name.
    notices : list of str
        What its author was told when it was taken.
    signed_by : str
        Fingerprint of the key that the content was signed with, as its author says; the signature proves it.
    native_difference : float
        Largest relative difference between the canonical and the plain call.
    bytes : int
        Size of the bundle.
    """

    name: str
    version: Annotated[int, msgspec.Meta(ge=1, le=99_999_999)]
    digest: str
    sha256: str
    flavor: str | None = None
    runs_code: bool | None = None
    files: dict[str, FileEntry] = {}
    created: str = ""
    author: str = ""
    note: str = ""
    metrics: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    test: Tested = Tested()
    rehearsal: Proven = Proven()
    lineage: dict[str, Any] = {}
    privacy: dict[str, Any] = {}
    twin: CompiledTwin = CompiledTwin()
    preprocess: list[str] = []
    notices: list[str] = []
    signed_by: str = ""
    native_difference: float = 0.0
    bytes: int = 0


class Environment(msgspec.Struct, frozen=True):
    """What was imported while the model answered in a clean process.

    Attributes
    ----------
    python : str
        Version of Python.
    packages : dict of str to str
        Distribution to its exact version.
    extras : dict of str to list of str
        Distribution to those of its extras that were in use.
    sources : dict of str to str
        Distribution to what pip installs it from, where that is no index: ``git+https://…@<commit>``; empty if it
        was installed from a folder or file of that machine.
    """

    python: str
    packages: dict[str, str] = {}
    extras: dict[str, list[str]] = {}
    sources: dict[str, str] = {}


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


def sha256(content: bytes | Path) -> str:
    """SHA-256 of bytes, or of a file read piece by piece, as 64 hexadecimal digits."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_entry(content: bytes | Path) -> FileEntry:
    """Digest and size of a file: of its bytes, or of the file on the disk."""
    return FileEntry(sha256(content), len(content) if isinstance(content, bytes) else content.stat().st_size)


def canonical_json(document: Any) -> bytes:
    """JSON with sorted keys, so that equal documents have equal bytes; readable, one item a line."""
    text = json.dumps(msgspec.to_builtins(document), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
