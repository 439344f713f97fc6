"""Callers by what they send, looked up once and validated on each request by one look at the token's file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from nbdeploy.errors import Unauthenticated
from nbdeploy.serving.guard.caller import Caller
from nbdeploy.serving.guard.tokens import Tokens

__all__ = ["Callers"]

SURE_SECONDS = 0.001
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

    A token's file is removed when it is revoked and replaced whole when it changes, so that one ``stat`` says whether
    what is remembered still holds: in every process, at once. Requests within a millisecond share it.

    Parameters
    ----------
    tokens : Tokens
        The tokens that are known.
    clock : callable
        Seconds since 1970.
    steady : callable
        Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        tokens: Tokens,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = tokens
        self._clock = clock
        self._steady = steady
        self._moment = -inf
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
        now = self._steady()
        if now - self._moment >= SURE_SECONDS:
            self._sure, self._moment = {}, now
        caller = self._sure.get(authorization)
        if caller is None:
            caller = self._sure[authorization] = self._checked(authorization)
        return caller

    def _checked(self, authorization: bytes) -> Caller:
        known = self._known.get(authorization)
        if known is None:
            return self._looked_up(authorization)
        try:
            now = os.stat(known.path)  # noqa: PTH116 - three times as fast as a Path's
        except OSError:
            return self._looked_up(authorization)
        if now.st_ino != known.inode or now.st_mtime_ns != known.changed or known.until <= self._clock():
            return self._looked_up(authorization)
        return known.caller

    def _looked_up(self, authorization: bytes) -> Caller:
        self._known.pop(authorization, None)
        found = self._tokens.kept(_secret(authorization))
        caller, token = Caller.of(found.token), found.token
        until = token.expires.timestamp() if token.expires is not None else inf
        if len(self._known) >= _MOST:
            self._known.clear()  # one token can be written in many ways: "bearer", more spaces
        self._known[authorization] = _Known(caller, str(found.path), found.inode, found.changed, until)
        return caller


def _secret(authorization: bytes) -> str:
    scheme, _, secret = authorization.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("the Authorization header is not understood; send: Authorization: Bearer <token>")
    return secret.strip()
