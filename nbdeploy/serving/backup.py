"""All that an endpoint has, in one archive, also while it runs; and a folder made of that again.

Everything in the folder is either never changed (the store), or replaced whole (deployments, tokens), or only grows
(audit), or is a database, which is copied by its own means. What is deployed is read first and its snapshots
afterwards, so that none is missing.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from nbdeploy.cards import Card, Result
from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.files import TemporaryFolder, replacing, writing
from nbdeploy.hints import typed
from nbdeploy.serving.home import Home

__all__ = ["BackedUp", "Restored", "back_up", "restore"]

_MARK = "nbdeploy-endpoint"
_DATABASE = "nbdeploy.db"
_PARTS = ("deployments", "identity", "tokens", "audit.jsonl", "store")


@dataclass(frozen=True)
class BackedUp(Result):
    """An archive that was written.

    Attributes
    ----------
    home, archive : str
        Of which folder, and where.
    files, size : int
        How many files, and bytes of the archive.
    """

    home: str
    archive: str
    files: int
    size: int

    @property
    def line(self) -> str:
        """Where it is, and that it holds tokens' hashes only."""
        return (
            f"{self.files} files of {self.home} are in {self.archive} ({self.size / 2**20:.1f} MiB); "
            f"next: {typed(f'serve --restore {self.archive} --home DIR')}"
        )

    def card(self) -> Card:
        """Where it is."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"home": self.home, "archive": self.archive, "files": self.files, "bytes": self.size}


@dataclass(frozen=True)
class Restored(Result):
    """A folder that was made of an archive."""

    home: str
    files: int

    @property
    def line(self) -> str:
        """Where it is, and how to serve it."""
        return f"{self.files} files are in {self.home}; next: {typed(f'serve --home {self.home}')}"

    def card(self) -> Card:
        """Where it is."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"home": self.home, "files": self.files}


def back_up(home: Path, out: Path) -> BackedUp:
    """Write an archive of an endpoint's folder, which only its owner can read.

    Raises
    ------
    NotFound
        If there is no endpoint's folder.
    NotWritable
        If the archive cannot be written; nothing half-written is left.
    """
    if not (home / "deployments").is_dir() and not (home / "store").is_dir():
        raise NotFound("endpoint", str(home), hint="give its folder with --home")
    count = 0
    with replacing(out, 0o600) as part, writing(out), zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_MARK, b"1")
        for name, path in _files(home):
            with contextlib.suppress(FileNotFoundError):  # a token that was revoked just now
                archive.write(path, name)
                count += 1
        if (home / _DATABASE).exists():
            with TemporaryFolder(dir=out.parent, prefix=f".{out.name}.") as folder:
                archive.write(_copied(home / _DATABASE, Path(folder, _DATABASE)), _DATABASE)
            count += 1
    return BackedUp(str(home), str(out), count, out.stat().st_size)


def restore(archive: Path, home: Path) -> Restored:
    """Make a folder of an archive.

    Raises
    ------
    Conflict
        If there is something in the folder.
    Corrupted
        If it is not such an archive, or a file of it would land elsewhere.
    """
    if home.exists() and any(home.iterdir()):
        raise Conflict(f"{home} is not empty; give a new folder with --home, or move that away", path=str(home))
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist() if not info.is_dir() and info.filename != _MARK]
            if _MARK not in opened.namelist() or not all(map(_is_ours, names)) or opened.testzip() is not None:
                raise Corrupted(f"{archive} is damaged, or no archive of an endpoint: serve --backup makes those")
            _extract(opened, names, home)
    except (OSError, zipfile.BadZipFile) as error:
        raise Corrupted(f"{archive} cannot be read as an archive of an endpoint: {error}") from error
    return Restored(str(home), len(names))


def _extract(archive: zipfile.ZipFile, names: list[str], home: Path) -> None:
    """The folder is there whole or not at all."""
    Home(home).make()
    with writing(home), TemporaryFolder(dir=home.parent, prefix=f".{home.name}.") as folder:
        for name in names:
            place = Path(folder, "home", name)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with archive.open(name) as source, place.open("wb") as target:
                shutil.copyfileobj(source, target, 2**20)
            place.chmod(0o600 if not name.startswith("store/") else 0o644)
        Path(folder, "home").chmod(0o700)
        home.rmdir()
        Path(folder, "home").rename(home)


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    for part in _PARTS:
        place = home / part
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            hidden = any(name.startswith(".") for name in path.relative_to(home).parts)
            if path.is_file() and not hidden and path.suffix != ".lock":
                yield path.relative_to(home).as_posix(), path


def _copied(database: Path, copy: Path) -> Path:
    with contextlib.closing(sqlite3.connect(database)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def _is_ours(name: str) -> bool:
    parts = PurePosixPath(name).parts
    known = bool(parts) and (parts[0] in _PARTS or name == _DATABASE)
    return known and ".." not in parts and not PurePosixPath(name).is_absolute() and "\\" not in name
