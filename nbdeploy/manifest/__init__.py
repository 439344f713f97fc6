"""What describes a bundle: ``content.json`` (what determines answers) and ``record.json`` (who, when, how good).

The digest of a snapshot is the SHA-256 of the bytes of ``content.json``, which holds the SHA-256 of every
content file. The record names the digest, lists the remaining files, and carries a SHA-256 of its own.
"""

from nbdeploy.manifest.documents import (
    BESIDE,
    CODE,
    CONTENT,
    PROTOCOL,
    RECORD,
    SIGNATURE,
    Content,
    Environment,
    FileEntry,
    Record,
    canonical_json,
    file_entry,
    sha256,
)
from nbdeploy.manifest.manifest import Manifest

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
    "Manifest",
    "Record",
    "canonical_json",
    "file_entry",
    "sha256",
]
