"""The snapshots in a store, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.errors import Corrupted
from nbdeploy.hints import typed
from nbdeploy.snapshots.described import metrics_of, row_of
from nbdeploy.snapshots.pages.wording import count, minute, score, size
from nbdeploy.store import Store, Version

__all__ = ["SnapshotList", "list_versions"]


@dataclass(frozen=True)
class SnapshotList(Result):
    """Snapshots in a store."""

    rows: Sequence[tuple[Version, Sequence[str]]]
    store: str
    notices: Sequence[str] = ()

    @property
    def line(self) -> str:
        """How many there are, and where."""
        if not self.rows:
            return f"no snapshots yet in {self.store}; next: %deploy snapshot MODEL NAME -X X"
        return f"{count(len(self.rows), 'snapshot')} in {self.store}"

    def card(self) -> Card:
        """Return a table of snapshots."""
        if not self.rows:
            return Card("No snapshots yet", [("store", self.store)], next="%deploy snapshot MODEL NAME -X X")
        rows = [
            (
                str(version),
                ", ".join(aliases),
                ", ".join(score(*pair) for pair in metrics_of(version)[:2]),
                version.record.get("flavor", ""),
                size(version.record.get("bytes", 0)),
                minute(version.created),
                version.digest[7:19],
            )
            for version, aliases in self.rows
        ]
        header = ("snapshot", "aliases", "metrics", "flavor", "size", "created", "digest")
        return Card(self.line, table=Table(header, rows))

    def document(self) -> list[dict[str, Any]]:
        """Return the document of ``list --json``."""
        return [row_of(version, aliases) for version, aliases in self.rows]


def list_versions(store: Store, name: str | None = None) -> SnapshotList:
    """List every version of every model, newest first, or of one model.

    Raises
    ------
    NotFound
        If there is no model `name`.
    """
    names = store.names()
    if name is not None and name not in names:
        store.resolve(name)  # says what there is
    rows: list[tuple[Version, Sequence[str]]] = []
    damaged: list[Corrupted] = []
    lost: list[Corrupted] = []
    for model in names if name is None else [name]:
        aliases = store.aliases(model, lost.append)
        versions = store.versions(model, damaged.append)
        rows += [(v, [a for a, number in aliases.items() if number == v.number]) for v in reversed(versions)]
    notices = [f"{error}; remove it with: {typed('rm NAME:NUMBER --yes')}" for error in damaged]
    return SnapshotList(rows, store.url, [*notices, *map(str, lost)])
