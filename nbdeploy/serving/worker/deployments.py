"""What a worker serves, as the supervisor told it; and how it takes in snapshots and orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from nbdeploy.bundles import Trust
from nbdeploy.errors import Corrupted, NotFound, RemoteError
from nbdeploy.hints import typed
from nbdeploy.manifest import SIGNATURE, Manifest, sha256
from nbdeploy.serving.fast.record_twin import RecordTwin
from nbdeploy.serving.home import Home
from nbdeploy.serving.prediction_log import Subject
from nbdeploy.serving.twins import Inline
from nbdeploy.serving.worker.model import Model
from nbdeploy.store import Store
from nbdeploy.wire import routes
from nbdeploy.wire.messages import UNLOADED, Deploy, Deployment, OfferAnswer, Serving

__all__ = ["Deployments", "Served"]


@dataclass(frozen=True)
class Served:
    """A deployment as it answers: replaced whole, so that a request sees the old one or the new.

    Attributes
    ----------
    state : Deployment
        What is told about it and kept.
    loaded : Model or None
        What answers; None if it could not be loaded.
    """

    state: Deployment
    loaded: Model | None = field(default=None, repr=False)

    @property
    def now(self) -> Serving:
        """The snapshot that answers."""
        return self.state.serving[0]

    @property
    def told(self) -> Deployment:
        """The state, with why nothing answers now if nothing does."""
        if self.loaded is None or not self.loaded.problem:
            return self.state
        return replace(self.state, state="failed", reason=self.loaded.problem)

    @property
    def predictor(self) -> Model | None:
        """What answers; None if nothing does now."""
        return None if self.loaded is None or self.loaded.problem else self.loaded

    @property
    def record_twin(self) -> RecordTwin | None:
        """What answers few records inside the event loop, if it has a twin for that."""
        return None if self.loaded is None else self.loaded.record_twin

    @property
    def relayed(self) -> RecordTwin | None:
        """What binds few records for the version's processes, if it has no twin for them."""
        return None if self.loaded is None or self.record_twin is not None else self.loaded.relayed

    @property
    def inline(self) -> Inline | None:
        """What answers matrices where it is, if there is a twin for that."""
        return None if self.loaded is None else self.loaded.inline

    @cached_property
    def subject(self) -> Subject:
        """What the prediction log calls it."""
        now = self.state.serving[0] if self.state.serving else Serving("", 0, "")
        signature = None if self.loaded is None else self.loaded.signature
        return Subject(self.state.name, now.version, now.digest, signature)

    @property
    def model(self) -> Model:
        """What answers.

        Raises
        ------
        RemoteError
            If nothing does.
        NotFound
            If it was unloaded.
        """
        if self.state.state == UNLOADED:
            load = routes.path(routes.LOAD, m=self.state.name)
            raise NotFound("loaded deployment", self.state.name, hint=f"{self.state.reason}; load it by POST {load}")
        if self.loaded is None:
            raise RemoteError(f"deployment {self.state.name!r} does not serve: {self.state.reason}")
        return self.loaded


class Deployments:
    """The deployments of one endpoint, in one of its workers.

    Parameters
    ----------
    home : Home
        Where snapshots are stored.
    trust : Trust
        Whose snapshots are taken, and whether their code may run.
    order : callable
        Has the supervisor do something, by name and arguments, and waits for what comes of it; not in the event loop.
    """

    def __init__(self, home: Home, trust: Trust, order: Callable[..., Any]) -> None:
        self.store = Store(str(home.store), home.cache)
        self._trust = trust
        self._order = order
        self._served: Mapping[str, Served] = {}

    # -- reading ---------------------------------------------------------------------------------

    @property
    def served(self) -> Mapping[str, Served]:
        """Every deployment by name: another mapping after every change."""
        return self._served

    @property
    def ready(self) -> bool:
        """Whether all of them answer: loaded, warmed up by their sample, and equal to what was expected.

        What somebody has unloaded is not meant to.
        """
        return all(one.predictor is not None or one.state.state == UNLOADED for one in self._served.values())

    def all(self) -> list[Deployment]:
        """Every deployment, by name."""
        return [self._served[name].told for name in sorted(self._served)]

    def get(self, name: str, version: str | None = None) -> Served:
        """Return a deployment.

        Raises
        ------
        NotFound
            If there is none of that name, or it does not serve that version.
        """
        served = self._served.get(name)
        if served is None:
            raise NotFound("deployment", name, self._served, hint=f"make it with: {typed(f'push {name}')}")
        numbers = [str(serving.version) for serving in served.state.serving]
        if version is not None and version not in numbers:
            raise NotFound("version", f"{name}/{version}", [f"{name}/{number}" for number in numbers])
        return served

    def install(self, served: Mapping[str, Served]) -> None:
        """Serve this from now on."""
        self._served = served

    # -- changing --------------------------------------------------------------------------------

    def offer(self, digest: str, manifest: Manifest) -> OfferAnswer:
        """Store a snapshot if all its files are here; say which are missing otherwise.

        Raises
        ------
        Forbidden
            If it runs code of its own, or is not signed, and this endpoint does not allow that.
        Conflict
            If another snapshot has its number here.
        Corrupted
            If it has another digest than announced.
        """
        if manifest.digest != digest:
            raise Corrupted(f"the snapshot was announced as {digest}, but is {manifest.digest}; send it again")
        self._check_trust(manifest)
        self.store.check_number(manifest, "this endpoint")  # before anything large is sent
        self.store.put_blob(sha256(manifest.content), manifest.content)
        missing = self.store.missing(manifest)
        if not missing:
            self.store.adopt(manifest)
        return OfferAnswer(missing, not missing)

    def prepare(self, name: str, order: Deploy | None = None) -> str:
        """Have ready what is to be deployed, or loaded, and return what is to be waited for; empty if nothing is."""
        told: str = self._order("prepare", name, order)
        return told

    def deploy(self, name: str, order: Deploy, by: str) -> Deployment:
        """Serve a stored snapshot under a name. See :meth:`nbdeploy.serving.supervisor.releases.Releases.deploy`."""
        deployed: Deployment = self._order("deploy", name, order, by)
        return deployed

    def undeploy(self, name: str) -> Deployment:
        """Serve a name no more."""
        removed: Deployment = self._order("undeploy", name)
        return removed

    def load(self, name: str, by: str) -> Deployment:
        """Serve again what was unloaded or failed. See :meth:`nbdeploy.serving.supervisor.releases.Releases.load`."""
        while self.prepare(name):
            pass
        loaded: Deployment = self._order("load", name, by)
        return loaded

    def unload(self, name: str, by: str) -> Deployment:
        """Serve a name no more until it is loaded again; also after a restart."""
        unloaded: Deployment = self._order("unload", name, by)
        return unloaded

    def _check_trust(self, manifest: Manifest) -> None:
        """Say so before anything large is sent; the signature itself may still be on its way."""
        entry = manifest.files.get(SIGNATURE)

        def signature() -> bytes | None:
            return self.store.blob(entry.sha256) if entry and self.store.has_blob(entry.sha256) else None

        self._trust.check(manifest, signature)
