"""Running a sweep: every combination is queued at once, and followed until all have ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.following import following
from nbdeploy.batch.identity import found
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.parameters import bind, decode, encode, showable
from nbdeploy.batch.record import QUEUED, RUNNING, SUCCEEDED, Run
from nbdeploy.batch.sweeps.comparison import Pick
from nbdeploy.batch.sweeps.grid import Grid
from nbdeploy.batch.sweeps.result import Combination, Sweep
from nbdeploy.errors import WrongUsage
from nbdeploy.files import write_atomically
from nbdeploy.hints import typed
from nbdeploy.notebooks import Notebook
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["resume", "sweep"]

_LEFT_ALONE = {SUCCEEDED, QUEUED, RUNNING}
"""Statuses of runs that a sweep which goes on does not repeat."""


@dataclass(frozen=True)
class _Plan:
    """A sweep as it is kept: what to run, and each combination's values as they are passed, encoded."""

    id: str
    order: Order
    combinations: list[dict[str, Any]]
    settings: Settings

    @property
    def file(self) -> Path:
        return _home(self.settings) / self.id / "sweep.json"

    def write(self) -> None:
        document = {"order": msgspec.to_builtins(self.order), "combinations": self.combinations}
        write_atomically(self.file, json.dumps(document).encode(), 0o600)

    @classmethod
    def read(cls, sweep_id: str, settings: Settings) -> _Plan:
        file = found("sweep", sweep_id, _home(settings)) / "sweep.json"
        facts = json.loads(file.read_text(encoding="utf-8"))
        return cls(file.parent.name, msgspec.convert(facts["order"], Order), facts["combinations"], settings)

    def part(self, number: int) -> Order:
        """What to run for a combination."""
        values = {**self.order.parameters, **self.combinations[number]}
        return replace(self.order, parameters=values, sweep=f"{self.id}/{number}")


def sweep(
    order: Order,
    grid: Grid,
    *,
    settings: Settings,
    jobs: int | None = None,
    pick: Pick | None = None,
    progress: Report = ignore_progress,
) -> Sweep:
    """Run a notebook for every combination of a grid. See :func:`nbdeploy.sweep`."""
    plan = _planned(order, grid, jobs, settings)
    plan.write()
    return _run(plan, pick, progress)


def resume(
    sweep_id: str,
    *,
    settings: Settings,
    jobs: int | None = None,
    pick: Pick | None = None,
    progress: Report = ignore_progress,
) -> Sweep:
    """Go on with a sweep: what succeeded is not repeated, what still runs is waited for.

    Raises
    ------
    NotFound, WrongUsage
        If there is no such sweep, or several.
    """
    plan = _Plan.read(sweep_id, settings)
    if jobs is not None:
        plan = _Plan(plan.id, replace(plan.order, at_once=_checked(jobs)), plan.combinations, settings)
    return _run(plan, pick, progress)


def _planned(order: Order, grid: Grid, jobs: int | None, settings: Settings) -> _Plan:
    """Check every combination before anything runs."""
    twice = sorted(grid.axes.keys() & {*order.parameters, *order.raw})
    if twice:
        raise WrongUsage(f"{', '.join(twice)} would be both fixed and in the grid: leave one of them out")
    book = Notebook.read(order.notebook)
    combinations, bound = [], dict[str, Any]()
    for values in grid:
        bound = bind(book, {**order.values, **values}, order.raw, order.files)
        combinations.append({name: encode(bound[name]) for name in values})
    fixed = {name: encode(bound[name]) for name in bound if name not in grid.axes and name not in order.raw}
    kept = replace(
        order,
        notebook=str(book.path),
        parameters=fixed,
        files=[],
        output=None,
        at_once=order.at_once if jobs is None else _checked(jobs),
    )
    if order.output is not None:
        raise WrongUsage(f"all runs of a sweep would write {order.output}: leave the output out, each has its own")
    folder = Folder.new(_home(settings), datetime.now(UTC))
    return _Plan(folder.path.name, kept, combinations, settings)


def _run(plan: _Plan, pick: Pick | None, progress: Report) -> Sweep:
    total = len(plan.combinations)
    with (
        Ledger(plan.settings.db) as ledger,
        following(ledger, plan.settings, f"{plan.id}/", "sweep", _left(plan, total)) as followed,
    ):
        there = _numbered(followed.runs())
        for number in range(total):
            if number not in there or there[number].status not in _LEFT_ALONE:
                followed.submit(plan.part(number))
        for so_far in followed.until_all_ended():
            progress(_progress(_numbered(so_far), total, pick))
        runs = _numbered(followed.runs())
    combinations = [
        Combination({name: showable(decode(value)) for name, value in values.items()}, runs.get(number))
        for number, values in enumerate(plan.combinations)
    ]
    return Sweep.of(plan.id, Path(plan.order.notebook), combinations, pick)


def _left(plan: _Plan, total: int) -> str:
    return f"sweep {plan.id} of {total} runs was stopped; next: {typed(f'sweep --resume {plan.id}')}"


def _numbered(runs: Mapping[str, Run]) -> dict[int, Run]:
    """The newest run of each combination."""
    return {int(part): run for part, run in runs.items()}


def _progress(runs: Mapping[int, Run], total: int, pick: Pick | None) -> Progress:
    running = sum(run.status == RUNNING for run in runs.values())
    metrics = [run.metrics for run in runs.values()]
    chosen = pick or Pick.likely(metrics)
    values = [value for each in metrics if chosen is not None and (value := chosen.value(each)) is not None]
    best = ""
    if chosen is not None and values:
        best = f"; best {chosen.metric} {(max if chosen.highest else min)(values):.6g}"
    return Progress(sum(run.final for run in runs.values()), total, "runs", f"{running} running{best}")


def _checked(jobs: int) -> int:
    if jobs < 1:
        raise WrongUsage(f"{jobs} jobs at once run nothing: give 1 or more")
    return jobs


def _home(settings: Settings) -> Path:
    return settings.home / "sweeps"
