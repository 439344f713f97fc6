"""A snapshot at length: the model card in its bundle, and the card in the notebook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbdeploy.cards import Badge, Page
from nbdeploy.manifest import Manifest
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.pages import sections
from nbdeploy.snapshots.pages.wording import proof_in_short, size

__all__ = ["model_card", "page"]


def model_card(manifest: Manifest, profile: ModelProfile) -> bytes:
    """``README.md``: what is known before the snapshot has a number."""
    record = manifest.record_document
    ref = f"{record['name']}@{manifest.digest[:19]}"
    return page(manifest, profile, title=str(record["name"]), ref=ref).markdown().encode()


def page(
    manifest: Manifest,
    profile: ModelProfile | None,
    *,
    title: str,
    ref: str,
    proof: Mapping[str, Any] | None = None,
    aliases: Sequence[str] = (),
    following: str = "",
) -> Page:
    """Return everything there is to say of a snapshot.

    Parameters
    ----------
    manifest : Manifest
        Its documents.
    profile : ModelProfile, optional
        What its data was like, if that is known.
    title, ref : str
        What it is called, and the reference to load it by.
    proof : mapping, optional
        What a later rehearsal proved; the one at storing if not given.
    aliases : sequence of str
        The aliases that mean it now.
    following : str
        The command to type next.
    """
    record, content = manifest.record_document, manifest.parsed
    proven = proof or record.get("rehearsal", {})
    found = [
        sections.notices(record.get("notices", ())),
        sections.quality(record),
        sections.inputs(content.signature, profile),
        sections.answers(content.signature, profile),
        sections.certificate(record, proven),
        sections.twin(record),
        sections.lineage(record),
        sections.trust(content),
        sections.privacy(record, profile),
        sections.environment(content),
        sections.example(content.signature, profile),
        sections.loading(ref),
    ]
    return Page(
        title,
        [*(Badge(f"@{alias}") for alias in aliases), *_badges(manifest, proven)],
        _lead(manifest, proven),
        [section for section in found if section is not None],
        following,
    )


def _badges(manifest: Manifest, proven: Mapping[str, Any]) -> list[Badge]:
    badges = [Badge("proven equal", "good")] if proven else []
    if manifest.runs_code:
        badges.append(Badge("runs code", "warning"))
    return badges


def _lead(manifest: Manifest, proven: Mapping[str, Any]) -> str:
    record, content = manifest.record_document, manifest.parsed
    said = f"A {content.flavor} model"
    if proven:
        said += f", proven to answer the same in a clean process ({proof_in_short(proven)})"
    # Only of a stored snapshot: the model card is a part of what is measured.
    parts = [said, *([size(record["bytes"])] if record.get("created") else []), manifest.digest[:19]]
    return " · ".join(parts)
