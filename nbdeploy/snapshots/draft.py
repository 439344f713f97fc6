"""The files that a model and its answers become: a bundle in the making, on the disk from the beginning."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from nbdeploy.bundles.signing import sign, signer_of
from nbdeploy.codecs import rebuild
from nbdeploy.files import write_file
from nbdeploy.flavors import FLAVORS, Saved
from nbdeploy.flavors.pickling import naming
from nbdeploy.manifest import (
    BESIDE,
    CONTENT,
    PROTOCOL,
    RECORD,
    SIGNATURE,
    Content,
    Environment,
    FileEntry,
    Manifest,
    canonical_json,
    file_entry,
)
from nbdeploy.profiles import ModelProfile
from nbdeploy.snapshots.answers import Answers
from nbdeploy.snapshots.capture import Captured
from nbdeploy.snapshots.mlmodel import mlmodel, python_env
from nbdeploy.snapshots.pages.page import model_card
from nbdeploy.snapshots.rehearsal.environment import requirements
from nbdeploy.snapshots.sampling import Kept

__all__ = ["Draft", "assemble"]

CARD = "README.md"


@dataclass(frozen=True)
class Draft:
    """A bundle that is not stored yet. It can be loaded, but its environment is only known when it was.

    Attributes
    ----------
    folder : Path
        The bundle.
    content : Content
        What determines its answers.
    record : mapping
        The version record, without the files beside the content.
    beside : mapping of str to FileEntry
        Those files.
    mlflow : mapping
        The ``flavors`` table of ``MLmodel``.
    packages : frozenset of str
        Top-level packages that the model is made of.
    profile : ModelProfile or None
        What its data was like, as in ``profile.json``; None until it is finished.
    """

    folder: Path
    content: Content
    record: Mapping[str, Any]
    beside: Mapping[str, FileEntry]
    mlflow: Mapping[str, Any]
    packages: frozenset[str]
    profile: ModelProfile | None = None

    @property
    def manifest(self) -> Manifest:
        """Both documents."""
        return Manifest.read(self.folder)

    @property
    def files(self) -> dict[str, Path]:
        """Path in the bundle to file, of every file but the documents."""
        return {path: self.folder / path for path in self.manifest.files}

    def finished(self, env: Environment, profile: ModelProfile, **facts: Any) -> Draft:
        """Write the profile and what follows from the environment, the documents, and a model card that tells them.

        Parameters
        ----------
        env : Environment
            What the model needs.
        profile : ModelProfile
            What its data was like.
        **facts : object
            What goes into the version record besides.
        """
        entries = {**self.content.files, "requirements.txt": self._write("requirements.txt", requirements(env))}
        content = msgspec.structs.replace(self.content, environment=env, files=dict(sorted(entries.items())))
        raw = canonical_json(content)
        self._write(CONTENT, raw)
        record = {**self.record, **facts}
        beside = {
            **self.beside,
            "profile.json": self._write("profile.json", canonical_json(profile)),
            "MLmodel": self._write("MLmodel", mlmodel(self.mlflow, content, file_entry(raw).sha256[:32])),
            "python_env.yaml": self._write("python_env.yaml", python_env(content)),
        }
        assert beside.keys() | {CARD} == BESIDE - {SIGNATURE}  # noqa: S101 - what readers accept is what is written
        done = replace(self, content=content, record=record, beside=beside, profile=profile)
        done._seal(raw)
        return done

    def signed(self, key: Path) -> Draft:
        """Sign the content with a private key. See :func:`nbdeploy.bundles.signing.sign`."""
        raw = (self.folder / CONTENT).read_bytes()
        signature = sign(raw, self.content, key)
        beside = {**self.beside, SIGNATURE: self._write(SIGNATURE, signature)}
        done = replace(self, beside=beside, record={**self.record, "signed_by": signer_of(signature)})
        done._seal(raw)
        return done

    def loadable(self) -> Draft:
        """Write the documents as far as they are known, which is enough to load the model."""
        raw = canonical_json(self.content)
        self._write(CONTENT, raw)
        self._seal(raw)
        return self

    def _seal(self, raw: bytes) -> None:
        """Write the record, and before it the model card, which tells it."""
        beside = dict(self.beside)
        if self.profile is not None:
            card = model_card(Manifest.sealed(raw, msgspec.to_builtins({**self.record, "bytes": 0})), self.profile)
            beside[CARD] = self._write(CARD, card)
        entries = (*self.content.files.values(), *beside.values())
        record = {
            **self.record,
            "files": dict(sorted(beside.items())),
            "bytes": sum(entry.size for entry in entries) + len(raw),
        }
        self._write(RECORD, Manifest.sealed(raw, msgspec.to_builtins(record)).record)

    def _write(self, path: str, content: bytes) -> FileEntry:
        write_file(self.folder / path, content)
        return file_entry(content)


def assemble(
    folder: Path,
    name: str,
    model: Any,
    answers: Answers,
    captured: Captured,
    kept: Kept,
) -> Draft:
    """Save a model into an empty folder, and join it with all that describes it.

    Parameters
    ----------
    folder : Path
        An empty folder, which becomes the bundle.
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
    """
    example = rebuild(answers.sample, answers.signature)
    with naming(captured.names):
        saved = FLAVORS[answers.asking.flavor].save(model, folder, captured.module, example)
    for path, source in captured.files.items():
        write_file(folder / path, source)
    inside = {str(path.relative_to(folder)): file_entry(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    kept.sample.write_parquet(folder / "sample.parquet")
    kept.expected.write_parquet(folder / "expected.parquet")
    content = _content(inside, answers, captured, saved)
    record = {
        "name": name,
        "version": 1,
        "flavor": content.flavor,
        "runs_code": content.runs_code,
        "privacy": kept.privacy,
        "native_difference": answers.native_difference,
    }
    return Draft(
        folder,
        content,
        record,
        {path: file_entry(folder / path) for path in ("sample.parquet", "expected.parquet")},
        saved.mlflow,
        captured.packages | saved.packages | {answers.signature.container} - {"builtins"},
    ).loadable()


def _content(files: Mapping[str, FileEntry], answers: Answers, captured: Captured, saved: Saved) -> Content:
    """Return what determines the answers; the environment is found when they are rehearsed."""
    return Content(
        protocol=PROTOCOL,
        flavor=answers.asking.flavor,
        signature=answers.signature,
        canonical=answers.asking.canonical,
        environment=Environment(python=platform.python_version()),
        files=dict(files),
        runs_code=saved.runs_code or captured.module is not None,
        loader=dict(saved.loader),
    )
