"""What a half-typed reference or target may become. Only local files are asked, and nothing is ever raised."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

from nbdeploy.connections import Connections
from nbdeploy.settings import Settings
from nbdeploy.types import Ref

if TYPE_CHECKING:
    from nbdeploy.store import Store

__all__ = ["compilers", "keys", "methods", "names", "places", "references", "runs", "targets"]

_log = logging.getLogger(__name__)
_Suggest = Callable[[str], Iterable[str]]


def _quiet(suggest: _Suggest) -> Callable[[str], list[str]]:
    """Keep what begins as typed; a broken store or file means no suggestions, never an error."""

    @wraps(suggest)
    def suggestions(incomplete: str) -> list[str]:
        try:
            return [text for text in suggest(incomplete) if text.startswith(incomplete)]
        except Exception:
            _log.debug("no suggestions for %r", incomplete, exc_info=True)
            return []

    return suggestions


@_quiet
def references(incomplete: str) -> Iterator[str]:
    """Names, then versions after ``:``, aliases after ``@`` and deployments after ``/``."""
    if "/" in incomplete:
        yield from _deployments(incomplete.partition("/")[0])
        return
    store = _store()
    if store is not None:
        yield from _snapshots(store, incomplete)
    if ":" not in incomplete and "@" not in incomplete:
        yield from (f"{name}/" for name in _targets())


@_quiet
def places(incomplete: str) -> Iterator[str]:
    """Targets, then deployments after ``/``."""
    if "/" in incomplete:
        yield from _deployments(incomplete.partition("/")[0])
    else:
        yield from _targets()


@_quiet
def targets(_: str) -> Iterable[str]:
    """The names of targets."""
    return _targets()


@_quiet
def names(_: str) -> Iterable[str]:
    """The names of models in the store."""
    store = _store()
    return store.names() if store is not None else ()


@_quiet
def keys(_: str) -> Iterable[str]:
    """The names of keys."""
    from nbdeploy.bundles.keys import Keys

    return (pair.name for pair in Keys(Settings.load().keys).all())


@_quiet
def runs(_: str) -> Iterable[str]:
    """The ids of the newest runs, if their database is a file that exists."""
    url = Settings.load().db
    if not Path(url.removeprefix("sqlite:///")).is_file():
        return ()
    from nbdeploy.batch.ledger import Ledger

    with Ledger(url) as ledger:
        return [run.id for run in ledger.all(50)]


@_quiet
def compilers(_: str) -> Iterable[str]:
    """The names of compilers."""
    from nbdeploy.compilers import COMPILERS

    return iter(COMPILERS)


def methods(ref: str, incomplete: str) -> list[str]:
    """The methods of a snapshot."""

    @_quiet
    def offered(_: str) -> Iterable[str]:
        store = _store()
        return store.manifest(store.resolve(Ref.parse(ref))).parsed.signature.outputs if store is not None else ()

    return offered(incomplete)


def _snapshots(store: Store, incomplete: str) -> Iterator[str]:
    if ":" in incomplete:
        name = incomplete.partition(":")[0]
        yield from (f"{name}:{version.number}" for version in reversed(store.versions(name)))
    elif "@" in incomplete:
        name = incomplete.partition("@")[0]
        yield from (f"{name}@{alias}" for alias in sorted(store.aliases(name)))
    else:
        yield from store.names()


def _targets() -> list[str]:
    return sorted({"local", *Connections(Settings.load().home).all()})


def _deployments(target: str) -> Iterator[str]:
    """A deployment's name defaults to its model's, so that the store's names are the likely ones."""
    store = _store() if target in _targets() else None
    if store is not None:
        yield from (f"{target}/{name}" for name in store.names())


def _store() -> Store | None:
    """The store, if it is a folder that exists: completion never waits for a network."""
    settings = Settings.load()
    if "://" in settings.store or not Path(settings.store).is_dir():
        return None
    from nbdeploy.store import Store

    return Store(settings.store, settings.cache)
