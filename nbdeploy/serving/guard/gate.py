"""Who may do what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from nbdeploy.errors import Unauthenticated
from nbdeploy.serving.guard.caller import ANONYMOUS, Caller
from nbdeploy.serving.guard.callers import Callers
from nbdeploy.serving.guard.tokens import Scope, Tokens
from nbdeploy.wire.client import is_loopback

__all__ = ["Gate"]

_OPEN = frozenset({Scope.PREDICT, Scope.READ})


class Gate:
    """Admits requests by their token.

    Parameters
    ----------
    tokens : Tokens
        The tokens that are known.
    anonymous : bool
        Whether programs on this machine may predict and read without one.
    origins : sequence of str
        Pages from elsewhere (``https://app.team``) that may do so too.
    """

    def __init__(self, tokens: Tokens, anonymous: bool = False, origins: Sequence[str] = ()) -> None:
        self.callers = Callers(tokens)
        self._anonymous = anonymous
        self._origins = frozenset(origins)

    def admit(self, headers: Mapping[str, str], needed: Scope) -> Caller:
        """Return who may do this.

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
            If its scope does not allow this; which deployments it is for is asked apart.
        """
        given = headers.get("authorization")
        if given is not None:
            return self.holder(given.encode("latin-1"), needed)
        if self._anonymous and needed in _OPEN and self._asked_locally(headers):
            return ANONYMOUS
        raise Unauthenticated("this needs a token; send it as: Authorization: Bearer <token>")

    def holder(self, authorization: bytes, needed: Scope) -> Caller:
        """Return who may do this by the token in an ``Authorization`` header. See :meth:`admit`."""
        caller = self.callers.get(authorization)
        caller.check_scope(needed)
        return caller

    def _asked_locally(self, headers: Mapping[str, str]) -> bool:
        """A page in a browser is no program of this machine: not one led here under a foreign name, nor one that sends.

        Browsers say which page sends a form or script's request, and do so also where the answer would be kept from it.
        """
        origin = headers.get("origin")
        if origin is not None and origin not in self._origins and not _is_here(origin):
            return False
        return _is_here(f"//{headers.get('host', '')}")


def _is_here(address: str) -> bool:
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return False
    return host is not None and is_loopback(host)
