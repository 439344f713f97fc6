"""What serves: push a snapshot, look, call, take away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.api.references import open_store, resolve
from nbdeploy.api.remote import Target
from nbdeploy.cards import Card, Result, Table
from nbdeploy.connections import Connection, Connections
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.hints import typed
from nbdeploy.settings import Settings
from nbdeploy.types import Report, check_name, ignore_progress

if TYPE_CHECKING:
    from nbdeploy.targets.results import CallResult, Push, TargetStatus, Undeployed

__all__ = ["LOCAL", "Status", "call", "connect", "parts", "push", "remote", "status", "undeploy"]

LOCAL = "local"
"""The target that exists always: an endpoint on this machine, started when it is needed."""


@dataclass(frozen=True)
class Status(Result):
    """Whether targets answer, and what they serve."""

    targets: Sequence[TargetStatus]

    @property
    def line(self) -> str:
        """One sentence per target."""
        return "; ".join(target.line for target in self.targets) or f"no targets yet; next: {typed('push NAME')}"

    @property
    def notices(self) -> Sequence[str]:
        """What is wrong with their prediction logs."""
        return [f"{target.target}: {told}" for target in self.targets for told in target.notices]

    def card(self) -> Card:
        """Return a table of deployments, with what each takes of its machine."""
        from nbdeploy.targets.results import taken

        rows: list[tuple[str, ...]] = []
        for target in self.targets:
            health = "healthy" if target.healthy else f"not healthy: {target.reason}"
            rows.append((target.target, "", "", health, "", ""))
            for deployment in target.deployments:
                serves = ", ".join(f"{s.model}:{s.version} ({s.share} %)" for s in deployment.serving)
                where = f"{target.target}/{deployment.name}"
                takes = taken(deployment, target.usage)
                rows.append((where, serves, deployment.state, deployment.deployed, *takes))
        title = f"{len(self.targets)} target{'s' if len(self.targets) != 1 else ''}"
        facts = [("prediction log", told) for told in self.notices]
        return Card(title, facts, table=Table(("where", "serves", "state", "since", "memory", "CPU"), rows))

    def document(self) -> list[Any]:
        """Return the document of ``status --json``."""
        return [target.document() for target in self.targets]


def connect(target: str | None = None, *, settings: Settings | None = None) -> Target:
    """Return a target to push to, ask and look at. ``local`` is started if it does not run.

    Parameters
    ----------
    target : str, optional
        Its name; the setting ``target`` by default.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.connect("prod").predict("churn", customers)  # doctest: +SKIP
    """
    from nbdeploy import targets

    settings = settings or Settings.load()
    return Target(targets.connect(_connection(target or settings.target, settings, ignore_progress)), settings)


def push(
    ref: str,
    to: str | None = None,
    *,
    new: bool = False,
    settings: Settings | None = None,
    progress: Report = ignore_progress,
) -> Push:
    """Upload what a target lacks of a snapshot, serve it there, and return when it answers.

    Parameters
    ----------
    ref : str
        The snapshot. An alias is resolved now; moving it later changes no deployment.
    to : str, optional
        ``TARGET`` or ``TARGET/DEPLOYMENT``; by default the setting ``target``, and the model's name.
    new : bool
        Whether a deployment may be made whose name is not the model's.

    Raises
    ------
    Conflict
        If the target has another content under that version number.
    Unreachable
        If nothing answers there.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.push("churn@champion", "prod")  # doctest: +SKIP
    """
    from nbdeploy import targets

    settings = settings or Settings.load()
    resolve(open_store(settings), ref, settings)  # before `local` is started for nothing
    name, deployment = parts(to or settings.target)
    target = Target(targets.connect(_connection(name, settings, progress)), settings)
    return target.push(ref, deployment, new=new, progress=progress)


def status(where: str | None = None, *, settings: Settings | None = None) -> Status:
    """Say which targets answer, and what serves there.

    Parameters
    ----------
    where : str, optional
        ``TARGET`` or ``TARGET/DEPLOYMENT``; all targets by default.
    """
    from dataclasses import replace

    from nbdeploy import targets

    connections = Connections((settings or Settings.load()).home)
    if where is None:
        return Status([targets.connect(connection).status() for connection in connections.all().values()])
    name, deployment = parts(where)
    found = targets.connect(connections.get(name)).status()
    if deployment is not None and found.healthy:
        chosen = tuple(d for d in found.deployments if d.name == deployment)
        if not chosen:
            raise NotFound("deployment", where, [f"{name}/{d.name}" for d in found.deployments])
        found = replace(found, deployments=chosen)
    return Status([found])


def call(where: str, data: Any = None, *, method: str | None = None, settings: Settings | None = None) -> CallResult:
    """Get predictions from a deployment.

    Parameters
    ----------
    where : str
        ``TARGET/DEPLOYMENT``.
    data : table, str or Path, optional
        Rows in memory, or a CSV, Parquet or Arrow file; the snapshot's own sample by default.
    method : str, optional
        The method to answer with.

    Examples
    --------
    >>> import nbdeploy as nd
    >>> nd.call("local/churn", customers).frame  # doctest: +SKIP
    """
    target, deployment = remote(where, settings)
    return target.call(deployment, Path(data) if isinstance(data, str) else data, method)


def undeploy(where: str, *, settings: Settings | None = None) -> Undeployed:
    """Serve a deployment (``TARGET/DEPLOYMENT``) no more; its snapshots stay."""
    target, deployment = remote(where, settings)
    return target.undeploy(deployment)


def remote(where: str, settings: Settings | None) -> tuple[Target, str]:
    """Return the target, and the name of the deployment on it, that ``TARGET/DEPLOYMENT`` means."""
    from nbdeploy import targets

    name, deployment = parts(where)
    if deployment is None:
        raise WrongUsage(f"{where!r} names no deployment; write TARGET/DEPLOYMENT, for example {LOCAL}/{name}")
    settings = settings or Settings.load()
    return Target(targets.connect(Connections(settings.home).get(name)), settings), deployment


def parts(where: str) -> tuple[str, str | None]:
    """Take ``TARGET/DEPLOYMENT`` apart."""
    target, slash, deployment = where.partition("/")
    check_name(target, "target")
    return target, check_name(deployment, "deployment") if slash else None


def _connection(name: str, settings: Settings, progress: Report) -> Connection:
    """Find a target; start ``local`` where it does not run."""
    connections = Connections(settings.home)
    known = connections.all()
    if name == LOCAL and (name not in known or known[name].home is not None):
        from nbdeploy.serving import background

        home = Path(known[name].home or "") if name in known else settings.endpoint_home
        running = background.start(home, settings, progress=progress)
        if name not in known and name not in connections.all():
            _register(home, running.url, connections)
    return connections.get(name)


def _register(home: Path, url: str, connections: Connections) -> None:
    """Write down again where an endpoint of this user answers, which was forgotten while it ran."""
    from urllib.parse import urlsplit

    from nbdeploy.serving.guard.tokens import Tokens
    from nbdeploy.serving.home import Home
    from nbdeploy.serving.registration import register

    register(Home(home), url, urlsplit(url).port or 80, connections, Tokens(home))
