"""Adapters: lazily imported, listed in one sorted table per kind, extensible by entry points."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from nbdeploy.errors import NotFound

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Generic[T]):
    """Adapters of one kind, by name.

    Parameters
    ----------
    kind : str
        What the adapters are, in the singular: ``"flavor"``. Outside packages add to it
        under the entry point group ``nbdeploy.<kind>s``.
    table : mapping of str to str
        Name to ``"module:attribute"``; nothing is imported before it is asked for.

    Examples
    --------
    >>> codecs = Registry("codec", {"json": "json:dumps"})
    >>> codecs["json"]([1])
    '[1]'
    """

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self.table = dict(sorted(table.items()))

    @cached_property
    def _known(self) -> dict[str, str]:
        """The table and what is installed beside it."""
        group = f"nbdeploy.{self.kind}s"
        outside = {point.name: point.value for point in _installed(tuple(sys.path)) if point.group == group}
        return {**outside, **self.table}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known))

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __getitem__(self, name: str) -> T:
        known = self._known
        if name not in known:
            raise NotFound(self.kind, name, known)
        module, _, attribute = known[name].partition(":")
        found: T = getattr(import_module(module), attribute)
        return found


@lru_cache(maxsize=1)
def _installed(_path: tuple[str, ...]) -> list[EntryPoint]:
    """What all packages on a path offer to ours; looked up once, as it reads every package's metadata."""
    found = entry_points()
    return [point for group in found.groups if group.startswith("nbdeploy.") for point in found.select(group=group)]
