"""One snapshot: what it is, how good it is, and what was proven of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nbdeploy.cards import Card, Page, Result
from nbdeploy.errors import Corrupted, NbdeployError
from nbdeploy.hints import typed
from nbdeploy.manifest import Manifest
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.metrics import ordered
from nbdeploy.snapshots.pages.certificate import certificate, signed
from nbdeploy.snapshots.pages.disclosure import inside, kept_line
from nbdeploy.snapshots.pages.page import page
from nbdeploy.snapshots.pages.wording import first_names, minute, proof_in_short, score, size, twin_in_short
from nbdeploy.snapshots.upkeep import AliasMove
from nbdeploy.store import Store, Version
from nbdeploy.types import Signature

__all__ = ["Snapshot", "describe_version", "metrics_of", "row_of"]


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
        return dict(metrics_of(self.stored))

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
        proof = self._proven
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
        record, signature, proof = self.stored.record, self.manifest.parsed.signature, self._proven
        outputs = "; ".join(f"{name}: {first_names(out.columns)}" for name, out in signature.outputs.items())
        taken = [f"{c.name} ({c.type}{', may be missing' if c.nullable else ''})" for c in signature.columns]
        privacy = record.get("privacy", {})
        runs_code = "yes, when it is loaded: load it only if you trust its author" if record.get("runs_code") else ""
        facts = [
            ("digest", f"{self.stored.digest[:19]}… · {size(record.get('bytes', 0))} · {record.get('flavor')}"),
            ("aliases", ", ".join(self.aliases)),
            *certificate(proof),
            ("metrics", ", ".join(self._scores()) or "none: give --test X y"),
            ("inputs", first_names(taken)),
            ("answers", outputs),
            ("by", f"{self.stored.author}, {minute(self.stored.created)}"),
            ("privacy", "; ".join(filter(None, (kept_line(privacy), inside(privacy))))),
            ("runs code", runs_code),
            ("before it", " → ".join(record.get("preprocess") or ())),
            ("signed", signed(record, proof)),
            ("twin", twin_in_short(record["twin"]) if record.get("twin") else ""),
            ("note", record.get("note", "")),
            *(("noticed", notice) for notice in record.get("notices", ())),
        ]
        return Card(str(self.stored), [fact for fact in facts if fact[1]], next=self._following)

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
    def _proven(self) -> Mapping[str, Any]:
        """What the latest rehearsal proved."""
        return self.proof or self.stored.record.get("rehearsal", {})

    @property
    def _following(self) -> str:
        return typed(f"push {self.stored.name}") if self.event in {"stored", "found"} else ""

    def _scores(self) -> list[str]:
        """Return metrics in words, the first with its interval."""
        found = enumerate(metrics_of(self.stored))
        return [score(*pair, self.intervals.get(pair[0]) if not i else None) for i, pair in found]

    def document(self) -> dict[str, Any]:
        """Return the document of ``show --json``."""
        content = self.manifest.parsed
        return {
            **row_of(self.stored, self.aliases),
            "signature": msgspec.to_builtins(content.signature),
            "environment": self._environment(),
            "lineage": self.stored.record.get("lineage", {}),
            "rehearsal": dict(self._proven),
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


def row_of(version: Version, aliases: Sequence[str]) -> dict[str, Any]:
    """What a list says of a version, as one document."""
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


def metrics_of(version: Version) -> list[tuple[str, float]]:
    """Metrics of a version, those that say most first."""
    return ordered(version.record.get("metrics", {}))
