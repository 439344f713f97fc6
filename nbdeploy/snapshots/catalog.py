"""What the store answers: one snapshot, a list of them, an alias that moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.cards import Card, Page, Result, Table
from nbdeploy.errors import Corrupted, NbdeployError
from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.metrics import ordered
from nbdeploy.snapshots.pages.certificate import certificate, signed
from nbdeploy.snapshots.pages.disclosure import inside, kept_line
from nbdeploy.snapshots.pages.page import page
from nbdeploy.snapshots.pages.wording import count, minute, proof_in_short, score, size, some, twin_in_short
from nbdeploy.store import Store, Version
from nbdeploy.types import Signature

__all__ = ["AliasMove", "Exported", "Snapshot", "SnapshotList", "describe_version", "list_versions"]


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
class Snapshot(Result):
    """One snapshot in a store.

    Attributes
    ----------
    stored : Version
        Name, number, digest and record, as the store has them.
    manifest : Manifest
        Its documents.
    aliases : sequence of str
        The aliases that mean it now.
    event : str
        What just happened to it: ``stored``, ``found`` (it was stored before), ``imported``, ``verified``, or empty.
    proof : mapping
        What the latest rehearsal proved, where it was not the one at storing.
    notices : sequence of str
        What the user should know of what just happened.
    read : callable, optional
        Returns a file of the bundle by its SHA-256.
    moved : AliasMove, optional
        The alias that was given to it just now.
    """

    stored: Version
    manifest: Manifest = field(repr=False)
    aliases: Sequence[str] = ()
    event: str = ""
    proof: Mapping[str, Any] = field(default_factory=dict)
    notices: Sequence[str] = ()
    read: Callable[[str], bytes] | None = field(default=None, repr=False, compare=False)
    moved: AliasMove | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.stored.name

    @property
    def version(self) -> int:
        """The version number."""
        return self.stored.number

    @property
    def ref(self) -> str:
        """The reference of this version, ``churn:3``."""
        return str(self.stored)

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return self.stored.digest

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics on the test rows, those that say most first."""
        return dict(_metrics_of(self.stored))

    @property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Between which each metric lies in 95 % of resamples of the test rows."""
        return {name: (low, high) for name, (low, high) in self.stored.record.get("intervals", {}).items()}

    @property
    def profile(self) -> ModelProfile | None:
        """What all rows of the data were like, and the answers; None if the bundle has no profile.

        Raises
        ------
        Corrupted
            If it cannot be understood.
        """
        entry = self.manifest.files.get("profile.json")
        if entry is None or self.read is None:
            return None
        try:
            document = msgspec.json.decode(self.read(entry.sha256))
        except msgspec.DecodeError as error:
            raise Corrupted(f"profile.json of {self.ref} is not JSON: {error}") from error
        return ModelProfile.from_document(document)

    @property
    def signature(self) -> Signature:
        """What it takes and answers."""
        return self.manifest.parsed.signature

    @property
    def line(self) -> str:
        """What it is and how it was proven."""
        proof = self.proof or self.stored.record.get("rehearsal", {})
        if self.event == "verified" and not proof.get("rows"):
            return (
                f"{self.stored}: every file is as it was stored, and it loads in a clean process; no rows are kept "
                "with it, so its answers are not proven: give rows for that, by %deploy snapshot … --sample synthetic"
            )
        said = f"{self.stored}, proven equal in a clean process ({proof_in_short(proof)})"
        metrics = "".join(f", {said}" for said in self._scores()[:1])
        if self.event == "found":
            said = f"{self.stored} has this content already, proven equal when it was stored ({proof_in_short(proof)})"
        if self.event == "imported":
            said = f"{self.stored} imported from its bundle, every file checked"
        if self.event in {"stored", "found"}:
            kept = kept_line(self.stored.record.get("privacy", {}))
            moved = self.moved.briefly if self.moved else ""
            parts = [f"{said}{metrics}", kept, moved, f"next: {typed(f'push {self.stored.name}')}"]
            return "; ".join(part for part in parts if part)
        return said + metrics

    def card(self) -> Card:
        """Inputs, outputs, proof and metrics."""
        record, signature = self.stored.record, self.manifest.parsed.signature
        proof = self.proof or record.get("rehearsal", {})
        outputs = "; ".join(f"{name}: {some(out.columns)}" for name, out in signature.outputs.items())
        inputs = some([f"{c.name} ({c.type}{', may be missing' if c.nullable else ''})" for c in signature.columns])
        facts = [
            ("digest", f"{self.stored.digest[:19]}… · {size(record.get('bytes', 0))} · {record.get('flavor')}"),
            *certificate(proof),
            (
                "metrics",
                ", ".join(self._scores()) or "none: give --test X y",
            ),
            ("inputs", inputs),
            ("answers", outputs),
            ("by", f"{self.stored.author}, {minute(self.stored.created)}"),
        ]
        privacy = record.get("privacy", {})
        facts += [
            ("privacy", told) for told in ["; ".join(filter(None, (kept_line(privacy), inside(privacy))))] if told
        ]
        if self.aliases:
            facts.insert(1, ("aliases", ", ".join(self.aliases)))
        if record.get("runs_code"):
            facts.append(("runs code", "yes, when it is loaded: load it only if you trust its author"))
        if record.get("preprocess"):
            facts.append(("before it", " → ".join(record["preprocess"])))
        if record.get("signed_by"):
            facts.append(("signed", signed(record, proof)))
        if record.get("twin"):
            facts.append(("twin", twin_in_short(record["twin"])))
        if record.get("note"):
            facts.append(("note", record["note"]))
        facts += [("noticed", notice) for notice in record.get("notices", ())]
        return Card(str(self.stored), facts, next=self._following)

    def page(self) -> Page:
        """Everything there is to say of it, in sections."""
        try:
            profile = self.profile
        except NbdeployError:  # a store that is gone, or a forged file, is no reason to show nothing
            profile = None
        return page(
            self.manifest,
            profile,
            title=self.ref,
            ref=self.ref,
            proof=self.proof,
            aliases=self.aliases,
            following=self._following,
        )

    def _repr_html_(self) -> str:
        return self.page().html()

    @property
    def _following(self) -> str:
        return typed(f"push {self.stored.name}") if self.event in {"stored", "found"} else ""

    def _scores(self) -> list[str]:
        """Return metrics in words, the first with its interval."""
        found = enumerate(_metrics_of(self.stored))
        return [score(*pair, self.intervals.get(pair[0]) if not i else None) for i, pair in found]

    def document(self) -> dict[str, Any]:
        """Return the document of ``show --json``."""
        content = self.manifest.parsed
        return {
            **_row(self.stored, self.aliases),
            "signature": msgspec.to_builtins(content.signature),
            "environment": self._environment(),
            "lineage": self.stored.record.get("lineage", {}),
            "rehearsal": dict(self.proof or self.stored.record.get("rehearsal", {})),
            "twin": self.stored.record.get("twin") or None,
            "intervals": {name: list(interval) for name, interval in self.intervals.items()},
            "test": self.stored.record.get("test", {}),
            "privacy": self.stored.record.get("privacy", {}),
            "author": self.stored.author,
            "signed_by": self.stored.record.get("signed_by", ""),
            "note": self.stored.record.get("note", ""),
        }

    def _environment(self) -> dict[str, Any]:
        """What determines answers, and where they were made."""
        made = self.stored.record.get("rehearsal", {})
        where = {name: made[name] for name in ("platform", "machine", "cpu") if name in made}
        return {**msgspec.to_builtins(self.manifest.parsed.environment), **where}


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
                ", ".join(score(*pair) for pair in _metrics_of(version)[:2]),
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
        return [_row(version, aliases) for version, aliases in self.rows]


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


def describe_version(
    store: Store,
    version: Version,
    event: str = "",
    proof: Mapping[str, Any] | None = None,
    notices: Sequence[str] = (),
) -> Snapshot:
    """Describe a version with the aliases that mean it now."""
    aliases = [
        alias for alias, number in store.aliases(version.name, lambda _: None).items() if number == version.number
    ]
    return Snapshot(version, store.manifest(version), aliases, event, proof or {}, notices, store.blob)


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


def _row(version: Version, aliases: Sequence[str]) -> dict[str, Any]:
    record = version.record
    return {
        "name": version.name,
        "version": version.number,
        "digest": version.digest,
        "created": version.created,
        "flavor": record.get("flavor"),
        "aliases": list(aliases),
        "metrics": record.get("metrics", {}),
        "bytes": record.get("bytes"),
        "runs_code": record.get("runs_code"),
    }


def _metrics_of(version: Version) -> list[tuple[str, float]]:
    """Metrics of a version, those that say most first."""
    return ordered(version.record.get("metrics", {}))
