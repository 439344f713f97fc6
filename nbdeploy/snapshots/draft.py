"""The files that a model and its answers become: a bundle in the making."""

from __future__ import annotations

import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from nbdeploy.codecs import rebuild
from nbdeploy.flavors import FLAVORS, Saved
from nbdeploy.flavors.pickling import naming
from nbdeploy.manifest import BESIDE, PROTOCOL, Content, Manifest, canonical_json, file_entry
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.capture import Captured
from nbdeploy.snapshots.environment import environment, requirements
from nbdeploy.snapshots.mlmodel import mlmodel, python_env
from nbdeploy.snapshots.page import model_card
from nbdeploy.snapshots.sampling import Kept

__all__ = ["Draft", "assemble"]

CARD = "README.md"


@dataclass(frozen=True)
class Draft:
    """A bundle that is not stored yet.

    Attributes
    ----------
    manifest : Manifest
        Its documents.
    files : mapping of str to bytes
        Path to content of every other file.
    profile : ModelProfile
        What its data was like, as in ``profile.json``.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    profile: ModelProfile

    def write(self, folder: Path) -> Path:
        """Write the bundle into a folder."""
        documents = {"content.json": self.manifest.content, "record.json": self.manifest.record}
        for path, content in {**self.files, **documents}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    def finished(self, **facts: Any) -> Draft:
        """Return the bundle with more facts in the record, and a model card that tells them."""
        record = {**self.manifest.record_document, **facts}
        card = model_card(Manifest.sealed(self.manifest.content, record), self.profile)
        record["bytes"] += len(card) - len(self.files[CARD])
        record["files"] = {**record["files"], CARD: msgspec.to_builtins(file_entry(card))}
        return Draft(Manifest.sealed(self.manifest.content, record), {**self.files, CARD: card}, self.profile)


def assemble(
    folder: Path,
    name: str,
    model: Any,
    answers: Answers,
    captured: Captured,
    kept: Kept,
    facts: Mapping[str, Any],
) -> Draft:
    """Save a model below an empty folder, and join it with all that describes it.

    Parameters
    ----------
    folder : Path
        An empty folder to work in; it is empty again afterwards.
    name : str
        The model's name.
    model : object
        The live model.
    answers : Answers
        What it answered.
    captured : Captured
        The source that travels with it.
    kept : Kept
        The rows that stay beside it.
    facts : mapping
        What goes into the version record besides: metrics, note, lineage.
    """
    example = rebuild(answers.sample, answers.signature)
    with naming(captured.names):
        saved = FLAVORS[answers.asking.flavor].save(model, folder, captured.module, example)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    shutil.rmtree(folder)
    content, inside = _content({**files, **captured.files}, answers, captured, saved)
    raw = canonical_json(content)
    beside = {
        "MLmodel": mlmodel(saved.mlflow, content, file_entry(raw).sha256[:32]),
        "python_env.yaml": python_env(content),
        CARD: b"",
        "profile.json": canonical_json(kept.profile),
        "sample.parquet": _parquet(kept.sample),
        "expected.parquet": _parquet(kept.expected),
    }
    assert beside.keys() == BESIDE  # noqa: S101 - what readers accept is what is written
    record = {
        **facts,
        "name": name,
        "version": 1,
        "flavor": content.flavor,
        "runs_code": content.runs_code,
        "privacy": kept.privacy,
        "native_difference": answers.native_difference,
        "files": {path: file_entry(data) for path, data in sorted(beside.items())},
        "bytes": sum(len(data) for data in (*inside.values(), *beside.values())) + len(raw),
    }
    return Draft(Manifest.sealed(raw, msgspec.to_builtins(record)), {**inside, **beside}, kept.profile).finished()


def _content(
    files: Mapping[str, bytes], answers: Answers, captured: Captured, saved: Saved
) -> tuple[Content, dict[str, bytes]]:
    """Return what determines the answers, with its files."""
    env = environment(captured.packages | saved.packages | {answers.signature.container} - {"builtins"})
    inside = {**files, "requirements.txt": requirements(env)}
    content = Content(
        protocol=PROTOCOL,
        flavor=answers.asking.flavor,
        signature=answers.signature,
        canonical=answers.asking.canonical,
        environment=env,
        files={path: file_entry(data) for path, data in sorted(inside.items())},
        runs_code=saved.runs_code or captured.module is not None,
        loader=dict(saved.loader),
    )
    return content, inside


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
