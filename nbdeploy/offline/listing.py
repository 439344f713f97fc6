"""Which files of a folder, or among those that a pattern matches, are tables to predict."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from nbdeploy.errors import InvalidData, NotFound, Unreachable, WrongUsage
from nbdeploy.offline.stored import SUFFIX
from nbdeploy.plugins import Registry
from nbdeploy.tables import SOURCES
from nbdeploy.tables.places import place_of, shown

__all__ = ["Input", "Listing", "is_many", "listed", "objects_in", "suffix_of"]

_OURS = re.compile(rf"(\.nbdeploy-journal|{re.escape(SUFFIX)}|^\..*\.[0-9a-f]{{16}}\.part)$")
_HIDDEN = (".", "~$")
"""How names of hidden files begin; the second is how Excel marks a workbook that is open."""


@dataclass(frozen=True)
class Input:
    """A file to predict.

    Attributes
    ----------
    place : str
        Its path or address.
    below : PurePosixPath
        Its path from the folder on.
    size : int
        Its bytes.
    modified : int
        When it was last written, in nanoseconds since 1970.
    whole : bool
        Whether it is known to be complete: an object store shows nothing before.
    """

    place: str
    below: PurePosixPath
    size: int
    modified: int
    whole: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages; without passwords."""
        return shown(self.place) if "://" in self.place else self.place


@dataclass(frozen=True)
class Listing:
    """The files of a folder.

    Attributes
    ----------
    folder : str
        The folder; of a pattern, the part without wildcards.
    inputs : tuple of Input
        The files to predict, by name.
    passed : mapping of str to int
        Why other files are passed over, and how many.
    """

    folder: str
    inputs: tuple[Input, ...]
    passed: Mapping[str, int]


def is_many(source: object) -> bool:
    """Whether a source is a folder or a pattern, and no single file.

    Examples
    --------
    >>> is_many("inbox/"), is_many("inbox/*.csv"), is_many("s3://bucket/inbox/"), is_many("inbox/a.csv")
    (True, True, True, False)
    """
    if not isinstance(source, str | Path) or str(source) == "-":
        return False
    text = str(source)
    if text.endswith("/") or not text:
        return bool(text)
    if "://" in text:
        return not text.startswith("http") and glob.has_magic(text)
    return Path(text).is_dir() or (glob.has_magic(text) and not Path(text).exists())


def listed(source: str, besides: Collection[str | Path] = ()) -> Listing:
    """List the files of a folder and the folders in it, or those that a pattern matches.

    Hidden files, what jobs keep beside their outputs, and files whose suffix is of no kind of table are passed over.

    Parameters
    ----------
    source : str
        A folder, a pattern with ``*``, ``**``, ``?`` or ``[…]``, a single file; or such an address of an object
        store.
    besides : collection of str or Path
        Folders that are not looked into: those that jobs write to.

    Raises
    ------
    NotFound
        If there is no such folder, or nothing matches the pattern.
    InvalidData
        If a folder cannot be read.
    WrongUsage
        If it is a folder on the web, which nobody can list.
    """
    passed: Counter[str] = Counter()
    if "://" in source and not source.startswith("file://"):
        folder, found = _remote(source)
    else:
        path = source.removeprefix("file://")
        is_folder = path.endswith("/") or Path(path).is_dir()
        folder, found = (path, _walked(Path(path), passed)) if is_folder else _matching(path)
    # Folders beside or around this one may be written to: nothing of theirs is found here. Addresses are told apart
    # as if they were paths.
    around = Path(os.path.realpath(folder))
    inside = [real for real in map(Path, map(os.path.realpath, besides)) if around in real.parents]
    inputs = list[Input]()
    for one in found:
        if any(Path(os.path.realpath(one.place)).is_relative_to(place) for place in inside):
            continue
        if why := _why_not(one.below):
            passed[why] += 1
        else:
            inputs.append(one)
    return Listing(folder, tuple(sorted(inputs, key=lambda one: str(one.below))), passed)


def suffix_of(name: str, registry: Registry[Any] = SOURCES) -> str | None:
    """Return the suffix that says of which kind a table is; None if it says nothing.

    Examples
    --------
    >>> suffix_of("2026.09.csv.gz"), suffix_of("notes.docx")
    ('.csv.gz', None)
    """
    try:
        place = place_of(Path(name), registry)
    except WrongUsage:
        return None
    words = name.split(".")[-2 if place.codec else -1 :]
    return f".{'.'.join(words)}"


def _why_not(below: PurePosixPath) -> str:
    """Why a file is no input; nothing if it is one."""
    if below.is_absolute() or not below.name or ".." in below.parts:
        return "of a name that leads elsewhere"
    if _OURS.search(below.name):
        return "beside outputs"
    if any(part.startswith(_HIDDEN) for part in below.parts):
        return "hidden"
    if suffix_of(below.name) is None:
        return below.suffix.lower() or "without suffix"
    return ""


def _walked(folder: Path, passed: Counter[str]) -> Iterator[Input]:
    """Every file below a folder; each folder once, however many links lead to it."""
    if not folder.is_dir():
        near = [f"{p}/" for p in folder.parent.iterdir() if p.is_dir()] if folder.parent.is_dir() else []
        raise NotFound("folder", f"{folder}/", near)

    def refuse(error: OSError) -> None:
        raise InvalidData(f"{error.filename} cannot be read: {error.strerror}", path=str(error.filename)) from error

    seen = set[str]()
    for here, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(here)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _hide(name, passed))
        yield from _files((Path(here, name) for name in sorted(names)), folder)


def _hide(name: str, passed: Counter[str]) -> bool:
    """Whether a folder is hidden; if so, it is passed over."""
    is_hidden = name.startswith(_HIDDEN)
    if is_hidden:
        passed["hidden"] += 1
    return is_hidden


def _matching(pattern: str) -> tuple[str, Iterator[Input]]:
    """The folder of a pattern, and the files that match it; a path without wildcards is a pattern too.

    Raises
    ------
    NotFound
        If nothing matches.
    WrongUsage
        If it is none.
    """
    path = Path(pattern)
    # A folder may be called like a pattern.
    around = [Path(*path.parts[:i]) for i in range(len(path.parts))]
    folder = list(takewhile(lambda place: place.is_dir() or not glob.has_magic(place.name), around))[-1]
    parts = path.relative_to(folder).parts
    if parts[-1] == "**":
        parts = (*parts, "*")
    try:
        matches = [path] if path.is_file() else list(folder.glob("/".join(parts)))
    except ValueError as error:
        raise WrongUsage(
            f"{pattern} is no pattern: {error}; * and ? stand for letters, ** for whole folders"
        ) from error
    if not matches:
        near = [str(p) for p in folder.iterdir() if not p.name.startswith(_HIDDEN)] if folder.is_dir() else []
        raise NotFound("file like", pattern, near)
    return str(folder), _files(iter(matches), folder)


def _files(paths: Iterator[Path], folder: Path) -> Iterator[Input]:
    """Files as inputs; what is no file, or is gone already, is none."""
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                below = PurePosixPath(path.relative_to(folder))
                yield Input(str(path), below, status.st_size, status.st_mtime_ns)


def _remote(url: str) -> tuple[str, Iterator[Input]]:
    """The folder of an address, and the objects in it, those that match, or the one that it is.

    Raises
    ------
    NotFound
        If nothing matches.
    """
    if not is_many(url):
        folder = url.rpartition("/")[0]
        return shown(folder), iter(
            [Input(url, PurePosixPath(PurePosixPath(urlsplit(url).path).name), 0, 0, whole=True)]
        )
    if url.startswith("http"):
        raise WrongUsage(f"{shown(url)}: a folder on the web cannot be listed; name one of its files")
    pattern = url if glob.has_magic(url) else ""
    folder = url[: re.search(r"[*?[]", url).start()].rpartition("/")[0] if pattern else url.rstrip("/")  # type: ignore[union-attr]
    found = [one for one in objects_in(folder) if not pattern or _fits(one.place, pattern)]
    if pattern and not found:
        raise NotFound("object like", shown(url))
    return shown(folder), iter(found)


def objects_in(folder: str) -> Iterator[Input]:
    """Every object whose address begins with that of a folder.

    Raises
    ------
    Unreachable
        If the object store cannot be asked.
    """
    import obstore
    from obstore.exceptions import BaseError

    from nbdeploy.buckets.addresses import opened
    from nbdeploy.buckets.failures import reason

    try:
        for page in obstore.list(opened(folder)[1]):
            for one in page:
                modified = int(one["last_modified"].timestamp() * 1e9)
                place = f"{folder}/{one['path']}"
                yield Input(place, PurePosixPath(one["path"]), int(one["size"]), modified, whole=True)
    except (BaseError, OSError) as error:
        raise Unreachable(f"{shown(folder)} cannot be listed: {reason(error, folder)}", url=shown(folder)) from error


def _fits(place: str, pattern: str) -> bool:
    """Whether an address matches a pattern, folder by folder; ``**`` stands for any number of them."""
    return _parts_fit(place.split("/"), pattern.split("/"))


def _parts_fit(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts_fit(parts[i:], patterns[1:]) for i in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _parts_fit(parts[1:], patterns[1:])
