"""Bundles from elsewhere, folder or archive: nothing in them is believed before it is checked."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from nbdeploy.bundles.bundle import Bundle
from nbdeploy.errors import Corrupted, NotABundle, NotFound, NotWritable
from nbdeploy.files import TemporaryFolder, writing
from nbdeploy.manifest import CONTENT, RECORD, FileEntry, Manifest

__all__ = ["unpacked"]

_LARGEST_DOCUMENT = 64 * 2**20
_LARGEST_RATIO = 200  # of unpacked to packed bytes; models and tables shrink to a tenth at best
_HARMLESS = 2**30  # bytes that an archive may unpack to at any ratio
_PIECE = 2**20


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[Bundle]:
    """Give an exported bundle as a folder while the block lasts, every file checked.

    Of an archive only the files that the bundle's own documents list are read, and of each only as many bytes as
    they say.

    Parameters
    ----------
    path : Path
        The folder, or the ``.zip`` archive, that an export wrote.

    Raises
    ------
    NotFound
        If there is nothing at `path`.
    NotABundle
        If it is something else than a bundle.
    NewerFormat
        If a later nbdeploy wrote it.
    Corrupted
        If a file was changed, or the archive has links, paths that lead out of it, or more than it says.
    """
    if not path.exists():
        raise NotFound(
            "bundle", str(path), hint="give the folder or .zip that export wrote, or an MLflow model's folder"
        )
    if path.is_dir():
        _refuse_links(path)
        yield Bundle.open(path)
        return
    with TemporaryFolder(prefix="nbdeploy-") as temporary:
        folder = Path(temporary, "bundle")
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = _extracted(archive, path, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            kind = Corrupted if zipfile.is_zipfile(path) else NotABundle
            raise kind(f"{path} is not a bundle, or is damaged: {error}", path=str(path)) from error
        except OSError as error:
            raise NotABundle(f"{path} cannot be read: {error.strerror or error}", path=str(path)) from error
        yield Bundle(folder, manifest)


def _refuse_links(folder: Path) -> None:
    """A link would make us read what is not in the bundle; a pipe or a device never ends."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                what = f"a link to {path.readlink()}" if stat.S_ISLNK(mode) else "no regular file"
                raise Corrupted(f"{path} is {what}; a bundle has plain files only, so it is refused", path=str(path))


def _extracted(archive: zipfile.ZipFile, path: Path, folder: Path) -> Manifest:
    members = _members(archive, path)
    for name in (CONTENT, RECORD):
        if name not in members:
            raise NotABundle(f"{path} is not a bundle: it has no {name}", path=str(path))
    manifest = Manifest(*(_document(archive, members[name]) for name in (CONTENT, RECORD)))
    _refuse_bomb(manifest, members, path)
    with writing(folder):
        for name, entry in manifest.files.items():
            _extract(archive, members[name], entry, folder / name)
        for name, content in zip((CONTENT, RECORD), (manifest.content, manifest.record), strict=True):
            (folder / name).write_bytes(content)
    return manifest


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Files in the archive by name; refused if any could lead out of it, or stands for another."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name, mode = info.orig_filename, stat.S_IFMT(info.external_attr >> 16)
        parts = PurePosixPath(name).parts
        if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or (parts and ":" in parts[0]):
            raise Corrupted(f"{path} has a file outside of itself, {name!r}, so it is refused", path=name)
        if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
            what = "a link" if mode == stat.S_IFLNK else "no regular file"
            raise Corrupted(f"{name!r} in {path} is {what}; a bundle has plain files only, so it is refused", path=name)
        if name in found:
            raise Corrupted(f"{path} has {name!r} twice, so it is refused", path=name)
        found[name] = info
    return {name: info for name, info in found.items() if not info.is_dir()}


def _document(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        content = file.read(_LARGEST_DOCUMENT + 1)
    if len(content) > _LARGEST_DOCUMENT:
        raise Corrupted(f"{info.filename} is larger than {_LARGEST_DOCUMENT >> 20} MiB, so it is refused")
    return content


def _refuse_bomb(manifest: Manifest, members: dict[str, zipfile.ZipInfo], path: Path) -> None:
    """Compare what the documents list with what the archive holds, before anything is unpacked."""
    for name, entry in manifest.files.items():
        if name not in members:
            raise Corrupted(f"{name} is missing from {path}", path=name)
        if members[name].file_size != entry.size:
            raise Corrupted(f"{name} in {path} was changed or is damaged: it has another size than recorded", path=name)
    total, packed = sum(entry.size for entry in manifest.files.values()), path.stat().st_size
    if total > max(_HARMLESS, packed * _LARGEST_RATIO):
        raise Corrupted(
            f"{path} would unpack from {packed} to {total} bytes, so it is refused as a zip bomb; if you trust it, "
            "unzip it and import the folder",
            packed=packed,
            total=total,
        )


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: FileEntry, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(out.parent).free < entry.size:
        raise NotWritable(f"{info.filename} needs {entry.size} bytes, and {out.parent} has fewer left", path=str(out))
    digest, left = hashlib.sha256(), entry.size
    with archive.open(info) as source, out.open("xb") as file:
        while piece := source.read(min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise Corrupted(f"{info.filename} is larger than it says, so it is refused", path=info.filename)
            digest.update(piece)
            file.write(piece)
    if left or digest.hexdigest() != entry.sha256:
        raise Corrupted(
            f"{info.filename} in {archive.filename} was changed or is damaged: its digest is not the recorded one",
            path=info.filename,
        )
