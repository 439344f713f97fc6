"""A sweep as users see it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbdeploy.batch.parameters import showable
from nbdeploy.batch.record import SUCCEEDED, Run
from nbdeploy.batch.sweeps.comparison import Pick
from nbdeploy.cards import Card, Result, Table, count
from nbdeploy.errors import NotFound, RunFailed
from nbdeploy.hints import typed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Combination", "Sweep"]

_SHOWN = 50


@dataclass(frozen=True)
class Combination:
    """The values of one run, and the run.

    Attributes
    ----------
    values : mapping
        What was tried.
    run : Run or None
        The newest run of it; None if there is none yet.
    """

    values: Mapping[str, Any]
    run: Run | None

    @property
    def status(self) -> str:
        """The run's status."""
        return "" if self.run is None else self.run.status

    @property
    def metrics(self) -> Mapping[str, Any]:
        """What the run published."""
        return {} if self.run is None else self.run.metrics

    @property
    def words(self) -> str:
        """The values in one line."""
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


@dataclass(frozen=True)
class Sweep(Result):
    """Runs of a notebook for every combination of some values, best first.

    Attributes
    ----------
    id : str
        Sortable by time.
    notebook : Path
        The notebook.
    combinations : sequence of Combination
        What was tried, best first; what did not succeed comes last.
    pick : Pick or None
        What is best; None if no run published a metric.
    """

    id: str
    notebook: Path
    combinations: Sequence[Combination] = field(default_factory=list)
    pick: Pick | None = None

    @classmethod
    def of(cls, sweep_id: str, notebook: Path, combinations: Sequence[Combination], pick: Pick | None) -> Sweep:
        """Return the sweep with its combinations in order."""
        chosen = pick or Pick.likely(each.metrics for each in combinations)
        positions = (
            range(len(combinations)) if chosen is None else chosen.order([each.metrics for each in combinations])
        )
        ordered = sorted((combinations[position] for position in positions), key=lambda each: each.status != SUCCEEDED)
        return cls(sweep_id, notebook, ordered, chosen)

    @property
    def best(self) -> Run:
        """The best run.

        Raises
        ------
        RunFailed
            If none succeeded.
        NotFound
            If none of those that did published the metric.
        """
        found = self._best()
        if found is not None and found.run is not None:
            return found.run
        if not any(each.status == SUCCEEDED for each in self.combinations):
            raise RunFailed(f"no run of sweep {self.id} succeeded: {self._counted()}", run=self)
        metric = "" if self.pick is None else self.pick.metric
        raise NotFound("metric", metric, self._metrics(), hint="publish it with %deploy output --metric NAME VALUE")

    @property
    def table(self) -> pd.DataFrame:
        """Values, metrics, status, seconds and run of each, best first: a pandas frame."""
        import pandas as pd

        return pd.DataFrame([self._row(each) for each in self.combinations])

    @property
    def failed(self) -> bool:
        """Whether there is no best run."""
        return self._best() is None and not (
            self.pick is None and any(each.status == SUCCEEDED for each in self.combinations)
        )

    @property
    def line(self) -> str:
        """How many succeeded, and the best one."""
        said = f"sweep {self.id} of {self.notebook.name}: {self._counted()}"
        best = self._best()
        if best is not None and best.run is not None and self.pick is not None:
            value = self.pick.value(best.metrics)
            return f"{said}; best {self.pick.metric} {value:.6g}: {best.words} (run {best.run.id})"
        if self.pick is not None and any(each.status == SUCCEEDED for each in self.combinations):
            there = f"there are: {', '.join(self._metrics())}" if self._metrics() else "they published none"
            return f"{said}; none of them published the metric {self.pick.metric!r}; {there}"
        return said

    def card(self) -> Card:
        """The comparison."""
        facts: list[tuple[str, Any]] = [("notebook", self.notebook)]
        if self.pick is not None:
            facts.append(("best first", str(self.pick)))
        grid, metrics = self._grid(), self._metrics()
        rows = [
            (
                *(each.values.get(name, "") for name in grid),
                *(f"{each.metrics[name]:.6g}" if name in each.metrics else "" for name in metrics),
                each.status,
                "" if each.run is None else each.run.took,
                "" if each.run is None else each.run.id,
                "" if each.run is None or each.run.error is None else each.run.error.what,
            )
            for each in self.combinations[:_SHOWN]
        ]
        more = len(self.combinations) - _SHOWN
        if more > 0:
            facts.append(("shown", f"the first {_SHOWN}; {more} more are in the table"))
        header = (*grid, *metrics, "status", "took", "run", "")
        return Card(f"sweep {self.id}", facts, Table(header, rows), self._next())

    def document(self) -> dict[str, Any]:
        """The sweep as JSON."""
        best = self._best()
        return {
            "id": self.id,
            "notebook": str(self.notebook),
            "pick": None if self.pick is None else str(self.pick),
            "best": None if best is None or best.run is None else best.run.document(),
            "combinations": [
                {"values": showable(dict(each.values)), "run": None if each.run is None else each.run.document()}
                for each in self.combinations
            ],
        }

    def _best(self) -> Combination | None:
        first = next(iter(self.combinations), None)
        if first is None or first.status != SUCCEEDED or self.pick is None:
            return None
        return first if self.pick.value(first.metrics) is not None else None

    def _counted(self) -> str:
        counts = Counter(each.status or "not run" for each in self.combinations)
        others = ", ".join(f"{number} {status}" for status, number in counts.items() if status != SUCCEEDED)
        total = len(self.combinations)
        return f"{counts[SUCCEEDED]} of {count(total, 'run')} succeeded" + (f" ({others})" if others else "")

    def _next(self) -> str:
        if all(each.status == SUCCEEDED for each in self.combinations):
            return ""
        return typed(f"sweep --resume {self.id}")

    def _grid(self) -> list[str]:
        return list(dict.fromkeys(name for each in self.combinations for name in each.values))

    def _metrics(self) -> list[str]:
        names = list(dict.fromkeys(name for each in self.combinations for name in each.metrics))
        return sorted(names, key=lambda name: self.pick is None or name != self.pick.metric)

    def _row(self, each: Combination) -> dict[str, Any]:
        seconds, run = (None, None) if each.run is None else (each.run.seconds, each.run.id)
        metrics = {name: each.metrics.get(name) for name in self._metrics()}
        return {**each.values, **metrics, "status": each.status, "seconds": seconds, "run": run}
