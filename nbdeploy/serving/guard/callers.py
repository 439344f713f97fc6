"""Callers by what they send, looked up once and validated on each request by one look at the token's file."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from nbdeploy.errors import Unauthenticated
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Tokens

__all__ = ["Callers"]

_MOST = 1024


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    path: str
    inode: int
    changed: int
    until: float


class Callers:
    """Finds the caller that an ``Authorization`` header stands for.

    A token's file is removed when it is revoked and replaced whole when it changes, so that one ``stat`` (about three
    microseconds) says whether what is remembered still holds: in every process, at once. Requests that were there
    together, and are looked at in one turn of the event loop, share it.

    Parameters
    ----------
    tokens : Tokens
        The tokens that are known.
    clock : callable
        Seconds since 1970.
    """

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._tokens = tokens
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._sure: dict[bytes, Caller] = {}

    def get(self, authorization: bytes) -> Caller:
        """Return who sends this.

        Parameters
        ----------
        authorization : bytes
            The header's value.

        Raises
        ------
        Unauthenticated
            If it is not understood, or the token in it is unknown, revoked or expired.
        """
        sure = self._sure.get(authorization)
        if sure is not None:
            return sure
        known = self._known.get(authorization)
        if known is None:
            return self._looked_up(authorization)
        try:
            now = os.stat(known.path)  # noqa: PTH116 - three times as fast as a Path's
        except OSError:
            return self._looked_up(authorization)
        if now.st_ino != known.inode or now.st_mtime_ns != known.changed or known.until <= self._clock():
            return self._looked_up(authorization)
        self._keep(authorization, known.caller)
        return known.caller

    def _keep(self, authorization: bytes, caller: Caller) -> None:
        """Be sure of a caller until the event loop's turn ends."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if not self._sure:
            loop.call_soon(self._sure.clear)
        self._sure[authorization] = caller

    def _looked_up(self, authorization: bytes) -> Caller:
        self._known.pop(authorization, None)
        found = self._tokens.kept(_secret(authorization))
        caller, token = Caller.of(found.token), found.token
        until = token.expires.timestamp() if token.expires is not None else float("inf")
        if len(self._known) >= _MOST:
            self._known.clear()  # one token can be written in many ways: "bearer", more spaces
        self._known[authorization] = _Known(caller, str(found.path), found.inode, found.changed, until)
        return caller


def _secret(authorization: bytes) -> str:
    scheme, _, secret = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("the Authorization header is not understood; send: Authorization: Bearer <token>")
    return secret.strip()
