"""Commands of batch runs: run a notebook with parameters, and look at what ran."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import click

from nbdeploy import api
from nbdeploy.cards import Card, Result
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import FILE, REF, RUN
from nbdeploy.commands.orders import WORDS_HELP, order_options, today
from nbdeploy.commands.syntax import argument, command, option, pass_door
from nbdeploy.errors import WrongUsage
from nbdeploy.hints import typed as typed_as
from nbdeploy.notebooks import PARAMETERS_TAG
from nbdeploy.widgets import json_progress

__all__ = ["Log", "logs", "parameters", "run", "runs", "stop"]

PIPELINES = {".yaml", ".yml"}
STATUSES = ("queued", "running", "succeeded", "failed", "stopped", "lost")
ENDS = ("stopped", "failed", "succeeded")


@dataclass(frozen=True)
class Log(Result):
    """What a run printed."""

    run: str
    text: str

    @property
    def line(self) -> str:
        """Which run's it is."""
        return f"log of run {self.run}, {len(self.text.splitlines())} lines"

    def card(self) -> Card:
        """Return the log itself."""
        return Card(self.text)

    def document(self) -> dict[str, str]:
        """Return the run and its log."""
        return {"run": self.run, "log": self.text}

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


@command("run", epilog=WORDS_HELP)
@argument("notebook", type=FILE, required=False, help="The notebook to run; it stays as it is.")
@argument("output", type=FILE, required=False, help="Where the executed notebook goes.")
@option("--predict", type=(REF, FILE), metavar="REF INPUT", help="Predict this, by a notebook that is written for it.")
@option("--out", type=FILE, metavar="OUT", help="Where these predictions go; else only among the run's outputs.")
@option("--write-only", is_flag=True, help="Write that notebook to OUTPUT, for you to edit and schedule.")
@option("--after", type=RUN, multiple=True, metavar="RUN", help="Start when this run has succeeded (repeatable).")
@option("--resume", type=RUN, metavar="ID", help="Go on with a run after its last checkpoint, or with a pipeline.")
@option("--progress", type=click.Choice(["auto", "json"]), default="auto", help="How progress is shown.")
@option("--wait/--no-wait", default=True, help="Wait for its end, or queue it and return.")
@pass_door
@order_options
def run(
    door: Door,
    /,
    notebook: str | None,
    output: str | None,
    predict: tuple[str, str] | None,
    write_only: bool,
    out: str | None,
    resume: str | None,
    progress: str,
    **options: Any,
) -> object:
    """Run a notebook with parameters, or a pipeline (a YAML file).

    papermill executes it in a process of its own, when it is its turn: the setting `runs_at_once` says how many
    runs go on at once on this machine.

    Where a cell says `%deploy checkpoint x y`, a run that fails later can be resumed, by --resume or by its retries.

    In a notebook, `-p month $month` hands the object over with its type. Words as {{ ds }} in
    what is typed become dates of this moment; a file (-f) keeps texts as they are.

    `run --predict REF INPUT [--out OUT] [OUTPUT]` writes a notebook that predicts, shows what the predictions are like
    and which rows were rejected, and publishes them; and runs it.
    """
    if predict is not None and output is None:
        notebook, output = None, notebook
    if write_only:
        if predict is None or notebook is not None or output is None:
            raise WrongUsage("the notebook that is written needs a place: run --predict REF INPUT --write-only OUTPUT")
        return api.write_prediction(output, predict, out)
    asked = today(output=output, **options)
    with json_progress() as events:
        report = door.report if progress == "auto" else events
        if notebook is not None and Path(notebook).suffix.lower() in PIPELINES:
            return _pipeline(notebook, resume=resume, progress=report, **asked)
        return api.run(notebook, resume=resume, predict=predict, out=out, progress=report, **asked)


def _pipeline(file: str, *, output: str | None, wait: bool, **options: Any) -> object:
    if output is not None or not wait:
        raise WrongUsage(f"{file} is a pipeline: it has no output of its own, and is waited for")
    return api.pipeline(file, **options)


@dataclass(frozen=True)
class Marked(Result):
    """The cell that is being executed is the parameters cell."""

    @property
    def line(self) -> str:
        """What that means, and for whom there is more to do."""
        return (
            "this is the parameters cell: `run` and `schedule` take it as it stands, and JupyterLab with the Deploy "
            f"panel has tagged it; elsewhere give it the tag {PARAMETERS_TAG!r} for papermill's own programs"
        )

    def card(self) -> Card:
        """Return the line."""
        return Card(self.line)

    def document(self) -> dict[str, str]:
        """Return the tag."""
        return {"tag": PARAMETERS_TAG}


@command("parameters")
@argument("notebook", type=FILE, required=False, help="The notebook.")
@option("--here", is_flag=True, hidden=True, help="The cell that is being executed is the parameters cell.")
def parameters(notebook: str | None, here: bool) -> object:
    """Show the parameters of a notebook, with their defaults.

    Types, comments, and what there is to choose from, too. They are read from its cell tagged `parameters` without
    executing it. In a notebook `%%deploy parameters` on top of a cell says that this is the cell.
    """
    if here:
        return Marked()
    if notebook is None:
        raise WrongUsage(f"which notebook? {typed_as('parameters NOTEBOOK')}")
    return api.parameters(notebook)


@command("runs")
@argument("run_id", type=RUN, required=False, metavar="RUN", help="Show this one: its outputs, metrics and attempts.")
@option("--status", type=click.Choice(STATUSES), help="Only runs with this status.")
@option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="How many, at most.")
@option("--prune", is_flag=True, help="Remove old runs, with what is in their folders.")
@option("--keep", metavar="N|30d", help="Which ones --prune keeps; by default what the setting keep_runs says.")
def runs(run_id: str | None, status: str | None, limit: int, prune: bool, keep: str | None) -> object:
    """List the newest runs, or show one.

    The list tells what those in the queue wait for.

    --prune never removes what has not ended, nor a schedule's newest run and its newest that succeeded; it keeps three
    times as long what did not succeed.
    """
    if keep is not None and not prune:
        raise WrongUsage("--keep says what --prune keeps: give both")
    if prune:
        return api.prune_runs(keep)
    if run_id is not None:
        return api.get_run(run_id)
    return api.runs(limit, status=status)


@command("logs")
@argument("run_id", type=RUN, metavar="RUN", help="A run's id, as `runs` shows it.")
@option("--follow", is_flag=True, help="Show it as it grows, until the run has ended.")
@pass_door
def logs(door: Door, run_id: str, follow: bool) -> object:
    """Show what one run did, and where it failed."""
    if not follow:
        return Log(run_id, api.logs(run_id))
    log = api.logs(run_id, follow=lambda text: click.echo(text, nl=False, err=door.as_document))
    return Log(run_id, log) if door.as_document else None


@command("stop")
@argument("run_id", type=RUN, metavar="RUN", help="A run's id, as `runs` shows it.")
@option("--as", "ends_as", type=click.Choice(ENDS), default=ENDS[0], show_default=True, help="What it then counts as.")
def stop(run_id: str, ends_as: str) -> object:
    """Stop a run with all its processes, also a queued one.

    As succeeded it keeps and publishes what it has so far.
    """
    return api.stop(run_id, ends_as)
