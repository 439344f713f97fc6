"""The store that the settings name, and the versions in it that references mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbdeploy.connections import Connections
from nbdeploy.errors import NotFound, WrongUsage
from nbdeploy.hints import typed
from nbdeploy.settings import Settings
from nbdeploy.types import Ref

if TYPE_CHECKING:
    from nbdeploy.store import Store, Version

__all__ = ["open_store", "resolve"]


def open_store(settings: Settings | None = None) -> Store:
    """Open the store that the settings name."""
    from nbdeploy.store import Store

    settings = settings or Settings.load()
    return Store(settings.store, settings.cache)


def resolve(store: Store, ref: str | Ref, settings: Settings | None = None) -> Version:
    """Find the version that a reference means; ``prod/churn`` means what that deployment serves now."""
    parsed = Ref.parse(ref) if isinstance(ref, str) else ref
    return store.resolve(parsed if parsed.target is None else _served(parsed, settings))


def _served(ref: Ref, settings: Settings | None) -> Ref:
    """The reference, by digest, of what a deployment (``prod/churn``) serves now."""
    from nbdeploy import targets

    if ref.version is not None or ref.alias is not None or ref.digest is not None:
        raise WrongUsage(
            f"{ref} is not understood: a deployment serves one snapshot, which is {ref.target}/{ref.name}",
            reference=str(ref),
        )
    connection = Connections((settings or Settings.load()).home).get(str(ref.target))
    found = targets.connect(connection).status()
    deployments = {deployment.name: deployment for deployment in found.deployments}
    if ref.name not in deployments or not deployments[ref.name].serving:
        hint = found.reason or f"{typed('status')} shows what serves where"
        raise NotFound("deployment", str(ref), [f"{ref.target}/{name}" for name in deployments], hint=hint)
    serving = deployments[ref.name].serving[0]
    return Ref(serving.model, digest=serving.digest)
