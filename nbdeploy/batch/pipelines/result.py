"""A pipeline's run as users see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbdeploy.batch.record import FAILED, SUCCEEDED, Run
from nbdeploy.cards import Card, Result, Table, count
from nbdeploy.errors import NotFound
from nbdeploy.hints import typed

__all__ = ["PipelineRun", "StepRun"]


@dataclass(frozen=True)
class StepRun:
    """What became of a step.

    Attributes
    ----------
    name : str
        The step.
    run : Run or None
        Its newest run, if it has begun.
    problem : str
        Why it does not count as succeeded although its run did, or could not begin.
    """

    name: str
    run: Run | None = None
    problem: str = ""

    @property
    def status(self) -> str:
        """The status of its run; ``waiting`` if there is none."""
        if self.problem:
            return FAILED
        return "waiting" if self.run is None else self.run.status

    @property
    def why(self) -> str:
        """Why it did not succeed, in one line."""
        if self.problem or self.run is None or self.run.error is None:
            return self.problem
        return self.run.error.line


@dataclass(frozen=True)
class PipelineRun(Result):
    """Steps of a pipeline, and what became of each; indexed by step, it gives the step's run.

    Attributes
    ----------
    id : str
        Sortable by time.
    path : Path
        The pipeline's file.
    steps : sequence of StepRun
        In the order of the file.
    seconds : float
        How long it took this time.
    """

    id: str
    path: Path
    steps: Sequence[StepRun] = field(default_factory=list)
    seconds: float = 0.0

    def __getitem__(self, step: str) -> Run:
        found = {each.name: each.run for each in self.steps if each.run is not None}
        if step not in found:
            raise NotFound("run of step", step, found)
        return found[step]

    @property
    def failed(self) -> bool:
        """Whether a step did not succeed."""
        return any(each.status != SUCCEEDED for each in self.steps)

    @property
    def line(self) -> str:
        """What became of it; what failed first, and what to do then."""
        said = f"pipeline {self.id} of {self.path.name}"
        if not self.failed:
            return f"{said} succeeded: {count(len(self.steps), 'step')} in {self.seconds:.1f} s"
        broken = [each for each in self.steps if each.status not in {SUCCEEDED, "waiting"}]
        waiting = [each.name for each in self.steps if each.status == "waiting"]
        parts = [f"step {each.name} {each.status}" + (f": {each.why}" if each.why else "") for each in broken]
        if waiting:
            parts.append(f"not begun: {', '.join(waiting)}")
        return f"{said} did not succeed; {'; '.join(parts)}; next: {self._next()}"

    def card(self) -> Card:
        """The steps as a table."""
        rows = [
            (
                each.name,
                each.status,
                "" if each.run is None else each.run.took,
                "" if each.run is None else each.run.id,
                each.why or ", ".join(self._published(each)),
            )
            for each in self.steps
        ]
        facts = [("file", self.path), ("took", f"{self.seconds:.1f} s")]
        table = Table(("step", "status", "took", "run", "published"), rows)
        return Card(f"pipeline {self.id}", facts, table, self._next() if self.failed else "")

    def document(self) -> dict[str, Any]:
        """The pipeline as JSON."""
        return {
            "id": self.id,
            "pipeline": str(self.path),
            "status": FAILED if self.failed else SUCCEEDED,
            "seconds": round(self.seconds, 3),
            "steps": [
                {
                    "name": each.name,
                    "status": each.status,
                    "error": each.why or None,
                    "run": None if each.run is None else each.run.document(),
                }
                for each in self.steps
            ],
        }

    def _published(self, each: StepRun) -> list[str]:
        if each.run is None:
            return []
        return [*each.run.outputs, *(f"{name} {value:.6g}" for name, value in each.run.metrics.items())]

    def _next(self) -> str:
        return typed(f"run {self.path} --resume {self.id}")
