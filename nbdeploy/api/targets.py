"""The places to push to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.connections import Connection, Connections, token_variable
from nbdeploy.errors import Conflict, InvalidData, NotFound
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

if TYPE_CHECKING:
    from nbdeploy.targets.results import TargetStatus

__all__ = ["TargetChange", "TargetList", "target_add", "target_check", "target_list", "target_rm"]


@dataclass(frozen=True)
class TargetChange(Result):
    """A target that was added or forgotten."""

    connection: Connection
    event: str

    @property
    def line(self) -> str:
        """What happened, and the next step."""
        name = self.connection.name
        if self.event == "removed":
            return f"target {name} forgotten; what runs at {self.connection.url} stays"
        missing = "" if self.connection.bearer() else f"; put its token into {token_variable(name)}"
        return f"target {name} is {self.connection.url}{missing}; next: {typed(f'target check {name}')}"

    def card(self) -> Card:
        """Return the one line."""
        return Card(self.line)

    def document(self) -> dict[str, Any]:
        """Name, address and kind; never the token."""
        return _row(self.connection)


@dataclass(frozen=True)
class TargetList(Result):
    """The targets known here."""

    connections: tuple[Connection, ...]
    default: str

    @property
    def line(self) -> str:
        """How many, and where push goes by default."""
        names = ", ".join(connection.name for connection in self.connections)
        return f"targets: {names or 'none yet'}; push goes to {self.default} by default"

    def card(self) -> Card:
        """Return a table of targets."""
        rows = [(c.name, c.url, c.kind, "yes" if c.bearer() else "no") for c in self.connections]
        return Card(self.line, table=Table(("target", "address", "kind", "token"), rows) if rows else None)

    def document(self) -> list[dict[str, Any]]:
        """Name, address, kind and whether there is a token."""
        return [_row(connection) for connection in self.connections]


def target_add(
    name: str,
    url: str,
    *,
    kind: str = "nbdeploy",
    token_env: str | None = None,
    ca: str | Path | None = None,
    settings: Settings | None = None,
) -> TargetChange:
    """Add a target. One that is known keeps its address until it is removed: its token belongs to that address.

    Parameters
    ----------
    name, url : str
        A name of your own, and the address.
    kind : str
        The adapter that speaks to it.
    token_env : str, optional
        The environment variable that holds the token; ``NBDEPLOY_TOKEN_<NAME>`` is always looked at.
    ca : str or Path, optional
        A file of certificates (PEM) to trust there instead of the system's: your organisation's authority, or the
        server's own certificate.
    """
    from nbdeploy.targets import TARGETS

    if kind not in TARGETS:
        raise NotFound("kind of target", kind, TARGETS)
    connections = Connections((settings or Settings.load()).home)
    before = connections.all().get(name)
    if ca is not None and not Path(ca).expanduser().is_file():
        raise InvalidData(f"{ca} is no file; give the certificates to trust in PEM", ca=str(ca))
    trusted = str(Path(ca).expanduser().absolute()) if ca is not None else None
    connection = Connection(name, url.rstrip("/"), kind, token_env=token_env, ca=trusted)
    if before is not None and before.url != connection.url:
        raise Conflict(
            f"target {name} is {before.url} already; choose another name, or forget it: {typed(f'target rm {name}')}",
            name=name,
        )
    if before is not None:
        pinned = None if ca is not None else before.fingerprint
        connection = replace(connection, token=before.token, home=before.home, fingerprint=pinned)
    connections.add(connection)
    return TargetChange(connection, "added")


def target_list(*, settings: Settings | None = None) -> TargetList:
    """List the targets known here."""
    settings = settings or Settings.load()
    return TargetList(tuple(Connections(settings.home).all().values()), settings.target)


def target_rm(name: str, *, settings: Settings | None = None) -> TargetChange:
    """Forget a target; what runs there stays."""
    return TargetChange(Connections((settings or Settings.load()).home).remove(name), "removed")


def target_check(name: str, *, settings: Settings | None = None) -> TargetStatus:
    """Ask a target whether it answers and lets us in; the answer is falsy if not."""
    from nbdeploy import targets

    return targets.connect(Connections((settings or Settings.load()).home).get(name)).status()


def _row(connection: Connection) -> dict[str, Any]:
    return {
        "name": connection.name,
        "url": connection.url,
        "kind": connection.kind,
        "token": connection.bearer() is not None,
    }
