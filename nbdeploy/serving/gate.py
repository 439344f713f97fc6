"""Who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from nbdeploy.errors import Forbidden, Unauthenticated
from nbdeploy.hints import typed
from nbdeploy.serving.tokens import Scope, Tokens
from nbdeploy.wire.client import is_loopback

__all__ = ["Gate"]

ANONYMOUS = "anonymous"


class Gate:
    """Admits requests by their token.

    Parameters
    ----------
    tokens : Tokens
        The tokens that are known.
    anonymous : bool
        Whether programs on this machine may predict and read without one.
    """

    def __init__(self, tokens: Tokens, anonymous: bool = False) -> None:
        self._tokens = tokens
        self._anonymous = anonymous

    def admit(self, headers: Mapping[str, str], needed: Scope) -> str:
        """Return the name of the token that allows this.

        Parameters
        ----------
        headers : mapping
            The request's headers, by lower-case name.
        needed : Scope
            What the route asks for.

        Raises
        ------
        Unauthenticated
            If there is no token, or not one that is known.
        Forbidden
            If it does not allow this.
        """
        given = headers.get("authorization")
        if given is None:
            if self._anonymous and needed in {Scope.PREDICT, Scope.READ} and _asked_locally(headers):
                return ANONYMOUS
            raise Unauthenticated("this needs a token; send it as: Authorization: Bearer <token>")
        scheme, _, secret = given.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Unauthenticated("the Authorization header is not understood; send: Authorization: Bearer <token>")
        token = self._tokens.find(secret.strip())
        if not token.scope.allows(needed):
            raise Forbidden(
                f"the token {token.name!r} has scope {token.scope}, and this needs {needed}; "
                f"make one with: {typed(f'token create NAME --scope {needed}')}",
                token=token.name,
                needed=str(needed),
            )
        return token.name


def _asked_locally(headers: Mapping[str, str]) -> bool:
    """A page in a browser can be led here under a foreign name; it is not a program of this machine."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    return host is not None and is_loopback(host)
