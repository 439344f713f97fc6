"""An alias that moves only if a condition about metrics is true, all versions measured on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.errors import NotFound
from nbdeploy.expressions import Condition, parse
from nbdeploy.predictor import Predictor
from nbdeploy.snapshots.comparing.scoring import Holdout
from nbdeploy.store import Store, Version

__all__ = ["Promotion", "promote"]

CURRENT = "current"
CHAMPION = "champion"


@dataclass(frozen=True)
class Promotion(Result):
    """Whether an alias moved, and why.

    Attributes
    ----------
    version : Version
        The version that was to get the alias.
    alias : str
        The alias.
    before : int or None
        What it meant before.
    condition : str
        The condition.
    holds : bool or None
        Whether it is true; None if it could not be decided because the alias meant nothing before.
    values : mapping of str to float or None
        What the names in the condition stood for.
    metrics : mapping of str to mapping
        Reference to metrics, of every version measured.
    rows : int
        On how many rows.
    """

    version: Version
    alias: str
    before: int | None
    condition: str
    holds: bool | None
    values: Mapping[str, float | None]
    metrics: Mapping[str, Mapping[str, float]]
    rows: int

    @property
    def ok(self) -> bool:
        """Whether the alias means the version now."""
        return self.holds is not False

    @property
    def line(self) -> str:
        """What happened, and the numbers."""
        name = f"{self.version.name}@{self.alias}"
        known = ", ".join(f"{key} {value:.6g}" for key, value in sorted(self.values.items()) if value is not None)
        on = f"{self.rows} rows ({known})" if known else f"{self.rows} rows"
        if self.holds is None:
            return f"{name} is now {self.version}: there was no version to compare it with; {on}"
        was = f"{self.version.name}:{self.before}" if self.before else "nothing"
        if self.holds:
            return f"{name} is now {self.version}, it was {was}: {self.condition} is true on {on}"
        return f"{name} stays {was}: {self.condition} is false for {self.version} on {on}"

    def card(self) -> Card:
        """Return every metric of every version measured."""
        names = list(dict.fromkeys(name for metrics in self.metrics.values() for name in metrics))
        rows = [(name, *(_written(found.get(name)) for found in self.metrics.values())) for name in names]
        return Card(self.line, table=Table(("metric", *self.metrics), rows))

    def document(self) -> dict[str, Any]:
        """Return what moved, the condition, its values, and all metrics."""
        after = self.version.number if self.ok else self.before
        return {
            "name": self.version.name,
            "alias": self.alias,
            "before": self.before,
            "version": after,
            "candidate": self.version.number,
            "moved": self.ok,
            "condition": self.condition,
            "holds": self.holds,
            "values": dict(self.values),
            "metrics": {ref: dict(metrics) for ref, metrics in self.metrics.items()},
            "rows": self.rows,
        }


def promote(
    store: Store, version: Version, alias: str, text: str, test: Sequence[Any], load: Callable[[Version], Predictor]
) -> Promotion:
    """Let an alias mean a version if a condition is true, or if nothing can be compared because it meant none.

    Parameters
    ----------
    store : Store
        Where the versions are.
    version : Version
        The version that shall get the alias; its metrics are the plain names of the condition.
    alias : str
        The alias. What it means now is ``current`` in the condition, or the alias's own name; ``champion`` too, unless
        the model has another alias of that name. The other aliases of the model can be named as well.
    text : str
        The condition: ``auc >= champion.auc - 0.002``.
    test : (table, array)
        Rows and answers; see :meth:`nbdeploy.snapshots.comparing.scoring.Holdout.of`.
    load : callable
        Loads a version.

    Raises
    ------
    NotFound
        If the condition names a metric or alias that does not exist.
    Conflict
        If the alias was moved by somebody else meanwhile.
    """
    condition, holdout = parse(text), Holdout.of(test)
    seen = store.last_move(version.name, alias)
    before = store.aliases(version.name).get(alias)
    compared = _compared(store, version, alias, condition)
    numbers = {version.number, *(number for number in compared.values() if number is not None)}
    versions = {one.number: one for one in store.versions(version.name) if one.number in numbers}
    metrics = {number: holdout.score(load(one)) for number, one in versions.items()}
    own = metrics[version.number]
    values: dict[str, float | None] = {**own}
    for owner, number in compared.items():
        known: Mapping[str, float | None] = dict.fromkeys(own) if number is None else metrics[number]
        values |= {f"{owner}.{name}": value for name, value in known.items()}
    holds = condition.holds(values)
    told = {name: values[name] for name in sorted(condition.names)}
    if holds is not False:
        store.set_alias(version.name, alias, version.number, after=seen, why={"if": text, "values": told})
    found = {str(versions[number]): metrics[number] for number in sorted(metrics)}
    return Promotion(version, alias, before, text, holds, told, found, len(holdout.y))


def _compared(store: Store, version: Version, alias: str, condition: Condition) -> dict[str, int | None]:
    """The owners of metrics in the condition (``champion.auc``), and which version each is."""
    aliases = store.aliases(version.name)
    holder = {alias, CURRENT} | ({CHAMPION} - aliases.keys())
    found: dict[str, int | None] = {}
    for owner in sorted({name.partition(".")[0] for name in condition.names if "." in name}):
        if owner not in holder and owner not in aliases:
            raise NotFound("alias", owner, {*aliases, *holder}, hint=f"the condition is {condition.text!r}")
        found[owner] = aliases.get(alias) if owner in holder else aliases[owner]
    return found


def _written(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"
