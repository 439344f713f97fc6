"""What keeping a store answers: aliases moved, versions exported, removed and copied, and the history of a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.hints import typed
from nbdeploy.snapshots.pages.wording import count, minute, size
from nbdeploy.store import Collected, Removal, Store, Version

__all__ = ["AliasMove", "Copied", "Event", "Exported", "ModelHistory", "Removed", "Swept", "history"]


@dataclass(frozen=True)
class AliasMove(Result):
    """An alias that was set or removed."""

    name: str
    alias: str
    before: int | None
    after: int | None

    @property
    def line(self) -> str:
        """What it meant and means."""
        if self.after is None:
            return f"{self.name}@{self.alias} removed; it was {self.name}:{self.before}"
        if self.before == self.after:
            return f"{self.name}@{self.alias} is {self.name}:{self.after} already"
        was = f", it was {self.name}:{self.before}" if self.before else ""
        return (
            f"{self.name}@{self.alias} is now {self.name}:{self.after}{was}; deployments stay as they are until a push"
        )

    @property
    def briefly(self) -> str:
        """The same in a few words, for a line about the version that it means."""
        if self.before == self.after:
            return f"alias {self.alias} means it already"
        return f"alias {self.alias} moved to it" + (f" from {self.name}:{self.before}" if self.before else "")

    def card(self) -> Card:
        """What it means, and what it meant."""
        now, before = (f"{self.name}:{number}" if number else "nothing" for number in (self.after, self.before))
        return Card(f"{self.name}@{self.alias}", [("now", now), ("before", before)])

    def document(self) -> dict[str, Any]:
        """Name, alias, and the versions before and after."""
        return {"name": self.name, "alias": self.alias, "before": self.before, "version": self.after}


@dataclass(frozen=True)
class Exported(Result):
    """A bundle that was written somewhere."""

    version: Version
    path: Path

    @property
    def line(self) -> str:
        """What was written where."""
        return f"{self.version} exported to {self.path}; it is a valid MLflow model too"

    def card(self) -> Card:
        """Where it is, and how MLflow loads it."""
        facts: list[tuple[str, Any]] = [("path", self.path), ("digest", self.version.digest)]
        if self.path.is_dir():
            facts.append(("by MLflow", f"mlflow.pyfunc.load_model({str(self.path)!r})"))
        return Card(f"{self.version} exported", facts)

    def document(self) -> dict[str, Any]:
        """Snapshot, digest and path."""
        return {"snapshot": str(self.version), "digest": self.version.digest, "path": str(self.path)}


@dataclass(frozen=True)
class Removed(Result):
    """A version that was removed."""

    removal: Removal

    @property
    def line(self) -> str:
        """What was removed, and how its space is freed."""
        gone = self.removal
        return (
            f"{gone.name}:{gone.number} removed; its number is not given again, and its files go with the next "
            + typed("gc")
        )

    def card(self) -> Card:
        """What it was, and who removed it."""
        gone = self.removal
        facts = [("digest", gone.digest), ("by", f"{gone.by}, {minute(gone.at)}")]
        return Card(f"{gone.name}:{gone.number} removed", facts, next=typed("gc"))

    def document(self) -> dict[str, Any]:
        """Which version, what it was, who removed it and when."""
        return asdict(self.removal)


@dataclass(frozen=True)
class Swept(Result):
    """What collecting garbage did, or would do."""

    collected: Collected
    store: str
    grace: timedelta
    dry: bool

    @property
    def line(self) -> str:
        """How much was deleted, and how much waits."""
        done, verb = self.collected, "would delete" if self.dry else "deleted"
        waits = f"; {done.waiting} younger than {_hours(self.grace)} wait" if done.waiting else ""
        if not done.blobs:
            return f"nothing to delete in {self.store}{waits}; {count(done.kept, 'file')} in use"
        return (
            f"{verb} {count(done.blobs, 'file')} ({size(done.bytes)}) that no snapshot in {self.store} uses{waits}; "
            f"{done.kept} in use"
        )

    def card(self) -> Card:
        """The same in figures."""
        done, verb = self.collected, "to delete" if self.dry else "deleted"
        facts = [(verb, f"{count(done.blobs, 'file')}, {size(done.bytes)}")]
        facts += [(f"younger than {_hours(self.grace)}", count(done.waiting, "file"))] if done.waiting else []
        return Card("Files in the store", [*facts, ("in use", count(done.kept, "file")), ("store", self.store)])

    def document(self) -> dict[str, Any]:
        """Files and bytes deleted, files waiting, files in use."""
        done = self.collected
        counts = {"deleted": done.blobs, "bytes": done.bytes, "waiting": done.waiting, "in_use": done.kept}
        return {"store": self.store, "dry": self.dry, **counts}


@dataclass(frozen=True)
class Copied(Result):
    """A version that is in another store too."""

    version: Version
    store: str
    files: int
    bytes: int

    @property
    def line(self) -> str:
        """What is where, and what had to be sent."""
        if not self.files:
            return f"{self.version} is in {self.store}; all its files were there"
        return f"{self.version} copied to {self.store}: {self._sent}"

    @property
    def _sent(self) -> str:
        return f"{count(self.files, 'file')}, {size(self.bytes)}"

    def card(self) -> Card:
        """What is where, and what had to be sent."""
        facts = [("store", self.store), ("sent", self._sent), ("digest", self.version.digest)]
        return Card(f"{self.version} is in another store too", facts)

    def document(self) -> dict[str, Any]:
        """Snapshot, digest, store, and what was sent."""
        told = {"snapshot": str(self.version), "digest": self.version.digest}
        return {**told, "store": self.store, "files": self.files, "bytes": self.bytes}


@dataclass(frozen=True)
class Event:
    """One thing that happened to a model.

    Attributes
    ----------
    at, by : str
        When (UTC, ISO 8601), and who.
    event : str
        ``stored``, ``removed``, ``alias`` (it means the version since) or ``alias removed``.
    version : int or None
        Which version; None for an alias that was taken away.
    alias : str
        Which alias, if it is about one.
    digest, note : str
        The version's digest; its note, or the condition under which the alias moved.
    """

    at: str
    by: str
    event: str
    version: int | None = None
    alias: str = ""
    digest: str = ""
    note: str = ""


@dataclass(frozen=True)
class ModelHistory(Result):
    """What happened to a model, oldest first."""

    name: str
    events: Sequence[Event]

    @property
    def line(self) -> str:
        """How much happened, and what was last."""
        happened = count(len(self.events), "event")
        last = self.events[-1]
        return f"{self.name}: {happened}, the last on {minute(last.at)} by {last.by}: {_said(self.name, last)}"

    def card(self) -> Card:
        """Return a table of events."""
        rows = [(minute(one.at), one.by, _said(self.name, one), one.digest[7:19], one.note) for one in self.events]
        return Card(f"History of {self.name}", table=Table(("when", "who", "what", "digest", "note"), rows))

    def document(self) -> list[dict[str, Any]]:
        """Return every event."""
        return [asdict(event) for event in self.events]


def history(store: Store, name: str) -> ModelHistory:
    """Tell what happened to a model: versions stored and removed, aliases moved, with author and time.

    Raises
    ------
    NotFound
        If there never was a model of that name.
    """
    stored = [Event(v.created, v.author, "stored", v.number, digest=v.digest, note=_note(v)) for v in store.every(name)]
    if not stored:
        store.resolve(name)  # says what there is
    taken = [Event(r.at, r.by, "removed", r.number, digest=r.digest) for r in store.removals(name)]
    moves = [[_moved(alias, move) for move in every] for alias, every in store.moves(name).items()]
    # A sequence of facts is in order whatever its writers' clocks said: a time never goes back within it.
    timed = [entry for one in (stored, *moves) for entry in _monotonic(one)] + [(one.at, one) for one in taken]
    return ModelHistory(name, [event for _, event in sorted(timed, key=lambda entry: entry[0])])


def _monotonic(events: Sequence[Event]) -> list[tuple[str, Event]]:
    latest, found = "", []
    for event in events:
        latest = max(latest, event.at)
        found.append((latest, event))
    return found


def _moved(alias: str, move: dict[str, Any]) -> Event:
    event = "alias removed" if move.get("version") is None else "alias"
    at, by, why = (str(move.get(key, "")) for key in ("at", "by", "if"))
    return Event(at, by, event, move.get("version"), alias, note=f"if {why}" if why else "")


def _note(version: Version) -> str:
    return str(version.record.get("note", ""))


def _said(name: str, event: Event) -> str:
    if event.event == "alias":
        return f"{name}@{event.alias} → {name}:{event.version}"
    if event.event == "alias removed":
        return f"{name}@{event.alias} removed"
    return f"{name}:{event.version} {event.event}"


def _hours(age: timedelta) -> str:
    return f"{age.total_seconds() / 3600:.3g} h"
