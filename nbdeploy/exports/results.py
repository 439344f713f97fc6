"""What exporting answers."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Result
from nbdeploy.store import Version

__all__ = ["Containable"]


@dataclass(frozen=True)
class Containable(Result):
    """A folder from which the image of an endpoint is built."""

    version: Version
    path: Path

    @property
    def line(self) -> str:
        """Where it is, and how to build it."""
        return f"{self.version} is ready to become an image in {self.path}; next: {self._build}"

    def card(self) -> Card:
        """Where it is, what it holds, and how to build it."""
        facts = [("path", self.path), ("digest", self.version.digest), ("how to start it", self.path / "README.md")]
        return Card(f"{self.version} as an image", facts, next=self._build)

    def document(self) -> dict[str, Any]:
        """Snapshot, digest and path."""
        return {
            "snapshot": str(self.version),
            "digest": self.version.digest,
            "path": str(self.path),
            "format": "docker",
        }

    @property
    def _build(self) -> str:
        return f"docker build --tag {self.version.name} {shlex.quote(str(self.path))}"
