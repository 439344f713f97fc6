"""``nbdeploy token …`` on an endpoint of this machine, running or not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from nbdeploy.serving.guard.audit import DONE, Audit, acting
from nbdeploy.serving.guard.tokens import Tokens
from nbdeploy.serving.results import TokenCreated, TokenList, TokenRevoked

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
    _write_down(home, "token create", f"{name} {token.scope} {' '.join(token.models)}".strip())
    return TokenCreated(token, secret)


def rotate_token(home: Path, name: str, grace: timedelta = timedelta(0)) -> TokenCreated:
    """Give a token of the endpoint of a folder a new secret. See :meth:`Tokens.rotate`."""
    secret, token = Tokens(home).rotate(name, grace)
    _write_down(home, "token rotate", name)
    return TokenCreated(token, secret, grace)


def list_tokens(home: Path) -> TokenList:
    """Every token of the endpoint of a folder."""
    return TokenList(tuple(Tokens(home).all()))


def revoke_token(home: Path, name: str) -> TokenRevoked:
    """Make a token of the endpoint of a folder worthless. See :meth:`Tokens.revoke`."""
    token = Tokens(home).revoke(name)
    _write_down(home, "token revoke", name)
    return TokenRevoked(token)


def _write_down(home: Path, action: str, subject: str) -> None:
    who, origin = acting()
    Audit(home).record(who, action, subject, origin, DONE)
