"""The facts about one model: its versions, which of them were removed, and where its aliases went."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nbdeploy.errors import Conflict, Corrupted, NotFound
from nbdeploy.hints import typed
from nbdeploy.store.facts import Facts
from nbdeploy.store.objects import Objects
from nbdeploy.store.version import Removal, Version, author, now
from nbdeploy.types import Ref, check_name, is_name

__all__ = ["Model"]


class Model:
    """The facts about one model in a store.

    Parameters
    ----------
    objects : Objects
        Where they are kept.
    name : str
        The model's name.
    """

    def __init__(self, objects: Objects, name: str) -> None:
        self.name = check_name(name, "model name")
        self._objects = objects
        self._folder = f"models/{name}"
        self.facts = Facts(objects, f"{self._folder}/versions", f"the versions of {name}")
        self._removed = Facts(objects, f"{self._folder}/removed", f"the removals from {name}")

    def live(self) -> list[int]:
        """Numbers that were given, and not removed since, in order."""
        taken = self.facts.numbers()
        removed = set(self._removed.numbers()) if taken else set()
        return [number for number in taken if number not in removed]

    def versions(self, numbers: Iterable[int] | None = None) -> Iterator[Version]:
        """Read versions, all live ones by default. What a killed writer left empty is none."""
        for number in self.live() if numbers is None else numbers:
            document = self.facts.get(number)
            if document is not None:
                if not isinstance(document.get("digest"), str):
                    raise self.facts.damaged(number, "it names no digest")
                yield Version(self.name, number, document["digest"], document)

    def readable(
        self, numbers: Iterable[int] | None = None, damaged: Callable[[Corrupted], object] = lambda _: None
    ) -> Iterator[Version]:
        """Read versions as :meth:`versions` does; one that is damaged is told, and takes nothing down."""
        for number in self.live() if numbers is None else numbers:
            try:
                yield from self.versions([number])
            except Corrupted as error:
                damaged(error)

    def newest(self) -> Version | None:
        """Return the live version of the highest number that can be read."""
        return next(self.readable(reversed(self.live())), None)

    def resolve(self, ref: Ref) -> Version:
        """Find the version that a reference to this model means. See :meth:`nbdeploy.store.Store.resolve`."""
        if ref.digest is not None:
            return self._by_digest(ref.digest)
        number, numbers = ref.version, self.live()
        if ref.alias is not None:
            self._meant(ref.alias)  # says if that one is damaged
            aliases = self.aliases(lambda _: None)
            if ref.alias not in aliases:
                known = [f"{self.name}@{alias}" for alias in aliases]
                raise NotFound("alias", str(ref), known, hint=f"set it with: {typed(f'alias {self.name} {ref.alias}')}")
            number = aliases[ref.alias]
        wanted = reversed(numbers) if number is None else [number] if number in numbers else []
        for version in self.versions(wanted):
            return version
        raise self.unknown(str(ref), ref.version)

    # -- removed ---------------------------------------------------------------------------------

    def removals(self) -> dict[int, Removal]:
        """The versions that were removed, by number."""
        found = ((number, self._removed.get(number) or {}) for number in self._removed.numbers())
        return {number: self._removal(number, document) for number, document in found}

    def remove(self, number: int) -> Removal:
        """State that a version is removed. See :meth:`nbdeploy.store.Store.remove`."""
        if number not in self.live():
            raise self.unknown(f"{self.name}:{number}", number)
        holders = [f"{self.name}@{alias}" for alias, meant in self.aliases().items() if meant == number]
        if holders:
            raise Conflict(
                f"{self.name}:{number} is {' and '.join(holders)}; move or remove what means it first, for example: "
                + typed(f"alias rm {holders[0]}"),
                aliases=holders,
            )
        document = {"digest": self._digest(number), **_signed()}
        if not self._removed.state(number, document):
            raise self.unknown(f"{self.name}:{number}", number)
        return self._removal(number, document)

    # -- aliases ---------------------------------------------------------------------------------

    def aliases(self, damaged: Callable[[Corrupted], object] | None = None) -> dict[str, int]:
        """Alias to version number, as they stand now. See :meth:`nbdeploy.store.Store.aliases`."""
        live = set(self.live())
        current = dict[str, int | None]()
        for alias in self._every_alias():
            try:
                current[alias] = self._meant(alias)
            except Corrupted as error:
                if damaged is None:
                    raise
                damaged(error)
        return {alias: number for alias, number in current.items() if number in live}

    def moves(self) -> dict[str, list[dict[str, Any]]]:
        """Every move of every alias that can be read, in order."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alias in self._every_alias():
            found[alias] = []
            facts = self._alias(alias)
            for number in facts.numbers():
                with contextlib.suppress(Corrupted):
                    found[alias] += filter(None, [facts.get(number)])
        return found

    def last_move(self, alias: str) -> int:
        """Return the number of an alias's last move, 0 if it never moved."""
        return self._alias(alias).next() - 1

    def move(
        self, alias: str, number: int | None, after: int | None = None, why: Mapping[str, Any] | None = None
    ) -> None:
        """State that an alias means a version, or nothing, from now on. See :meth:`nbdeploy.store.Store.set_alias`."""
        facts = self._alias(check_name(alias, "alias"))
        document = {"version": number, **_signed(), **(why or {})}
        if after is None:
            facts.add(document)
        elif facts.next() != after + 1 or not facts.state(after + 1, document):
            other = facts.get(facts.next() - 1) or {}
            raise Conflict(
                f"{self.name}@{alias} was moved to {self.name}:{other.get('version')} by {other.get('by')} meanwhile; "
                "look at it, and try again"
            )

    # -- parts -----------------------------------------------------------------------------------

    def unknown(self, ref: str, number: int | None = None) -> NotFound:
        """Return the error that says of a reference that it means no version, and what there is."""
        removed = self.removals().get(number or 0)
        gone = (
            f"it was removed by {removed.by} on {removed.at}; see: {typed(f'history {self.name}')}" if removed else ""
        )
        return NotFound("snapshot", ref, [f"{self.name}:{live}" for live in self.live()], hint=gone)

    def _every_alias(self) -> list[str]:
        return [alias for alias in self._objects.folders(f"{self._folder}/aliases") if is_name(alias)]

    def _alias(self, alias: str) -> Facts:
        return Facts(self._objects, f"{self._folder}/aliases/{alias}", f"{self.name}@{alias}")

    def _meant(self, alias: str) -> int | None:
        """What the last move of an alias says; never what an earlier one said, if that is damaged."""
        facts = self._alias(alias)
        for number in reversed(facts.numbers()):
            try:
                document = facts.get(number)
                if document is not None and not isinstance(document.get("version", ""), int | None):
                    raise facts.damaged(number, f"it does not say what {alias} means")
            except Corrupted as error:
                hint = f"set it anew with: {typed(f'alias {self.name}:NUMBER {alias}')}"
                raise Corrupted(f"{error}; {hint}", **error.facts) from error
            if document is not None:
                return document["version"]  # type: ignore[no-any-return]
        return None

    def _by_digest(self, digest: str) -> Version:
        versions = list(self.versions())
        matches = {v.digest: v for v in versions if v.digest.startswith(digest)}
        if len(matches) != 1:
            raise NotFound("snapshot", f"{self.name}@{digest}", [f"{self.name}@{v.digest[:19]}" for v in versions])
        return next(iter(matches.values()))

    def _digest(self, number: int) -> str:
        """What a version is; nothing if its record is damaged, so that it can be removed all the same."""
        try:
            return "".join(version.digest for version in self.versions([number]))
        except Corrupted:
            return ""

    def _removal(self, number: int, document: Mapping[str, Any]) -> Removal:
        digest, by, at = (str(document.get(key, "")) for key in ("digest", "by", "at"))
        return Removal(self.name, number, digest, by, at)


def _signed() -> dict[str, str]:
    return {"at": now(), "by": author()}
