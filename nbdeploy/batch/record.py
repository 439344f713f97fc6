"""A run as users see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nbdeploy.batch.failure import Failure
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.outputs import Declared
from nbdeploy.batch.parameters import showable, written
from nbdeploy.batch.retrying import Attempt
from nbdeploy.cards import Card, Result, Table, count
from nbdeploy.cards.wording import duration, size
from nbdeploy.hints import typed
from nbdeploy.types import Progress

__all__ = ["FINAL", "Run", "RunList"]

QUEUED = "queued"
RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
STOPPED = "stopped"
LOST = "lost"
FINAL = frozenset({SUCCEEDED, FAILED, STOPPED, LOST})
"""Statuses that a run ends with."""
_FIXED = "\N{NO-BREAK SPACE}"
"""Keeps the indentation of code in HTML."""


@dataclass(frozen=True)
class Run(Result):
    """One run of a notebook, or of a command.

    Attributes
    ----------
    id : str
        Sortable by time: ``20261121-153012-a1b2``.
    notebook : Path or None
        The notebook, None if a command runs.
    output, folder : Path
        The executed notebook or what the command writes, and the folder with everything about the run.
    status : str
        ``queued``, ``running``, ``succeeded``, ``failed``, ``stopped``, or ``lost`` if its process
        vanished without a word.
    parameters : mapping
        The values given.
    created, started, finished : datetime or None
        Moments in UTC.
    error : Failure or None
        What failed, and where.
    progress : Progress or None
        How far it is or got.
    command : str
        The command that runs, in words; empty if a notebook does.
    schedule : str
        The schedule that began it; empty if none did.
    after : sequence of str
        Ids of the runs that must succeed before it starts.
    at_once : int or None
        How many runs of its notebook may go on at once on its machine, this one included.
    runs_at_once : int or None
        How many runs of any kind may; None if that does not matter to it.
    attempt : int
        Which attempt goes on or was the last, from 1.
    attempts : sequence of Attempt
        Those that have ended.
    peak_memory : int or None
        The most memory that it used at once, in bytes.
    published : Declared
        Outputs and metrics that it published when it succeeded.
    unpublished : Declared
        What it had declared when it failed, was stopped or was lost.
    sweep, pipeline : str
        The sweep or pipeline that it is a part of; empty if of none.
    position : int or None
        Its place in the line of its machine, from 1, while it is queued.
    waits : str
        What it waits for there, in words.
    host : str
        The machine.
    """

    id: str
    notebook: Path | None
    output: Path
    folder: Path
    status: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    created: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    error: Failure | None = None
    progress: Progress | None = None
    command: str = ""
    schedule: str = ""
    after: Sequence[str] = ()
    at_once: int | None = None
    runs_at_once: int | None = None
    attempt: int = 1
    attempts: Sequence[Attempt] = ()
    peak_memory: int | None = None
    published: Declared = field(default_factory=Declared)
    unpublished: Declared = field(default_factory=Declared)
    sweep: str = ""
    pipeline: str = ""
    position: int | None = None
    waits: str = ""
    host: str = ""

    @property
    def subject(self) -> str:
        """What runs, in short: the notebook's name, or the command."""
        return self.command if self.notebook is None else self.notebook.name

    @property
    def outputs(self) -> Mapping[str, Path]:
        """Files and folders that it published, by name."""
        return self.published.outputs

    @property
    def metrics(self) -> Mapping[str, int | float]:
        """Figures that it published, by name."""
        return self.published.metrics

    @property
    def final(self) -> bool:
        """Whether it has ended."""
        return self.status in FINAL

    @property
    def seconds(self) -> float | None:
        """How long it took, None while it has not ended."""
        if self.started is None or self.finished is None:
            return None
        return round((self.finished - self.started).total_seconds(), 3)

    @property
    def took(self) -> str:
        """The same in words; empty while it has not ended."""
        return "" if self.seconds is None else f"{self.seconds:.1f} s"

    @property
    def line(self) -> str:
        """What became of it, and where its output is."""
        said = f"run {self.id} {self.status}"
        if self.status == RUNNING and self.progress is not None:
            return f"{said}: {_position(self.progress)}"
        if self.waits:
            return f"{said}, {_ordinal(self.position)} in line: waits for {self.waits}"
        if self.error is not None:
            where = f" in {self.error.where}" if self.error.where else ""
            return f"{said}{where}: {self.error.what}; next: {typed(f'logs {self.id}')}"
        took = f" in {self.took}" if self.took else ""
        return f"{said}{took}: {self.output}" if self.status == SUCCEEDED else f"{said}{took}"

    def card(self) -> Card:
        """The run, with the failing cell if there is one."""
        what = ("command", self.command) if self.notebook is None else ("notebook", self.notebook)
        facts: list[tuple[str, Any]] = [what, ("output", self.output)]
        if self.schedule:
            facts.append(("schedule", self.schedule))
        if self.parameters:
            facts.append(
                ("parameters", ", ".join(f"{name}={written(value)}" for name, value in self.parameters.items()))
            )
        facts += self.published.facts()
        if self.notebook is not None and self.final and self.output.exists():
            made = Folder(self.folder).report(self.notebook)
            facts.append(("report", made if made.exists() else typed(f"report {self.id}")))
        facts += [(f"unpublished {name}", value) for name, value in self.unpublished.facts()]
        if self.took:
            memory = "" if self.peak_memory is None else f", and {size(self.peak_memory)} of memory at most"
            facts.append(("took", f"{self.took}{memory}"))
        elif self.progress is not None:
            facts.append(("progress", _position(self.progress)))
        elif self.waits:
            facts.append((f"{_ordinal(self.position)} in line", f"waits for {self.waits}"))
        if self.attempt > 1:
            facts.append(("attempts", "; ".join(_told(each) for each in self.attempts)))
        if self.error is not None:
            facts.append(("error", self.error.what))
        table = None
        if self.error is not None and self.error.cell is not None:
            table = Table(
                (self.error.where,), [(line.replace(" ", _FIXED),) for line in self.error.excerpt().splitlines()]
            )
        step = typed(f"logs {self.id}") if self.status not in {QUEUED, SUCCEEDED} else ""
        return Card(f"run {self.id} {self.status}", facts, table, step)

    def document(self) -> dict[str, Any]:
        """The run as JSON."""
        progress = self.progress
        return {
            "id": self.id,
            "notebook": None if self.notebook is None else str(self.notebook),
            "command": self.command or None,
            "schedule": self.schedule or None,
            "status": self.status,
            "output": str(self.output),
            "seconds": self.seconds,
            "error": None if self.error is None else self.error.document(),
            "parameters": showable(self.parameters),
            "created": _iso(self.created),
            "started": _iso(self.started),
            "finished": _iso(self.finished),
            "progress": None
            if progress is None
            else {"done": progress.done, "total": progress.total, **(progress.facts or {})},
            "after": list(self.after),
            "attempt": self.attempt,
            "attempts": [each.document() for each in self.attempts],
            "peak_memory": self.peak_memory,
            **self.published.document(),
            "unpublished": self.unpublished.document() if self.unpublished else None,
            "sweep": self.sweep or None,
            "pipeline": self.pipeline or None,
            "position": self.position,
            "waits": self.waits or None,
            "host": self.host or None,
        }

    def explanation(self) -> str:
        """Why it did not succeed: the cell, its source and the error."""
        ended = f"run {self.id} of {self.subject}"
        if self.error is None:
            return f"{ended} was {self.status}"
        tried = f" at attempt {self.attempt}" if self.attempt > 1 else ""
        parts = [f"{ended} {self.status}{tried}" + (f" in {self.error.where}" if self.error.where else "")]
        if self.error.source:
            parts.append(self.error.excerpt())
        what = f"{self.error.name}: {self.error.message.strip()}" if self.error.message.strip() else self.error.name
        output = f"output so far: {self.output}; " if self.output.exists() else ""
        again = typed(f"run --resume {self.id}")
        resume = f"; from its checkpoint: {again}" if (self.folder / "checkpoints" / "index.json").exists() else ""
        return "\n".join([*parts, what, f"{output}log: {typed(f'logs {self.id}')}{resume}"])


@dataclass(frozen=True)
class RunList(Result):
    """Runs, newest first."""

    items: Sequence[Run] = ()

    def __iter__(self) -> Iterator[Run]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: int) -> Run:
        return self.items[position]

    @property
    def line(self) -> str:
        """How many there are, and how many still run."""
        if not self.items:
            return f"no runs yet; next: {typed('run NOTEBOOK')}"
        running = sum(run.status == RUNNING for run in self.items)
        queued = sum(run.status == QUEUED for run in self.items)
        more = f", {queued} queued" if queued else ""
        return f"{count(len(self.items), 'run')}, {running} running{more}"

    def card(self) -> Card:
        """The runs as a table."""
        rows = [(run.id, run.subject, run.status, _when(run), run.took, _remark(run)) for run in self.items]
        table = Table(("run", "notebook", "status", "started", "took", ""), rows) if rows else None
        return Card(self.line if rows else "no runs yet", table=table, next="" if rows else typed("run NOTEBOOK"))

    def document(self) -> list[dict[str, Any]]:
        """The runs as a JSON array."""
        return [run.document() for run in self.items]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")


def _position(progress: Progress) -> str:
    if progress.unit != "cells":
        total = "" if progress.total is None else f" of {progress.total:,}"
        return f"{progress.done:,}{total} {progress.unit}" + (f" ({progress.message})" if progress.message else "")
    cell = min(progress.done + 1, progress.total or progress.done + 1)
    said = f"cell {cell} of {progress.total}" + (f" ({progress.message})" if progress.message else "")
    facts = progress.facts or {}
    gone = f", {duration(facts['seconds'])}" if facts.get("seconds") else ""
    left = f", about {duration(facts['left'])} left" if facts.get("left") else ""
    return f"{said}{gone}{left}"


def _told(attempt: Attempt) -> str:
    where = "" if attempt.error is None or not attempt.error.where else f" in {attempt.error.where}"
    what = "succeeded" if attempt.error is None else f"{attempt.error.name}{where}"
    return f"{attempt.number}. {what} ({attempt.seconds:.1f} s)"


def _when(run: Run) -> str:
    moment = run.started or run.created
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _remark(run: Run) -> str:
    if run.error is not None:
        return run.error.line
    if run.waits:
        return f"{_ordinal(run.position)} in line: waits for {run.waits}"
    return _position(run.progress) if run.status == RUNNING and run.progress is not None else ""


def _ordinal(position: int | None) -> str:
    number = position or 0
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
