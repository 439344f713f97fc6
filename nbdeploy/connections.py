"""``targets.toml``: the remote places this user knows, and the tokens to enter them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from nbdeploy.errors import InvalidData, NotFound
from nbdeploy.files import write_atomically
from nbdeploy.hints import typed
from nbdeploy.types import check_name

__all__ = ["Connection", "Connections", "token_variable"]


@dataclass(frozen=True)
class Connection:
    """One remote place: its address, its kind, and how to enter it.

    Attributes
    ----------
    name : str
        The target's name.
    url : str
        Base address, for example ``https://ml.team:8080``.
    kind : str
        The adapter that speaks to it.
    token : str or None
        A bearer token kept in ``targets.toml``; never shown.
    token_env : str or None
        An environment variable that holds the token instead.
    home : str or None
        The endpoint's own folder, when it was started on this machine.
    ca : str or None
        A file of certificates (PEM) whose owners are trusted there; those of the system if not given.
    fingerprint : str or None
        SHA-256 of the one certificate that is trusted there, whatever it says and whoever signed it.
    """

    name: str
    url: str
    kind: str = "nbdeploy"
    token: str | None = field(default=None, repr=False)
    token_env: str | None = None
    home: str | None = None
    ca: str | None = None
    fingerprint: str | None = None

    def bearer(self, environ: Mapping[str, str] | None = None) -> str | None:
        """Return the token to send, if any: the environment's first, then the file's."""
        env = os.environ if environ is None else environ
        return env.get(token_variable(self.name)) or (env.get(self.token_env) if self.token_env else None) or self.token


def token_variable(target: str) -> str:
    """Name of the environment variable that holds a target's token.

    Examples
    --------
    >>> token_variable("local-8081")
    'NBDEPLOY_TOKEN_LOCAL_8081'
    """
    return "NBDEPLOY_TOKEN_" + target.upper().replace("-", "_").replace(".", "_")


class Connections:
    """The targets written in ``targets.toml``.

    Parameters
    ----------
    home : Path
        ``NBDEPLOY_HOME``; the file in it is readable by its owner only.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "targets.toml"

    def all(self) -> dict[str, Connection]:
        """Every connection, by name."""
        if not self.path.exists():
            return {}
        try:
            tables = tomllib.loads(self.path.read_text(encoding="utf-8"))
            return {name: Connection(name=name, **table) for name, table in sorted(tables.items())}
        except (ValueError, TypeError) as error:
            raise InvalidData(f"{self.path} is not understood: {error}", path=str(self.path)) from error

    def get(self, name: str) -> Connection:
        """Return one connection.

        Raises
        ------
        NotFound
            If no target has this name.
        """
        known = self.all()
        if name not in known:
            raise NotFound("target", name, known, hint=f"add it with: {typed('target add NAME URL')}")
        return known[name]

    def add(self, connection: Connection) -> None:
        """Add a connection, or replace the one of the same name."""
        check_name(connection.name, "target")
        try:
            parts = urlsplit(connection.url)
        except ValueError as error:
            raise InvalidData(f"address {connection.url!r} is not a URL: {error}") from error
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise InvalidData(f"address {connection.url!r} is not a URL: it starts with http:// or https://")
        if parts.username or parts.password:
            raise InvalidData("an address holds no password: give the token with --token-env or the environment")
        with self._lock():
            self._write({**self.all(), connection.name: connection})

    def remove(self, name: str) -> Connection:
        """Forget a connection, and return it."""
        with self._lock():
            found = self.get(name)
            self._write({key: value for key, value in self.all().items() if key != name})
        return found

    def _lock(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(f"{self.path}.lock")

    def _write(self, connections: Mapping[str, Connection]) -> None:
        write_atomically(self.path, _toml(connections).encode(), mode=0o600)


def _toml(connections: Mapping[str, Connection]) -> str:
    """Tables of plain strings, which is all this file holds (JSON strings are TOML strings)."""
    import json

    lines = []
    for name, connection in sorted(connections.items()):
        lines.append(f"[{json.dumps(name)}]")
        values = {key: value for key, value in asdict(connection).items() if key != "name" and value is not None}
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)
