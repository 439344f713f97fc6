"""What the endpoint serves: snapshots taken in, loaded, proven, swapped and kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from msgspec.structs import replace

from nbdeploy import predictor as predictors
from nbdeploy.bundles import Trust
from nbdeploy.compare import ROUNDING, SINGLE, compare
from nbdeploy.errors import AccessDenied, Conflict, Corrupted, NbdeployError, NotFound, RehearsalFailed, RemoteError
from nbdeploy.hints import typed
from nbdeploy.manifest import SIGNATURE, Manifest, sha256
from nbdeploy.predictor import Predictor
from nbdeploy.serving.fast.record_twin import RecordTwin, record_twin_of
from nbdeploy.serving.home import Home
from nbdeploy.serving.prediction_log import Subject
from nbdeploy.store import Store, Version
from nbdeploy.types import Ref, check_name
from nbdeploy.wire import routes
from nbdeploy.wire.messages import Deploy, Deployment, OfferAnswer, Past, Serving

__all__ = ["UNLOADED", "Deployments", "Served"]

UNLOADED = "unloaded"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """A deployment as it answers: replaced whole, so that a request sees the old one or the new.

    Attributes
    ----------
    state : Deployment
        What is told about it and kept.
    predictor : Predictor or None
        What answers; None if it failed to load.
    record_twin : RecordTwin or None
        What answers few records inside the event loop, if it has a twin for that.
    """

    state: Deployment
    predictor: Predictor | None = field(default=None, repr=False)
    record_twin: RecordTwin | None = field(default=None, repr=False)

    @property
    def now(self) -> Serving:
        """The snapshot that answers."""
        return self.state.serving[0]

    @cached_property
    def subject(self) -> Subject:
        """What the prediction log calls it."""
        now = self.state.serving[0] if self.state.serving else Serving("", 0, "")
        signature = None if self.predictor is None else self.predictor.signature
        return Subject(self.state.name, now.version, now.digest, signature)

    @property
    def model(self) -> Predictor:
        """What answers.

        Raises
        ------
        RemoteError
            If it failed to load.
        NotFound
            If it was unloaded.
        """
        if self.state.state == UNLOADED:
            load = routes.path(routes.LOAD, m=self.state.name)
            raise NotFound("loaded deployment", self.state.name, hint=f"{self.state.reason}; load it by POST {load}")
        if self.predictor is None:
            raise RemoteError(f"deployment {self.state.name!r} does not serve: {self.state.reason}")
        return self.predictor


class Deployments:
    """The deployments of one endpoint. Changes come from one thread; reading is free for all.

    Parameters
    ----------
    home : Home
        Where they are kept.
    calls : Executor
        The one thread that calls models.
    trust : Trust
        Whose snapshots are taken, and whether their code may run.
    now : callable
        The clock.
    """

    def __init__(
        self, home: Home, calls: Executor, trust: Trust, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.store = Store(str(home.store), home.cache)
        self._home = home
        self._calls = calls
        self._trust = trust
        self._now = now
        self._served: dict[str, Served] = {}

    @property
    def served(self) -> Mapping[str, Served]:
        """Every deployment by name: another mapping after every change."""
        return self._served

    # -- reading ---------------------------------------------------------------------------------

    def all(self) -> list[Deployment]:
        """Every deployment, by name."""
        return [self._served[name].state for name in sorted(self._served)]

    @property
    def ready(self) -> bool:
        """Whether all of them answer: loaded, warmed up by their sample, and equal to what was expected.

        What somebody has unloaded is not meant to.
        """
        return all(one.predictor is not None or one.state.state == UNLOADED for one in self._served.values())

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

    def deploy(self, name: str, order: Deploy, by: str) -> Deployment:
        """Serve a stored snapshot under a name. What served before goes on until the new one is proven.

        Raises
        ------
        NotFound
            If the snapshot is not stored here, or the deployment is a new one of another name.
        RehearsalFailed
            If the snapshot cannot be loaded here, or answers its sample differently.
        """
        check_name(name, "deployment name")
        before = self._served.get(name)
        if before is None and name != order.model and not order.new:
            raise NotFound("deployment", name, self._served, hint="to make a new one, push with --new")
        version = self._stored(order)
        if before is not None and before.predictor is not None and _same(before.now, order):
            return replace(before.state, state="unchanged")
        predictor = self._proven(version)
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
        return self._change(
            Served(state, predictor, record_twin_of(predictor)), f"now serves {version} {version.digest[:19]}, by {by}"
        )

    def undeploy(self, name: str) -> Deployment:
        """Serve a name no more."""
        state = self.get(name).state
        self._home.forget(name)
        self._served = {key: served for key, served in self._served.items() if key != name}
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
        before = self._served.get(name)
        if before is None or not before.state.serving:
            newest = self.store.resolve(Ref(name))
            return self.deploy(name, Deploy(newest.name, newest.number, newest.digest), by)
        if before.predictor is not None:
            return replace(before.state, state="unchanged")
        now = before.now
        predictor = self._proven(self._stored(Deploy(now.model, now.version, now.digest)))
        return self._change(
            Served(replace(before.state, state="serving", reason=""), predictor, record_twin_of(predictor)),
            f"loaded by {by}",
        )

    def unload(self, name: str, by: str) -> Deployment:
        """Serve a name no more until it is loaded again; also after a restart."""
        state = replace(self.get(name).state, state=UNLOADED, reason=f"it was unloaded by {by}")
        return self._change(Served(state), state.reason)

    def restore(self) -> None:
        """Serve again what was kept. What cannot be loaded is shown as failed; the rest serves."""
        self._served = {state.name: self._restored(state) for state in self._home.deployments()}

    # -- parts -----------------------------------------------------------------------------------

    def _change(self, served: Served, told: str) -> Deployment:
        self._home.keep(served.state)
        self._served = {**self._served, served.state.name: served}
        _log.info("%s: %s", served.state.name, told)
        return served.state

    def _restored(self, state: Deployment) -> Served:
        if not state.serving or state.state == UNLOADED:
            return Served(state)
        try:
            serving = state.serving[0]
            predictor = self._proven(self._stored(Deploy(serving.model, serving.version, serving.digest)))
        except NbdeployError as error:
            _log.error("%s does not serve: %s", state.name, error)
            return Served(replace(state, state="failed", reason=str(error)))
        return Served(replace(state, state="serving", reason=""), predictor, record_twin_of(predictor))

    def _stored(self, order: Deploy) -> Version:
        version = self.store.resolve(Ref(order.model, version=order.version))
        if version.digest != order.digest:
            raise Conflict(f"{version} is {version.digest} here, not {order.digest}", here=version.digest)
        return version

    def _proven(self, version: Version) -> Predictor:
        """Load a snapshot and have it answer its sample."""
        try:
            predictor = predictors.load(self.store.open(version), self._trust)
            difference = self._calls.submit(_check, predictor).result()
        except AccessDenied:
            raise
        except NbdeployError as error:
            raise RehearsalFailed(f"{version} cannot be served here: {error}", snapshot=str(version)) from error
        except Exception as error:
            _log.exception("%s cannot be loaded", version)
            reason = f"{type(error).__name__}: {error}"
            raise RehearsalFailed(f"{version} cannot be loaded here: {reason}", snapshot=str(version)) from error
        if difference:
            raise RehearsalFailed(
                f"{version} answers its own sample differently here ({difference}), so it was refused; "
                "compare the versions of Python and its packages there and here",
                snapshot=str(version),
            )
        return predictor

    def _check_trust(self, manifest: Manifest) -> None:
        """Say so before anything large is sent; the signature itself may still be on its way."""
        entry = manifest.files.get(SIGNATURE)

        def signature() -> bytes | None:
            return self.store.blob(entry.sha256) if entry and self.store.has_blob(entry.sha256) else None

        self._trust.check(manifest, signature)

    def _time(self) -> str:
        return self._now().isoformat(timespec="seconds")


def _same(serving: Serving, order: Deploy) -> bool:
    return (serving.model, serving.version, serving.digest) == (order.model, order.version, order.digest)


def _history(before: Served | None, now: str) -> list[Past]:
    if before is None:
        return []
    past = [Past(s.model, s.version, s.digest, before.state.deployed, now) for s in before.state.serving]
    return [*before.state.history, *past]


def _check(predictor: Predictor) -> str:
    sample: Any = predictor.sample
    if not sample.height:
        return ""
    found = compare(predictor.expected, predictor.outputs(sample, list(predictor.signature.outputs)), ROUNDING, SINGLE)
    return found.first
