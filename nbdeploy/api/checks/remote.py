"""What answers over a network: the endpoint of this machine, and the targets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nbdeploy.api.checks.finding import Finding
from nbdeploy.connections import Connection, Connections, token_variable
from nbdeploy.errors import NbdeployError
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

__all__ = ["endpoint", "targets"]


def endpoint(settings: Settings) -> list[Finding]:
    """Whether this machine's endpoint runs and answers, if it was ever started."""
    from nbdeploy.serving.home import Home
    from nbdeploy.wire import routes
    from nbdeploy.wire.client import Client

    home = Home(settings.endpoint_home)
    running = home.running()
    if running is None:
        served = len(home.deployments())
        if served:
            return [Finding("endpoint", f"does not run, and has {served} deployments to serve", typed("serve"))]
        return [Finding("endpoint", "none runs; the first push starts one")]
    where = f"{running.url} (process {running.pid})"
    try:
        with Client(running.url, seconds=10, fingerprint=running.fingerprint) as client:
            client.request("GET", routes.LIVE)
    except NbdeployError as error:
        step = f"look at {home.log}, then {typed('serve --stop')}"
        return [Finding("endpoint", f"{where} does not answer: {error}", step)]
    return [Finding("endpoint", f"answers at {where}")]


def targets(settings: Settings) -> list[Finding]:
    """Whether each target answers, lets us in, and serves all it should."""
    try:
        known = list(Connections(settings.home).all().values())
    except NbdeployError as error:
        return [Finding("targets", str(error), "mend that file, or remove it and add the targets again")]
    if not known:
        return [Finding("targets", "none yet; the first push adds `local`")]
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(_target, known))


def _target(entry: Connection) -> Finding:
    from nbdeploy.serving.home import Home
    from nbdeploy.targets import connect

    name = f"target {entry.name}"
    if entry.home is not None and Home(Path(entry.home)).running() is None:
        return Finding(name, f"its endpoint on this machine does not run ({entry.home})", _start(entry))
    try:
        status = connect(entry).status()
    except NbdeployError as error:
        return Finding(name, str(error), typed(f"target rm {entry.name}"))
    if status.healthy:
        return Finding(name, f"{entry.url} serves {len(status.deployments)} deployments")
    if entry.bearer() is None:
        return Finding(name, status.reason, f"put its token into {token_variable(entry.name)}")
    return Finding(name, status.reason, typed(f"target check {entry.name}"))


def _start(entry: Connection) -> str:
    return typed("serve") + ("" if entry.name == "local" else f" --home {entry.home}")
