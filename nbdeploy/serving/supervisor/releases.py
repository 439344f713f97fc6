"""What the endpoint serves: snapshots proven, swapped and kept. The state in the home is the truth."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from msgspec.structs import replace

from nbdeploy.errors import Conflict, NbdeployError, NotFound
from nbdeploy.serving.home import Home
from nbdeploy.store import Store, Version
from nbdeploy.types import Ref, check_name
from nbdeploy.wire.messages import UNLOADED, Deploy, Deployment, Past, Serving

__all__ = ["Releases", "Running"]

_log = logging.getLogger(__name__)


class Running(Protocol):
    """The processes of versions."""

    def prepare(self, version: Version) -> str:
        """Have built what a version runs in, and return what is to be waited for; empty when it can be started."""

    def start(self, version: Version) -> str:
        """Have a version load, answer its sample and be ready in every worker; return its key."""

    def ready(self, key: str) -> bool:
        """Whether a version answers now."""

    def keep(self, keys: set[str]) -> None:
        """End all versions but these, after what they are asked."""


@dataclass(frozen=True)
class _Release:
    state: Deployment
    key: str | None = None
    waits: bool = False


class Releases:
    """The deployments of one endpoint. Changes come from one thread.

    Parameters
    ----------
    home : Home
        Where they are kept.
    store : Store
        The endpoint's own snapshots.
    running : Running
        What starts and ends versions.
    publish : callable
        Tells all workers what serves: each deployment, with the key of the version that answers.
    now : callable
        The clock.
    """

    def __init__(
        self,
        home: Home,
        store: Store,
        running: Running,
        publish: Callable[[Mapping[str, tuple[Deployment, str | None]]], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._home, self._store, self._running, self._publish, self._now = home, store, running, publish, now
        self._releases: dict[str, _Release] = {}

    @property
    def serving(self) -> tuple[tuple[str, str], ...]:
        """What answers: deployments, and the snapshot of each."""
        found = sorted((name, release) for name, release in self._releases.items() if release.key is not None)
        return tuple((name, str(release.key)) for name, release in found)

    def prepare(self, name: str, order: Deploy | None) -> str:
        """Have ready what :meth:`deploy`, or without an order :meth:`load`, will start. In any thread.

        Returns
        -------
        str
            What is to be waited for; empty if nothing is.
        """
        if order is None:
            return self._running.prepare(self._loadable(name))
        self._check(name, order)
        return self._running.prepare(self._stored(order))

    def deploy(self, name: str, order: Deploy, by: str) -> Deployment:
        """Serve a stored snapshot under a name. What served before goes on until the new one is proven.

        Raises
        ------
        NotFound
            If the snapshot is not stored here, or the deployment is a new one of another name.
        RehearsalFailed
            If the snapshot cannot be loaded here, or answers its sample differently.
        """
        before = self._check(name, order)
        version = self._stored(order)
        answers = before is not None and before.key is not None and self._running.ready(before.key)
        if before is not None and answers and _same(before.state.serving[0], order):
            return replace(before.state, state="unchanged")
        key = self._running.start(version)
        state = Deployment(
            name=name,
            state="serving",
            serving=[Serving(version.name, version.number, version.digest)],
            author=version.author,
            created=version.created,
            deployed=self._time(),
            by=by,
            history=_history(before, self._time()),
        )
        return self._change(_Release(state, key), f"now serves {version} {version.digest[:19]}, by {by}")

    def _check(self, name: str, order: Deploy) -> _Release | None:
        """Refuse an order under a name that cannot be, or is new by mistake; what serves under it."""
        check_name(name, "deployment name")
        before = self._releases.get(name)
        if before is None and name != order.model and not order.new:
            raise NotFound("deployment", name, self._releases, hint="to make a new one, push with --new")
        return before

    def undeploy(self, name: str) -> Deployment:
        """Serve a name no more."""
        if name not in self._releases:
            raise NotFound("deployment", name, self._releases)
        state = self._releases[name].state
        self._home.forget(name)
        self._serve({key: release for key, release in self._releases.items() if key != name})
        _log.info("%s serves no more", name)
        return replace(state, state="removed", serving=[])

    def load(self, name: str, by: str) -> Deployment:
        """Serve again what was unloaded or failed, or the newest snapshot of a model of that name that is stored here.

        Raises
        ------
        NotFound
            If there is neither.
        RehearsalFailed
            If it cannot be loaded here, or answers its sample differently.
        """
        before, version = self._releases.get(name), self._loadable(name)
        if before is None or not before.state.serving:
            return self.deploy(name, Deploy(version.name, version.number, version.digest), by)
        if before.key is not None and self._running.ready(before.key):
            return replace(before.state, state="unchanged")
        key = self._running.start(version)
        return self._change(_Release(replace(before.state, state="serving", reason=""), key), f"loaded by {by}")

    def unload(self, name: str, by: str) -> Deployment:
        """Serve a name no more until it is loaded again; also after a restart."""
        if name not in self._releases:
            raise NotFound("deployment", name, self._releases)
        state = replace(self._releases[name].state, state=UNLOADED, reason=f"it was unloaded by {by}")
        return self._change(_Release(state), state.reason)

    def restore(self) -> None:
        """Serve again what was kept. What cannot be loaded is shown as failed; the rest serves."""
        self._serve({state.name: self._restored(state) for state in self._home.deployments()})

    def resume(self) -> bool:
        """Serve what :meth:`restore` could not because its environment has to be built; True if any still waits."""
        for name, release in self._releases.items():
            if release.waits and not (again := self._restored(release.state)).waits:
                self._serve({**self._releases, name: again})
        return any(release.waits for release in self._releases.values())

    # -- parts -----------------------------------------------------------------------------------

    def _change(self, release: _Release, told: str) -> Deployment:
        """Keep what is to be served, then serve it."""
        state = release.state
        try:
            self._home.keep(state)
        except BaseException:
            self._end_others()
            raise
        self._serve({**self._releases, state.name: release})
        _log.info("%s: %s", state.name, told)
        return state

    def _serve(self, releases: dict[str, _Release]) -> None:
        self._releases = releases
        self._publish({name: (release.state, release.key) for name, release in releases.items()})
        self._end_others()

    def _end_others(self) -> None:
        self._running.keep({release.key for release in self._releases.values() if release.key is not None})

    def _restored(self, state: Deployment) -> _Release:
        if not state.serving or state.state == UNLOADED:
            return _Release(state)
        try:
            version = self._stored(_order(state))
            if told := self._running.prepare(version):
                return _Release(replace(state, state="failed", reason=told), waits=True)
            key = self._running.start(version)
        except NbdeployError as error:
            _log.error("%s does not serve: %s", state.name, error)
            return _Release(replace(state, state="failed", reason=str(error)))
        return _Release(replace(state, state="serving", reason=""), key)

    def _loadable(self, name: str) -> Version:
        """What serves, or served, under a name; the newest snapshot of a model of that name otherwise."""
        found = self._releases.get(name)
        if found is None or not found.state.serving:
            return self._store.resolve(Ref(name))
        return self._stored(_order(found.state))

    def _stored(self, order: Deploy) -> Version:
        version = self._store.resolve(Ref(order.model, version=order.version))
        if version.digest != order.digest:
            raise Conflict(f"{version} is {version.digest} here, not {order.digest}", here=version.digest)
        return version

    def _time(self) -> str:
        return self._now().isoformat(timespec="seconds")


def _order(state: Deployment) -> Deploy:
    serving = state.serving[0]
    return Deploy(serving.model, serving.version, serving.digest)


def _same(serving: Serving, order: Deploy) -> bool:
    return (serving.model, serving.version, serving.digest) == (order.model, order.version, order.digest)


def _history(before: _Release | None, now: str) -> list[Past]:
    if before is None:
        return []
    past = [Past(s.model, s.version, s.digest, before.state.deployed, now) for s in before.state.serving]
    return [*before.state.history, *past]
