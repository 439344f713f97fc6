"""Reading and writing bundles."""

from __future__ import annotations

import io
import shutil
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nbdeploy.errors import Conflict, Corrupted, NotFound, NotWritable
from nbdeploy.files import write_atomically
from nbdeploy.manifest import Content, Manifest, sha256

__all__ = ["Bundle", "read_files"]

DOCUMENT = 64 * 2**20
"""Largest size of a bundle's documents in bytes, a guard against archives that unpack to more than they say."""


@dataclass(frozen=True)
class Bundle:
    """A snapshot as a folder.

    Attributes
    ----------
    path : Path
        The folder.
    manifest : Manifest
        Its two documents.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """Open a folder as a bundle, every file compared with its digest.

        Parameters
        ----------
        path : Path
            The folder.

        Raises
        ------
        Corrupted
            If it is not a bundle, or a file was changed.
        """
        manifest = Manifest.read(path)
        manifest.verify(path)
        return cls(path, manifest)

    @property
    def content(self) -> Content:
        """What determines the answers."""
        return self.manifest.parsed

    @property
    def record(self) -> dict[str, Any]:
        """Who, when, how good."""
        return self.manifest.record_document

    @property
    def digest(self) -> str:
        """``sha256:`` and 64 hexadecimal digits."""
        return self.manifest.digest

    def export(self, out: Path) -> Path:
        """Copy the bundle to a new folder, or into a ``.zip`` archive.

        Raises
        ------
        Conflict
            If the folder exists and is not empty.
        NotWritable
            If it cannot be written.
        """
        if out.suffix == ".zip" and not out.exists():
            write_atomically(out, self._archive())
            return out
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise Conflict(f"{out} exists and is not an empty folder; choose another place", path=str(out))
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
                copy = Path(shutil.copytree(self.path, Path(temporary, "bundle")))
                copy.replace(out)
        except OSError as error:
            # copytree collects the errors of all files; the first says it.
            reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error
            raise NotWritable(f"{out} could not be written: {reason}", path=str(out)) from error
        return out

    def _archive(self) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in ("content.json", "record.json", *sorted(self.manifest.files)):
                archive.write(self.path / name, name)
        return buffer.getvalue()


def read_files(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read an exported bundle, folder or ``.zip``, and check every file.

    Returns
    -------
    manifest : Manifest
        Both documents.
    files : dict of str to bytes
        Path to content of every other file.

    Raises
    ------
    NotFound
        If there is nothing at `path`.
    Corrupted
        If it is not a bundle, or a file was changed.
    """
    if not path.exists():
        raise NotFound("bundle", str(path), hint="give the folder or .zip that export wrote")
    return _read_folder(path) if path.is_dir() else _read_archive(path)


def _read_folder(folder: Path) -> tuple[Manifest, dict[str, bytes]]:
    manifest = Bundle.open(folder).manifest
    return manifest, {name: (folder / name).read_bytes() for name in manifest.files}


def _read_archive(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    """Read only what the two documents list, and of each file only as much as they say."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = Manifest(_member(archive, "content.json", DOCUMENT), _member(archive, "record.json", DOCUMENT))
            files = {name: _member(archive, name, entry.size) for name, entry in manifest.files.items()}
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Corrupted(f"{path} is not a bundle, or is damaged: {error}", path=str(path)) from error
    for name, entry in manifest.files.items():
        if sha256(files[name]) != entry.sha256:
            raise Corrupted(f"{name} in {path} was changed or is damaged: its digest is not the recorded one")
    return manifest, files


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    with archive.open(name) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise zipfile.BadZipFile(f"{name} is larger than it says")
    return content
