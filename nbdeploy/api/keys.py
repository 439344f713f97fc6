"""Keys to sign snapshots with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

if TYPE_CHECKING:
    from nbdeploy.bundles.keys import KeyPair

__all__ = ["KeyCreated", "KeyList", "keys_create", "keys_list"]


@dataclass(frozen=True)
class KeyCreated(Result):
    """A pair of keys that was made."""

    pair: KeyPair

    @property
    def line(self) -> str:
        """Where they are, and what they are for."""
        return (
            f"key {self.pair.name} made: keep {self.pair.private} to yourself, give {self.pair.public} to those who "
            f"shall trust it; next: %deploy snapshot MODEL NAME -X X --sign {self.pair.name}"
        )

    def card(self) -> Card:
        """Both files and the fingerprint."""
        facts = [
            ("private key", f"{self.pair.private} (only you can read it; there is no copy)"),
            ("public key", self.pair.public),
            ("fingerprint", self.pair.fingerprint),
        ]
        return Card(f"key {self.pair.name}", facts, next=f"%deploy snapshot MODEL NAME -X X --sign {self.pair.name}")

    def document(self) -> dict[str, Any]:
        """Name, files and fingerprint."""
        return _document(self.pair)


@dataclass(frozen=True)
class KeyList(Result):
    """The pairs of keys in a home."""

    pairs: Sequence[KeyPair]
    folder: Path

    @property
    def line(self) -> str:
        """How many there are, and where."""
        if not self.pairs:
            return f"no keys yet in {self.folder}; next: {typed('keys create NAME')}"
        return f"{len(self.pairs)} key{'s' if len(self.pairs) != 1 else ''} in {self.folder}"

    def card(self) -> Card:
        """Return a table of keys."""
        rows = [(pair.name, pair.fingerprint[:12], pair.private.exists(), pair.public) for pair in self.pairs]
        if not rows:
            return Card("No keys yet", [("folder", self.folder)], next=typed("keys create NAME"))
        return Card(self.line, table=Table(("key", "fingerprint", "can sign", "public key"), rows))

    def document(self) -> list[dict[str, Any]]:
        """Name, files and fingerprint of each."""
        return [_document(pair) for pair in self.pairs]


def keys_create(name: str, *, out: str | Path | None = None, settings: Settings | None = None) -> KeyCreated:
    """Make a pair of keys to sign snapshots with.

    Parameters
    ----------
    name : str
        What it is called; it is never overwritten.
    out : str or Path, optional
        The folder for both files; ``$NBDEPLOY_HOME/keys`` by default, where commands find them by name.

    Raises
    ------
    Conflict
        If there is one of that name.
    """
    from nbdeploy.bundles.keys import Keys

    folder = (settings or Settings.load()).keys if out is None else Path(out).expanduser().absolute()
    return KeyCreated(Keys(folder).create(name))


def keys_list(*, settings: Settings | None = None) -> KeyList:
    """List the keys that commands find by name."""
    from nbdeploy.bundles.keys import Keys

    folder = (settings or Settings.load()).keys
    return KeyList(Keys(folder).all(), folder)


def _document(pair: KeyPair) -> dict[str, Any]:
    return {
        "name": pair.name,
        "private": str(pair.private),
        "public": str(pair.public),
        "fingerprint": pair.fingerprint,
    }
