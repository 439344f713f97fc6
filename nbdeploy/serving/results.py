"""What the commands of an endpoint answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.hints import typed
from nbdeploy.serving.guard.tokens import Token
from nbdeploy.serving.home import Running
from nbdeploy.wire import routes

__all__ = ["Endpoint", "Stopped", "TokenCreated", "TokenList", "TokenRevoked"]


@dataclass(frozen=True)
class Endpoint(Result):
    """An endpoint at work on this machine.

    Attributes
    ----------
    url : str
        Where it answers.
    pid : int
        Its process.
    home : str
        Its folder.
    target : str
        Its name in ``targets.toml``.
    started : bool
        Whether this call started it; it ran before otherwise.
    grpc : str
        Host and port where it answers gRPC; empty if it does not.
    serves : tuple of (str, str)
        Deployments, and the snapshot that each serves.
    """

    url: str
    pid: int
    home: str
    target: str
    started: bool = True
    grpc: str = ""
    serves: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, running: Running, home: str, started: bool) -> Endpoint:
        """Describe a running server."""
        return cls(running.url, running.pid, home, running.target, started, running.grpc)

    @property
    def line(self) -> str:
        """Where it answers, and how to push there."""
        does = "serves at" if self.started else "runs already at"
        to = "" if self.target in {"", "local"} else f" --to {self.target}"
        return f"the endpoint {does} {self.url} (process {self.pid}); next: {typed(f'push NAME{to}')}"

    @property
    def banner(self) -> str:
        """The line; what is served, and where; a line to try it with; how to stop."""
        told = [self.line]
        for name, snapshot in self.serves:
            told.append(f"  {name} ({snapshot}): {self.url}{routes.path(routes.PREDICT, m=name)}")
        if self.serves:
            name = self.serves[0][0]
            sample, predict = (self.url + routes.path(route, m=name) for route in (routes.SAMPLE, routes.PREDICT))
            head, json = '-H "Authorization: Bearer $TOKEN"', "-H 'Content-Type: application/json'"
            told.append(f"  try it, with the TOKEN that this prints: {typed('token create try --scope deploy')}")
            told.append(f"  curl -s {head} {sample} | curl -s {head} {json} -d @- {predict}")
        told.append(f"  stop it with Ctrl-C, or: {typed('serve --stop')}")
        return "\n".join(told)

    def card(self) -> Card:
        """Address, target, process and folder."""
        facts = [("address", self.url), ("target", self.target), ("process", self.pid), ("folder", self.home)]
        grpc = [("gRPC", self.grpc)] if self.grpc else []
        return Card("endpoint", [*facts[:1], *grpc, *facts[1:]], next=typed("push NAME"))

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {
            "url": self.url,
            "pid": self.pid,
            "home": self.home,
            "target": self.target,
            "grpc": self.grpc or None,
            "state": "started" if self.started else "running",
        }


@dataclass(frozen=True)
class Stopped(Result):
    """An endpoint that runs no more, if it did."""

    home: str
    url: str | None
    pid: int | None

    @property
    def line(self) -> str:
        """What stopped."""
        if self.pid is None:
            return f"no endpoint ran on {self.home}"
        return f"the endpoint at {self.url} (process {self.pid}) has stopped; its deployments stay in {self.home}"

    def card(self) -> Card:
        """What stopped."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Everything."""
        return {"home": self.home, "url": self.url, "pid": self.pid, "state": "stopped" if self.pid else "not running"}


@dataclass(frozen=True)
class TokenCreated(Result):
    """A token with a new secret, which is in `secret` and shown this once.

    Attributes
    ----------
    token : Token
        What is known of it.
    secret : str
        What the client sends.
    grace : timedelta, optional
        How long its former secret holds besides; None if it had none.
    """

    token: Token
    secret: str = field(repr=False)
    grace: timedelta | None = None

    @property
    def line(self) -> str:
        """The secret, and that it is kept nowhere."""
        return f"token {self.token.name} ({_allows(self.token)}): {self.secret} — shown only now, so keep it" + (
            f"; {self._former}" if self._former else ""
        )

    def card(self) -> Card:
        """The secret, and how to send it."""
        facts = [("token", self.secret), ("allows", _allows(self.token)), ("expires", _when(self.token.expires))]
        facts += [("before", self._former)] if self._former else []
        return Card(f"token {self.token.name}", facts, next="send it as: Authorization: Bearer <token>; shown only now")

    def document(self) -> dict[str, Any]:
        """Name, scope and secret."""
        return {**_document(self.token), "token": self.secret}

    @property
    def _former(self) -> str:
        if self.grace is None:
            return ""
        return f"its former secret holds for {self.grace} more" if self.grace else "its former secret is worth nothing"


@dataclass(frozen=True)
class TokenList(Result):
    """The tokens of an endpoint, without their secrets."""

    tokens: tuple[Token, ...]

    @property
    def line(self) -> str:
        """How many there are."""
        if not self.tokens:
            return f"there are no tokens; next: {typed('token create NAME --scope predict')}"
        return f"{len(self.tokens)} token{'' if len(self.tokens) == 1 else 's'}"

    def card(self) -> Card:
        """Names, scopes and times."""
        rows = [(t.name, _allows(t), _when(t.created), _when(t.expires)) for t in self.tokens]
        return Card(self.line, table=Table(("name", "allows", "created", "expires"), rows) if rows else None)

    def document(self) -> list[dict[str, Any]]:
        """One document per token."""
        return [_document(token) for token in self.tokens]


@dataclass(frozen=True)
class TokenRevoked(Result):
    """A token that is worth nothing any more."""

    token: Token

    @property
    def line(self) -> str:
        """Which."""
        return f"token {self.token.name} ({self.token.scope}) is revoked, also at a running endpoint"

    def card(self) -> Card:
        """Which."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Name and scope."""
        return {**_document(self.token), "state": "revoked"}


def _document(token: Token) -> dict[str, Any]:
    return {
        "name": token.name,
        "scope": str(token.scope),
        "created": token.created.isoformat(timespec="seconds"),
        "expires": token.expires.isoformat(timespec="seconds") if token.expires else None,
        "models": list(token.models),
        "rate": token.rate or None,
        "rotated": token.rotated,
    }


def _allows(token: Token) -> str:
    models = f" for {', '.join(token.models)}" if token.models else ""
    rate = f", {token.rate}" if token.rate else ""
    return f"{token.scope}{models}{rate}" + (" (former secret)" if token.rotated else "")


def _when(time: Any) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "never"
