"""Why a snapshot became a new version: what determines its answers and is not as it was in the version before."""

from __future__ import annotations

from collections.abc import Sequence

from nbdeploy.manifest import Manifest
from nbdeploy.snapshots.comparing.changes import Change, changed, environment_of, files_of, signature_of
from nbdeploy.store import Store, Version

__all__ = ["novelty", "why_new"]

_SHOWN = 3


def novelty(store: Store, version: Version) -> list[str]:
    """Say why a version is new, where there was one before."""
    earlier = [other for other in store.versions(version.name) if other.number < version.number]
    if not earlier:
        return []
    before = max(earlier, key=lambda other: other.number)
    return [why_new(store.manifest(before), store.manifest(version))]


def why_new(before: Manifest, after: Manifest) -> str:
    """Say in one sentence how the content of a new version differs from that of the one before.

    Parameters
    ----------
    before, after : Manifest
        The documents of both.
    """
    old, new = before.parsed, after.parsed
    model = changed(_fitted(before), _fitted(after))
    parts = {
        "flavor": changed({"flavor": old.flavor}, {"flavor": new.flavor}),
        "captured source": changed(_source(before), _source(after)),
        "signature": changed(signature_of(old.signature), signature_of(new.signature)),
        "packages": changed(environment_of(before), environment_of(after)),
        "calls": changed({"canonical": old.canonical}, {"canonical": new.canonical}),
    }
    told = [f"{part} ({_named(changes)})" for part, changes in parts.items() if changes]
    unlike = f"unlike {before.parsed_record.name}:{before.number}"
    if model and not told:
        return (
            f"{unlike} only in what was fitted ({_named(model)}): other data, other parameters, or a fit without a "
            "fixed seed, which is another model each time (set random_state, and the same notebook stores nothing new)"
        )
    return f"{unlike} in {', '.join([*told, *([f'what was fitted ({_named(model)})'] if model else [])])}"


def _fitted(manifest: Manifest) -> dict[str, str]:
    return {path: entry for path, entry in files_of(manifest).items() if path.startswith("model/")}


def _source(manifest: Manifest) -> dict[str, str]:
    return {path: entry.sha256 for path, entry in manifest.parsed.files.items() if path.startswith("code/")}


def _named(changes: Sequence[Change]) -> str:
    more = f" and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
    return ", ".join(change.name for change in changes[:_SHOWN]) + more
