"""Bundles unpacked into folders for loading."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from nbdeploy.errors import Corrupted, NotWritable
from nbdeploy.files import TemporaryFolder
from nbdeploy.manifest import CONTENT, RECORD, Manifest, sha256

__all__ = ["unpack"]


def unpack(cache: Path, manifest: Manifest, save: Callable[[str, Path], None]) -> Path:
    """Return a folder that holds the bundle, every file checked; made anew if it is absent or damaged.

    Parameters
    ----------
    cache : Path
        Where unpacked bundles are kept.
    manifest : Manifest
        The bundle's documents.
    save : callable
        Writes the blob of a SHA-256 into a new file.
    """
    folder = cache / "bundles" / f"{manifest.digest[7:]}-{sha256(manifest.record)[:12]}"
    if folder.is_dir():
        try:
            manifest.verify(folder)
        except Corrupted:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            return folder
    try:
        _write(folder, manifest, save)
    except OSError as error:
        raise NotWritable(f"{folder} could not be written: {error.strerror or error}", path=str(folder)) from error
    return folder


def _write(folder: Path, manifest: Manifest, save: Callable[[str, Path], None]) -> None:
    """Write beside and rename: another process may do the same, and the first wins."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryFolder(dir=folder.parent, prefix=".part-") as temporary:
        part = Path(temporary, "bundle")
        for path, entry in manifest.files.items():
            (part / path).parent.mkdir(parents=True, exist_ok=True)
            save(entry.sha256, part / path)
        (part / CONTENT).write_bytes(manifest.content)
        (part / RECORD).write_bytes(manifest.record)
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
