"""Bearer tokens: one file per secret, named by the secret's SHA-256, so that no secret is ever stored.

Files are made and replaced whole; revoking removes them. A running server looks at a token's file on every
request, so all of it takes effect at once. During a rotation a token has two secrets.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec
from filelock import FileLock
from msgspec.structs import replace

from nbdeploy.errors import Conflict, InvalidData, NotFound, NotWritable, Unauthenticated
from nbdeploy.files import write_atomically
from nbdeploy.serving.guard.pace import Pace
from nbdeploy.types import check_name

__all__ = ["Kept", "Scope", "Token", "Tokens"]

PREFIX = "nbd_"
_SHORTEST = 32
_PATTERN = re.compile(r"[a-z0-9*?][a-z0-9._*?-]{0,62}")


class Scope(StrEnum):
    """What a token allows. ``deploy`` includes ``predict`` and ``read``; ``admin`` includes everything."""

    PREDICT = "predict"
    READ = "read"
    DEPLOY = "deploy"
    ADMIN = "admin"

    def allows(self, needed: Scope) -> bool:
        """Whether a token of this scope may do what needs another.

        Examples
        --------
        >>> Scope.DEPLOY.allows(Scope.READ), Scope.READ.allows(Scope.PREDICT)
        (True, False)
        """
        return needed == self or needed in _INCLUDED.get(self, ())


_INCLUDED = {
    Scope.DEPLOY: (Scope.PREDICT, Scope.READ),
    Scope.ADMIN: (Scope.PREDICT, Scope.READ, Scope.DEPLOY),
}


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a token; its secret is not.

    Attributes
    ----------
    name : str
        Who or what it was made for.
    scope : Scope
        What it allows.
    created, expires : datetime
        UTC; a token without `expires` holds until it is revoked.
    models : tuple of str
        Patterns of the deployments that it is for (``churn*``); all if empty.
    rate : str
        How many requests it may send (``100/s``); what the endpoint allows everybody if empty.
    rotated : bool
        Whether a newer secret has taken its place; it holds until `expires`.
    accepted : bool
        Whether its secret was chosen elsewhere, for as long as the endpoint is started with it.
    """

    name: str
    scope: Scope
    created: datetime
    expires: datetime | None = None
    models: tuple[str, ...] = ()
    rate: str = ""
    rotated: bool = False
    accepted: bool = False


class Kept(NamedTuple):
    """A token, and what says whether its file is still the one that was read."""

    token: Token
    path: Path
    inode: int
    changed: int


def _now() -> datetime:
    return datetime.now(UTC)


class Tokens:
    """The tokens of one endpoint.

    Parameters
    ----------
    home : Path
        The endpoint's home.
    now : callable
        The clock.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> tokens = Tokens(Path(mkdtemp()))
    >>> secret, token = tokens.create("crm", Scope.PREDICT)
    >>> tokens.find(secret).name
    'crm'
    """

    def __init__(self, home: Path, now: Callable[[], datetime] = _now) -> None:
        self._folder = home / "tokens"
        self._now = now

    def create(
        self,
        name: str,
        scope: Scope | str,
        lifetime: timedelta | None = None,
        models: Sequence[str] = (),
        rate: str = "",
    ) -> tuple[str, Token]:
        """Make a token.

        Parameters
        ----------
        name : str
            Who or what it is for.
        scope : Scope
            What it allows.
        lifetime : timedelta, optional
            How long it holds; until it is revoked if not given.
        models : sequence of str
            Patterns of the deployments that it is for; all if empty.
        rate : str
            How many requests it may send: ``100/s``.

        Returns
        -------
        secret : str
            What the client sends. It is shown here once and kept nowhere.
        token : Token
            The rest.

        Raises
        ------
        Conflict
            If there is a token of that name.
        InvalidData
            If there is no such scope, or a pattern or rate is not understood.
        """
        check_name(name, "token name")
        if lifetime is not None and lifetime <= timedelta(0):
            raise InvalidData(f"a token that expires after {lifetime} is worth nothing; give a longer time")
        expires = self._now() + lifetime if lifetime else None
        token = Token(name, _scope(scope), self._now(), expires, _patterns(models), _rate(rate))
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._lock():
            if name in {known.name for known in self._live().values()}:
                raise Conflict(f"there is a token {name!r} already; choose another name, or revoke it first", name=name)
            self._write(self._path(secret), token)
        return secret, token

    def rotate(self, name: str, grace: timedelta = timedelta(0)) -> tuple[str, Token]:
        """Give a token a new secret. It keeps its name, scope, models, rate and length of life.

        Parameters
        ----------
        name : str
            Whose secret.
        grace : timedelta
            How long the old secret holds besides; with none it is worthless at once.

        Returns
        -------
        secret, token : str, Token
            As from :meth:`create`.

        Raises
        ------
        NotFound
            If there is none of that name.
        """
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._lock():
            old = {path: token for path, token in self._named(name).items() if not token.rotated}
            before = max(old.values(), key=lambda token: token.created)
            lifetime = before.expires - before.created if before.expires else None
            token = replace(before, created=self._now(), expires=self._now() + lifetime if lifetime else None)
            self._write(self._path(secret), token)  # first, so that there is a secret at every moment
            for path, former in old.items():
                self._retire(path, former, grace)
        return secret, token

    def accept(self, given: Sequence[tuple[str, Scope | str, str]]) -> list[Token]:
        """Let in secrets that were chosen elsewhere, and no longer those that were accepted before.

        Parameters
        ----------
        given : sequence of (str, Scope, str)
            The name of each token, what it allows, and its secret.

        Raises
        ------
        InvalidData
            If a secret is too short to be one.
        """
        made = {}
        for name, scope, secret in given:
            check_name(name, "token name")
            if len(secret) < _SHORTEST or not secret.isascii() or not secret.isprintable() or " " in secret:
                raise InvalidData(
                    f"the secret of {name!r} has to be at least {_SHORTEST} printable ASCII characters without "
                    "spaces; make one with: openssl rand -hex 32"
                )
            made[self._path(secret)] = Token(name, _scope(scope), self._now(), accepted=True)
        with self._lock():
            for path, token in made.items():
                self._write(path, token)
            for path, token in self._files().items():
                if token.accepted and path not in made:
                    path.unlink(missing_ok=True)
        return list(made.values())

    def all(self) -> list[Token]:
        """Every token, by name; one that was rotated also with its old secret while that holds."""
        known = [token for token in self._files().values() if not (token.rotated and self._is_over(token))]
        return sorted(known, key=lambda token: (token.name, token.rotated))

    def revoke(self, name: str) -> Token:
        """Remove a token and all its secrets; whoever sends one is refused from now on.

        Raises
        ------
        NotFound
            If there is none of that name.
        """
        with self._lock():
            found = self._named(name)
            for path in found:
                path.unlink(missing_ok=True)
        return max(found.values(), key=lambda token: token.created)

    def find(self, secret: str) -> Token:
        """Return the token that has this secret.

        The file's name is the secret's hash, so a guess learns nothing from how long the look-up takes.

        Raises
        ------
        Unauthenticated
            If there is none, or it has expired.
        """
        return self.kept(secret).token

    def kept(self, secret: str) -> Kept:
        """Return the token that has this secret, and how to see whether that still holds. See :meth:`find`."""
        path = self._path(secret)
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                token = msgspec.json.decode(file.read(), type=Token)
        except (OSError, msgspec.DecodeError):
            raise Unauthenticated("the token is unknown or was revoked; ask for a new one") from None
        if token.expires is not None and token.expires <= self._now():
            raise Unauthenticated(f"the token expired on {token.expires:%Y-%m-%d %H:%M} UTC; ask for a new one")
        return Kept(token, path, status.st_ino, status.st_mtime_ns)

    def _retire(self, path: Path, token: Token, grace: timedelta) -> None:
        if grace <= timedelta(0):
            path.unlink(missing_ok=True)
            return
        end = self._now() + grace
        self._write(path, replace(token, expires=min(token.expires or end, end), rotated=True))

    def _named(self, name: str) -> dict[Path, Token]:
        """The files of one token, the current secret's among them."""
        known = self._files()
        found = {path: token for path, token in known.items() if token.name == name}
        if not any(not token.rotated for token in found.values()):
            raise NotFound("token", name, {token.name for token in known.values()} - {name})
        return found

    def _live(self) -> dict[Path, Token]:
        """What is worth something; old secrets whose time is over are removed."""
        known = self._files()
        over = [path for path, token in known.items() if token.rotated and self._is_over(token)]
        for path in over:
            path.unlink(missing_ok=True)
        return {path: token for path, token in known.items() if path not in over}

    def _is_over(self, token: Token) -> bool:
        return token.expires is not None and token.expires <= self._now()

    @staticmethod
    def _write(path: Path, token: Token) -> None:
        write_atomically(path, msgspec.json.encode(token), mode=0o600)

    def _files(self) -> dict[Path, Token]:
        found = {}
        for path in self._folder.glob("*.json"):
            try:
                found[path] = msgspec.json.decode(path.read_bytes(), type=Token)
            except (OSError, msgspec.DecodeError):
                continue  # revoked just now, or not written by us
        return found

    def _path(self, secret: str) -> Path:
        return self._folder / f"{hashlib.sha256(secret.encode()).hexdigest()}.json"

    def _lock(self) -> FileLock:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(self._folder, os.W_OK):
                raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise NotWritable(f"{self._folder} cannot be written: {error.strerror or error}") from error
        return FileLock(self._folder / ".lock")


def _patterns(models: Sequence[str]) -> tuple[str, ...]:
    for pattern in models:
        if not _PATTERN.fullmatch(pattern):
            raise InvalidData(
                f"{pattern!r} is no pattern of models; write a name, with * for anything: 'churn*'", pattern=pattern
            )
    return tuple(dict.fromkeys(models))


def _rate(rate: str) -> str:
    if rate:
        Pace.parse(rate)
    return rate


def _scope(scope: str) -> Scope:
    try:
        return Scope(scope)
    except ValueError:
        raise InvalidData(f"there is no scope {scope!r}; there are: {', '.join(Scope)}", scope=scope) from None
