"""Bearer tokens: one file per token, named by the SHA-256 of its secret, so that a secret is never stored.

Files are made whole or not at all and never changed; revoking removes one. A running server looks into the
folder on every request, so both take effect at once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec
from filelock import FileLock

from nbdeploy.errors import Conflict, InvalidData, NotFound, NotWritable, Unauthenticated
from nbdeploy.files import write_atomically
from nbdeploy.types import check_name

__all__ = ["Scope", "Token", "Tokens"]

PREFIX = "nbd_"


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
    """

    name: str
    scope: Scope
    created: datetime
    expires: datetime | None = None


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

    def create(self, name: str, scope: Scope | str, lifetime: timedelta | None = None) -> tuple[str, Token]:
        """Make a token.

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
            If there is no such scope.
        """
        check_name(name, "token name")
        token = Token(name, _scope(scope), self._now(), self._now() + lifetime if lifetime else None)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._lock():
            if name in {known.name for known in self.all()}:
                raise Conflict(f"there is a token {name!r} already; choose another name, or revoke it first", name=name)
            write_atomically(self._path(secret), msgspec.json.encode(token), mode=0o600)
        return secret, token

    def all(self) -> list[Token]:
        """Every token, by name."""
        return sorted(self._files().values(), key=lambda token: token.name)

    def revoke(self, name: str) -> Token:
        """Remove a token; whoever sends it is refused from now on.

        Raises
        ------
        NotFound
            If there is none of that name.
        """
        with self._lock():
            known = self._files()
            found = [path for path, token in known.items() if token.name == name]
            if not found:
                raise NotFound("token", name, [token.name for token in known.values()])
            token = known[found[0]]
            found[0].unlink(missing_ok=True)
        return token

    def find(self, secret: str) -> Token:
        """Return the token that has this secret.

        The file's name is the secret's hash, so a guess learns nothing from how long the look-up takes.

        Raises
        ------
        Unauthenticated
            If there is none, or it has expired.
        """
        try:
            token = msgspec.json.decode(self._path(secret).read_bytes(), type=Token)
        except (OSError, msgspec.DecodeError):
            raise Unauthenticated("the token is unknown or was revoked; ask for a new one") from None
        if token.expires is not None and token.expires <= self._now():
            raise Unauthenticated(f"the token expired on {token.expires:%Y-%m-%d %H:%M} UTC; ask for a new one")
        return token

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


def _scope(scope: str) -> Scope:
    try:
        return Scope(scope)
    except ValueError:
        raise InvalidData(f"there is no scope {scope!r}; there are: {', '.join(Scope)}", scope=scope) from None
