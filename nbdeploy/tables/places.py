"""Where a table is, and what it is by the suffix of its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nbdeploy.errors import WrongUsage
from nbdeploy.plugins import Registry

__all__ = ["CODECS", "Place", "place_of", "shown"]

CODECS = {"gz": "gzip", "zst": "zstd"}
"""Suffixes of compressed files, and what compresses them."""

_WEB = ("http", "https")


@dataclass(frozen=True)
class Place:
    """Where a table is.

    Attributes
    ----------
    path : Path or None
        The file, if it is one.
    url : str or None
        Its address, if it is on an object store or the web; standard input or output has neither.
    kind : str
        What it is: ``csv``, ``parquet`` …
    codec : str or None
        What compresses it: ``gzip``, ``zstd``.
    """

    path: Path | None
    url: str | None
    kind: str
    codec: str | None = None

    @property
    def name(self) -> str:
        """What it is called in messages; without passwords."""
        return str(self.shown)

    @property
    def shown(self) -> str | Path:
        """See :attr:`name`."""
        if self.path is not None:
            return self.path
        return "standard output" if self.url is None else shown(self.url)

    @property
    def web(self) -> bool:
        """Whether it is on the web, not in an object store."""
        return self.url is not None and urlsplit(self.url).scheme in _WEB


def place_of(given: str | Path, registry: Registry[Any], kind: str | None = None) -> Place:
    """Say where a table is and of which kind.

    Parameters
    ----------
    given : str or Path
        A file's path, an address, or ``-``.
    registry : Registry
        The kinds that there are.
    kind : str, optional
        Its kind, if its suffix does not tell; that of ``-`` is CSV otherwise.

    Raises
    ------
    WrongUsage
        If the suffix or the address is none that is known.
    """
    if given == "-":
        return Place(None, None, _known(kind or "csv", "-", registry))
    scheme, found, rest = str(given).partition("://") if isinstance(given, str) else ("", "", "")
    if found:
        _check_scheme(str(given), scheme)
    path = Path(rest if found else given) if not found or scheme == "file" else None
    last = PurePosixPath(urlsplit(str(given)).path if path is None else path.name).name
    words = last.lower().split(".")[1:]
    codec = CODECS.get(words[-1]) if words else None
    suffix = "".join(words[-2:-1]) if codec else "".join(words[-1:])
    return Place(path, None if path else str(given), _known(kind or suffix, last, registry), codec)


def shown(url: str) -> str:
    """Return an address without what may be secret: user, password and query.

    Examples
    --------
    >>> shown("https://me:secret@files.example/in.csv?signature=1f3a")
    'https://files.example/in.csv'
    """
    parts = urlsplit(url)
    host = parts.netloc if parts.scheme in {"abfs", "abfss"} else parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _check_scheme(url: str, scheme: str) -> None:
    from nbdeploy.buckets import SCHEMES

    schemes = ("file", *_WEB, *SCHEMES)
    if scheme not in schemes:
        known = ", ".join(f"{one}://" for one in schemes)
        raise WrongUsage(f"{shown(url)}: an address begins with one of {known}")


def _known(kind: str, name: str, registry: Registry[Any]) -> str:
    if kind not in registry:
        kinds = ", ".join(f".{one}" for one in registry)
        raise WrongUsage(f"{name}: a {registry.kind} is known by its suffix; there are: {kinds}")
    return kind
