"""The root of the command tree, and the one way to run a line of words through it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from nbdeploy.commands.door import Door
from nbdeploy.commands.syntax import Group, group
from nbdeploy.version import __version__

__all__ = ["TABLE", "cli", "invoke"]

TABLE = {
    "demo": "nbdeploy.commands.overview:demo",
    "snapshot": "nbdeploy.commands.snapshots:snapshot",
    "list": "nbdeploy.commands.store:list_",
    "show": "nbdeploy.commands.store:show",
    "diff": "nbdeploy.commands.store:diff",
    "history": "nbdeploy.commands.store:history",
    "alias": "nbdeploy.commands.aliases:alias",
    "verify": "nbdeploy.commands.snapshots:verify",
    "keys": "nbdeploy.commands.keys:keys",
    "export": "nbdeploy.commands.store:export",
    "import": "nbdeploy.commands.store:import_",
    "copy": "nbdeploy.commands.store:copy",
    "rm": "nbdeploy.commands.store:rm",
    "gc": "nbdeploy.commands.store:gc",
    "predict": "nbdeploy.commands.offline:predict",
    "run": "nbdeploy.commands.runs:run",
    "sweep": "nbdeploy.commands.sweeps:sweep",
    "checkpoint": "nbdeploy.commands.checkpoints:checkpoint",
    "output": "nbdeploy.commands.outputs:output",
    "parameters": "nbdeploy.commands.runs:parameters",
    "runs": "nbdeploy.commands.runs:runs",
    "report": "nbdeploy.commands.outputs:report",
    "logs": "nbdeploy.commands.runs:logs",
    "stop": "nbdeploy.commands.runs:stop",
    "notify": "nbdeploy.commands.notifying:notify",
    "schedule": "nbdeploy.commands.schedules:schedule",
    "scheduler": "nbdeploy.commands.schedules:scheduler",
    "serve": "nbdeploy.commands.endpoint:serve",
    "token": "nbdeploy.commands.endpoint:token",
    "target": "nbdeploy.commands.targets:target",
    "push": "nbdeploy.commands.releases:push",
    "status": "nbdeploy.commands.releases:status",
    "call": "nbdeploy.commands.releases:call",
    "undeploy": "nbdeploy.commands.releases:undeploy",
    "requests": "nbdeploy.commands.production:requests",
    "diagnose": "nbdeploy.commands.production:diagnose",
    "label": "nbdeploy.commands.production:label",
    "config": "nbdeploy.commands.overview:config",
    "doctor": "nbdeploy.commands.overview:doctor",
}


@group("nbdeploy", table=TABLE, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> object:
    """Take a trained model from a notebook into real use.

    Without a command: what there is, and the next step.

    A REF is churn (latest), churn:3, churn@champion, churn@sha256:… or prod/churn (what that deployment serves).

    In a notebook, MODEL, X, y and DATA are Python expressions. Elsewhere $name and {expr} stand for an object, or for
    its text inside other text; single quotes keep text as it is. # begins a comment, and a final ; silences.
    """
    if ctx.invoked_subcommand is not None:
        return None
    from nbdeploy import api

    return api.overview()


def invoke(words: Sequence[str], door: Door, program: str, tree: Group = cli) -> Any:
    """Run one line of words, and return what the command answers (None after ``--help``).

    Parameters
    ----------
    words : sequence of str
        The words after the program's name.
    door : Door
        Where the line was typed.
    program : str
        The program's name for help and errors: ``nbdeploy`` or ``%deploy``.
    tree : Group, optional
        Another command tree.

    Raises
    ------
    click.UsageError
        If the words do not form a command.
    NbdeployError
        If the command was refused or failed.
    """
    try:
        with tree.make_context(program, list(words), obj=door) as context:
            return tree.invoke(context)
    except click.exceptions.Exit:
        return None
