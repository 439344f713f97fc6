"""One numbered snapshot of a model, and what its numbers must never do: mean two things."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest

__all__ = ["Removal", "Version", "as_new", "author", "conflict_message", "now", "removed_message"]


@dataclass(frozen=True)
class Version:
    """One numbered snapshot of a model.

    Attributes
    ----------
    name : str
        The model's name.
    number : int
        The version number, from 1.
    digest : str
        ``sha256:`` and 64 hexadecimal digits.
    record : mapping
        The version record: author, metrics, rehearsal …
    """

    name: str
    number: int
    digest: str
    record: Mapping[str, Any] = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name}:{self.number}"

    def holds(self, manifest: Manifest) -> bool:
        """Whether this version is a bundle already: the same content, signed with the same key if it is signed."""
        signer = manifest.parsed_record.signed_by
        return self.digest == manifest.digest and (not signer or self.record.get("signed_by") == signer)

    @property
    def created(self) -> str:
        """When it was stored, UTC, ISO 8601."""
        return str(self.record.get("created", ""))

    @property
    def author(self) -> str:
        """Who stored it."""
        return str(self.record.get("author", ""))


@dataclass(frozen=True)
class Removal:
    """That a version was removed: its number is never given again.

    Attributes
    ----------
    name, number : str, int
        Which version it was.
    digest : str
        What it was; empty if its record could not be read.
    by, at : str
        Who removed it, and when (UTC, ISO 8601).
    """

    name: str
    number: int
    digest: str
    by: str
    at: str


def conflict_message(here: Version, manifest: Manifest, place: str) -> str:
    """Say that two different snapshots claim one number, and what to do."""
    record = manifest.record_document
    return (
        f"{here} already means another snapshot in {place}: {here.digest[:19]} by {here.author} on {here.created}, "
        f"but this one is {manifest.digest[:19]} by {record.get('author')} on {record.get('created')}; "
        'share one store so that numbers agree: store = "s3://…" in nbdeploy.toml'
    )


def removed_message(removal: Removal, place: str) -> str:
    """Say that a number belonged to a snapshot that was removed, and what to do."""
    return (
        f"{removal.name}:{removal.number} was removed from {place} by {removal.by} on {removal.at}, and its number is "
        f"not given again; {as_new()}"
    )


def now() -> str:
    """UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def author() -> str:
    """Who does this: the user's name on this machine."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def as_new() -> str:
    """What can be done where a number is taken."""
    return f"store it as a new version: {typed('import PATH --renumber')}"
