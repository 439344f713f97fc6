"""Addresses of databases, shown without what is secret."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.errors import WrongUsage
from nbdeploy.plugins import Registry

__all__ = ["Address"]

_ALIASES = {"postgres": "postgresql"}
_SERVERS = frozenset({"postgresql"})


@dataclass(frozen=True)
class Address:
    """Where a database is.

    Attributes
    ----------
    kind : str
        ``sqlite``, ``duckdb``, ``postgresql`` …
    name : str
        What it is called in messages: without user, password and parameters.
    path : Path or None
        The file, if it is one.
    url : str
        The whole address, which may hold a password.
    secrets : tuple of str
        What must be shown to nobody.
    """

    kind: str
    name: str
    path: Path | None
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def is_file(self) -> bool:
        """Whether the database is a file, which has one writer."""
        return self.path is not None

    def hushed(self, text: str) -> str:
        """Return a text without what is secret.

        Examples
        --------
        >>> Address("x", "x://h", None, "x://me:abc@h", ("abc",)).hushed("no user me:abc")
        'no user me:***'
        """
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text

    @classmethod
    def parse(cls, text: str, kinds: Registry[Any]) -> Address:
        """Read an address.

        Raises
        ------
        WrongUsage
            If it is none, or none of a known kind.
        """
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        known = ", ".join(f"{kind}://" for kind in kinds)
        try:
            url = make_url(text)
        except (ArgumentError, ValueError) as error:
            raise WrongUsage(
                f"the address of a database begins with one of {known}, as in sqlite:///data/sales.db"
            ) from error
        given = url.get_backend_name() if "+" in url.drivername else url.drivername
        kind = _ALIASES.get(given, given)
        if kind not in kinds:
            raise WrongUsage(f"{given}:// is no database that is known; an address begins with one of {known}")
        if url.host is None and kind not in _SERVERS:
            if url.database in {None, "", ":memory:"}:
                raise WrongUsage(f"{kind}:// names no file: write {kind}:///folder/file, or {kind}:////folder/file")
            path = Path(str(url.database)).expanduser().resolve()
            return cls(kind, f"{kind}:///{path}", path, f"{kind}:///{path}")
        if kind not in _SERVERS:
            raise WrongUsage(f"{kind}://{url.host} names a server: a file has three slashes, {kind}:///file")
        hidden = [url.password, *(value for name, value in url.query.items() if "pass" in name)]
        port = f":{url.port}" if url.port else ""
        name = f"{kind}://{url.host or ''}{port}/{url.database or ''}"
        whole = url.set(drivername=kind).render_as_string(hide_password=False)
        secrets = tuple({secret for one in hidden if one for secret in _spellings(str(one))})
        return cls(kind, name, None, whole, secrets)


def _spellings(secret: str) -> list[str]:
    from urllib.parse import quote, quote_plus

    return [secret, quote(secret, safe=""), quote_plus(secret)]
