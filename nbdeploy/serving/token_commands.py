"""``nbdeploy token …`` on an endpoint of this machine, running or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from nbdeploy.serving.results import TokenCreated, TokenList, TokenRevoked
from nbdeploy.serving.tokens import Tokens

__all__ = ["create_token", "list_tokens", "revoke_token", "rotate_token"]


def create_token(
    home: Path,
    name: str,
    scope: str,
    lifetime: timedelta | None = None,
    models: Sequence[str] = (),
    rate: str = "",
) -> TokenCreated:
    """Make a token for the endpoint of a folder. See :meth:`Tokens.create`."""
    secret, token = Tokens(home).create(name, scope, lifetime, models, rate)
    return TokenCreated(token, secret)


def rotate_token(home: Path, name: str, grace: timedelta = timedelta(0)) -> TokenCreated:
    """Give a token of the endpoint of a folder a new secret. See :meth:`Tokens.rotate`."""
    secret, token = Tokens(home).rotate(name, grace)
    return TokenCreated(token, secret, grace)


def list_tokens(home: Path) -> TokenList:
    """Every token of the endpoint of a folder."""
    return TokenList(tuple(Tokens(home).all()))


def revoke_token(home: Path, name: str) -> TokenRevoked:
    """Make a token of the endpoint of a folder worthless. See :meth:`Tokens.revoke`."""
    return TokenRevoked(Tokens(home).revoke(name))
