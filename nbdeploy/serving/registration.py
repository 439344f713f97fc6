"""The endpoint's own entry in ``targets.toml``, so that a notebook on the same machine can push at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nbdeploy.connections import Connection, Connections
from nbdeploy.errors import Unauthenticated
from nbdeploy.serving.guard.tokens import Scope, Tokens
from nbdeploy.serving.home import Home

__all__ = ["register"]

FIRST = "local"


def register(
    home: Home, url: str, port: int, connections: Connections, tokens: Tokens, fingerprint: str | None = None
) -> Connection:
    """Write where this endpoint answers, with an admin token the first time.

    It is ``local`` if that is free or this home's already, else ``local-<port>``; a home keeps its name
    and token.

    Parameters
    ----------
    home : Home
        The endpoint's folder.
    url, port : str, int
        Where it answers.
    connections : Connections
        The targets of this user.
    tokens : Tokens
        The endpoint's tokens.
    fingerprint : str, optional
        SHA-256 of its certificate, which clients on this machine trust for what it is.
    """
    known = connections.all()
    mine = next((entry for entry in known.values() if entry.home == str(home.folder)), None)
    connection = mine or Connection(name=_free(known, port), url=url, home=str(home.folder))
    secret = connection.token if _holds(tokens, connection.token) else _owner(tokens)
    connection = replace(connection, url=url, token=secret, fingerprint=fingerprint)
    if connection != mine:
        connections.add(connection)
    return connection


def _free(known: Mapping[str, Connection], port: int) -> str:
    names = [FIRST, f"{FIRST}-{port}", *(f"{FIRST}-{port}-{n}" for n in range(2, len(known) + 3))]
    return next(name for name in names if name not in known)


def _holds(tokens: Tokens, secret: str | None) -> bool:
    try:
        return secret is not None and tokens.find(secret).scope == Scope.ADMIN
    except Unauthenticated:
        return False


def _owner(tokens: Tokens) -> str:
    taken = {token.name for token in tokens.all()}
    names = ["owner", *(f"owner-{n}" for n in range(2, len(taken) + 3))]
    secret, _ = tokens.create(next(name for name in names if name not in taken), Scope.ADMIN)
    return secret
