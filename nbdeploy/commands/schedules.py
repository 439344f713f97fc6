"""Commands of schedules: notebooks and predictions at the times of a cron line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from nbdeploy import api
from nbdeploy.commands.answers import document_text
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DURATION, FILE, REF
from nbdeploy.commands.orders import WORDS_HELP, order_options
from nbdeploy.commands.syntax import argument, group, option, pass_door
from nbdeploy.types import Progress

__all__ = ["schedule", "scheduler"]

MISSED = ("last", "skip", "all")
OVERLAP = ("skip", "queue", "allow")
_name = argument("name", help="The schedule's name.")


@group("schedule")
def schedule() -> None:
    """Run notebooks, or predict, at the times of a cron line."""


@schedule.command("add", epilog=WORDS_HELP)
@argument("name", help="A name of your own for it.")
@argument("notebook", type=FILE, required=False, help="The notebook to run.")
@option("--cron", required=True, metavar="EXPR", help="When: minute, hour, day of month, month, day of week.")
@option("--timezone", metavar="TZ", help="Where these times are meant, as Europe/Madrid; by default where this is.")
@option("--predict", type=(REF, FILE), metavar="REF INPUT", help="Predict this instead of running a notebook.")
@option("--out", type=FILE, metavar="OUTPUT", help="Where the predictions go.")
@option("--method", "methods", multiple=True, metavar="M", help="A method to predict with (repeatable).")
@option("--keep", multiple=True, metavar="COL|all|none", help="Input columns to keep (repeatable).")
@option("--rejects", metavar="PATH", help="Set rows that fail aside here.")
@option("--max-rejects", metavar="N|P%", help="Fail if more rows do.")
@order_options
@option("--output", type=FILE, help="Where the executed notebook goes; the run's folder by default.")
@option("--missed", type=click.Choice(MISSED), default="last", show_default=True, help="Times without a scheduler.")
@option("--overlap", type=click.Choice(OVERLAP), default="skip", show_default=True, help="While a run still goes.")
@option("--bound", type=int, default=100, show_default=True, metavar="N", help="Missed or waiting runs, at most.")
@option("--jitter", type=DURATION, metavar="TIME", help="Begin up to so much later, as 10m.")
@option("--start", metavar="WHEN", help="Not before this day or time.")
@option("--end", metavar="WHEN", help="Not after this day or time.")
@option("--replace", is_flag=True, help="Take the place of the schedule of this name.")
def add(
    name: str,
    notebook: str | None,
    parameters: dict[str, object],
    jitter: timedelta | None,
    **wanted: Any,
) -> object:
    """Add a schedule, and show its next ten times.

    Parameters, INPUT and OUTPUT may hold words that become dates of the scheduled time, in its time zone, however late
    the run begins. Quote them in a shell.
    """
    options = _options(wanted)
    return api.schedule_add(name, notebook, parameters, options=options, jitter=jitter or timedelta(0), **wanted)


def _options(wanted: dict[str, Any]) -> list[str]:
    """Take out what the command ``predict`` is given besides, as it is written there."""
    given = {
        "--method": wanted.pop("methods"),
        "--keep": wanted.pop("keep"),
        "--rejects": filter(None, [wanted.pop("rejects")]),
        "--max-rejects": filter(None, [wanted.pop("max_rejects")]),
    }
    return [f"{name}={value}" for name, values in given.items() for value in values]


@schedule.command("list")
def list_() -> object:
    """List the schedules, their next times, and how the last runs went."""
    return api.schedule_list()


@schedule.command("pause")
@_name
def pause(name: str) -> object:
    """Let a schedule rest; what runs goes on."""
    return api.schedule_pause(name)


@schedule.command("resume")
@_name
def resume(name: str) -> object:
    """Let a schedule go on, from now."""
    return api.schedule_resume(name)


@schedule.command("trigger")
@_name
def trigger(name: str) -> object:
    """Run what a schedule runs, now."""
    return api.schedule_trigger(name)


@schedule.command("rm")
@_name
def rm(name: str) -> object:
    """Forget a schedule; its runs stay."""
    return api.schedule_rm(name)


@schedule.command("export")
@_name
@option("--to", required=True, metavar="PROGRAM", help="airflow, argo, cron, github-actions or kubernetes.")
@option("--out", type=FILE, metavar="FILE", help="Write it here, in a folder under the schedule's name.")
@option("--image", metavar="IMAGE", help="The container image to run in, for Argo and Kubernetes.")
def export(name: str, to: str, out: str | None, image: str | None) -> object:
    """Write a schedule as the definition of another program.

    The definition says in its head what it needs, and what is different there.
    """
    return api.schedule_export(name, to=to, out=out, image=image)


@group("scheduler", invoke_without_command=True)
@option("--unless-running", is_flag=True, help="Do nothing if one is at work.")
@option("--stop", is_flag=True, help="Let the one of this machine end; its runs go on.")
@pass_door
def scheduler(door: Door, unless_running: bool, stop: bool) -> object:
    """Run what is due, when it is due.

    In a shell it works until Ctrl-C; in a notebook it works in the background and survives the kernel. Of several, one
    works at a time.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return None
    if stop:
        return api.stop_scheduler()
    if door.live:
        return api.scheduler()
    return api.scheduler(background=False, unless_running=unless_running, progress=lambda step: _announce(step, door))


def _announce(step: Progress, door: Door) -> None:
    """Say that it works when it does, not when it has ended."""
    if door.as_document and step.facts:
        click.echo(document_text(dict(step.facts)))
    click.echo(step.message, err=True)


@scheduler.command("install")
@option("--with", "way", type=click.Choice(["systemd", "crontab"]), help="What starts it; the first that works.")
@option("--print", "only_show", is_flag=True, help="Only show what would be written.")
def install(way: str | None, only_show: bool) -> object:
    """Let this machine keep a scheduler running, by systemd or a crontab."""
    return api.install_scheduler(way=way, only_show=only_show)
