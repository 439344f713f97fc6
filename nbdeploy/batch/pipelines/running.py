"""Running a pipeline: a step is queued as soon as what it needs has succeeded."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from nbdeploy.batch.folder import Folder
from nbdeploy.batch.following import Followed, following
from nbdeploy.batch.identity import found
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.parameters import decode, encode, portable
from nbdeploy.batch.pipelines.reading import Pipeline, Step, read
from nbdeploy.batch.pipelines.references import Reference
from nbdeploy.batch.pipelines.result import PipelineRun, StepRun
from nbdeploy.batch.record import FAILED, FINAL, SUCCEEDED, Run
from nbdeploy.errors import NbdeployError, NotFound, RunFailed, WrongUsage
from nbdeploy.files import write_atomically
from nbdeploy.hints import typed
from nbdeploy.settings import Settings
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["check_options", "is_pipeline", "run"]

_WHOLE = {"notebook", "parameters", "raw", "timeout"}
"""What an order may say of a pipeline as a whole."""


def is_pipeline(path: str | Path) -> bool:
    """Whether a file that is to be run is a pipeline.

    Examples
    --------
    >>> is_pipeline("monthly.yaml"), is_pipeline("train.ipynb")
    (True, False)
    """
    return Path(path).suffix.lower() in {".yaml", ".yml"}


def check_options(order: Order) -> None:
    """Refuse what a pipeline says of each of its steps, and nobody says of all.

    Raises
    ------
    WrongUsage
        If the order says how a notebook is run.
    """
    for name in sorted(order.chosen - _WHOLE):
        option = name.replace("_", "-")
        raise WrongUsage(f"{Path(order.notebook).name} says itself how its steps run: leave out {option}", name=name)


def run(
    order: Order,
    *,
    settings: Settings,
    resume: str | None = None,
    progress: Report = ignore_progress,
) -> PipelineRun:
    """Run a pipeline, and wait until nothing goes on. See :func:`nbdeploy.pipeline`."""
    begun = time.monotonic()
    check_options(order)
    pipeline = read(order.notebook)
    before = None if resume is None else _Kept.read(resume, settings)
    given = {**(before.given if before else {}), **order.values, **order.raw}
    values = pipeline.values(given)
    kept = _Kept.new(pipeline, given, settings) if before is None else before
    told = f"pipeline {kept.id} was stopped; next: {typed(f'run {pipeline.path} --resume {kept.id}')}"
    with Ledger(settings.db) as ledger, following(ledger, settings, f"{kept.id}/", "pipeline", told) as followed:
        course = _Course(pipeline, kept, values, followed)
        course.adopt()
        kept.write(pipeline, given)
        while course.goes_on():
            progress(course.progress())
            if order.timeout is not None and time.monotonic() > begun + order.timeout:
                followed.stop()
            time.sleep(followed.pause)
        ended = PipelineRun(kept.id, pipeline.path, course.steps(), time.monotonic() - begun)
    if ended.failed:
        raise RunFailed(ended.line, run=ended)
    return ended


@dataclass(frozen=True)
class _Kept:
    """What is known of a pipeline that was begun: its parameters, and its steps as they were."""

    id: str
    folder: Path
    given: Mapping[str, Any]
    steps: Mapping[str, Any]

    @classmethod
    def new(cls, pipeline: Pipeline, given: Mapping[str, Any], settings: Settings) -> _Kept:
        folder = Folder.new(settings.home / "pipelines", datetime.now(UTC)).path
        return cls(folder.name, folder, given, {name: dict(step.wanted) for name, step in pipeline.steps.items()})

    @classmethod
    def read(cls, pipeline_id: str, settings: Settings) -> _Kept:
        folder = found("pipeline", pipeline_id, settings.home / "pipelines")
        facts = json.loads((folder / "pipeline.json").read_text(encoding="utf-8"))
        given = {name: decode(value) for name, value in facts["given"].items()}
        return cls(folder.name, folder, given, facts["steps"])

    def write(self, pipeline: Pipeline, given: Mapping[str, Any]) -> None:
        facts = {
            "file": str(pipeline.path),
            "given": {name: encode(portable(name, value)) for name, value in given.items()},
            "steps": {name: dict(step.wanted) for name, step in pipeline.steps.items()},
        }
        write_atomically(self.folder / "pipeline.json", json.dumps(facts, default=str).encode(), 0o600)

    def changed(self, pipeline: Pipeline) -> list[str]:
        """Steps that are other ones than they were."""
        now = json.loads(json.dumps({name: dict(step.wanted) for name, step in pipeline.steps.items()}, default=str))
        then = json.loads(json.dumps(dict(self.steps), default=str))
        return [name for name in now if now[name] != then.get(name)]


@dataclass
class _Course:
    """How far a pipeline is."""

    pipeline: Pipeline
    kept: _Kept
    values: Mapping[str, Any]
    followed: Followed
    runs: dict[str, Run] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def adopt(self) -> None:
        """Take over what was run before and need not be repeated."""
        there = self.followed.runs()
        statuses = {name: self._status(name, found) for name, found in there.items() if name in self.pipeline.steps}
        mine = self.pipeline.plan.kept(statuses, self.kept.changed(self.pipeline))
        self.runs = {name: found for name, found in there.items() if name in mine}

    def goes_on(self) -> bool:
        """Begin what may begin; False if nothing goes on and nothing will."""
        there = self.followed.runs()
        self.runs = {name: there[name] for name in self.runs}
        plan = self.pipeline.plan
        for name in plan.ready(self._statuses()):
            try:
                self.runs[name] = self._begin(self.pipeline.steps[name])
            except NbdeployError as error:
                self.problems[name] = str(error)
        return not plan.over(self._statuses())

    def steps(self) -> list[StepRun]:
        """What became of each step."""
        statuses = self._statuses()
        return [
            StepRun(name, self.runs.get(name), self._problem(name) if statuses.get(name) == FAILED else "")
            for name in self.pipeline.steps
        ]

    def progress(self) -> Progress:
        """How many steps have ended, and what goes on."""
        statuses = self._statuses()
        going = [f"{name} {status}" for name, status in statuses.items() if status not in FINAL]
        done = sum(status == SUCCEEDED for status in statuses.values())
        return Progress(done, len(self.pipeline.steps), "steps", ", ".join(going))

    def _begin(self, step: Step) -> Run:
        order = step.order(self._known, self.pipeline.path.parent)
        return self.followed.submit(replace(order, pipeline=f"{self.kept.id}/{step.name}"))

    def _known(self, reference: Reference) -> Any:
        if reference.kind == "parameters":
            return self.values[reference.name]
        run = self.runs[reference.step]
        published: Mapping[str, Any] = getattr(run, reference.kind)
        if reference.name not in published:
            kind = reference.kind.removesuffix("s")
            raise NotFound(f"{kind} of step {reference.step}", reference.name, published)
        value = published[reference.name]
        return str(value) if isinstance(value, Path) else value

    def _statuses(self) -> dict[str, str]:
        broken = dict.fromkeys(self.problems, FAILED)
        return {**broken, **{name: self._status(name, found) for name, found in self.runs.items()}}

    def _status(self, name: str, found: Run) -> str:
        return FAILED if found.status == SUCCEEDED and self._lacks(name, found) else found.status

    def _problem(self, name: str) -> str:
        found = self.runs.get(name)
        if found is not None and found.status == SUCCEEDED:
            return f"run {found.id} did not publish {', '.join(self._lacks(name, found))}"
        return self.problems.get(name, "")

    def _lacks(self, name: str, found: Run) -> list[str]:
        """What a step was to publish, and its run did not."""
        step = self.pipeline.steps[name]
        outputs = [f"output {each}" for each in step.outputs or () if each not in found.outputs]
        return [*outputs, *(f"metric {each}" for each in step.metrics or () if each not in found.metrics)]
