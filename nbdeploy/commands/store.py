"""Commands of the store: look at it, keep it, carry snapshots between stores."""

from __future__ import annotations

from datetime import timedelta

import click

from nbdeploy import api
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DATA, DURATION, FILE, NAME, REF
from nbdeploy.commands.syntax import argument, command, option, pass_door

__all__ = ["copy", "diff", "export", "gc", "history", "import_", "list_", "rm", "show"]


@command("list")
@argument("name", type=NAME, required=False, help="Only this model, all its versions.")
def list_(name: str | None) -> object:
    """List the snapshots in the store."""
    return api.list_snapshots(name)


@command("show")
@argument("ref", type=REF, help="The snapshot.")
def show(ref: str) -> object:
    """Show one snapshot.

    What it takes and answers, where it comes from, and how it was proven.
    """
    return api.show(ref)


@command("diff")
@argument("before", type=REF, metavar="REF", help="A snapshot.")
@argument("after", type=REF, metavar="REF", help="Another one.")
def diff(before: str, after: str) -> object:
    """Compare two snapshots.

    Signature, environment, metrics, parameters, files and code; and which rows of their samples they answer
    differently.
    """
    return api.diff(before, after)


@command("history")
@argument("name", type=NAME, help="The model's name.")
def history(name: str) -> object:
    """Tell what happened to a model.

    Versions stored and removed, and aliases moved, with who did it and when.
    """
    return api.history(name)


@command("rm")
@argument("ref", type=REF, help="The snapshot.")
@option("--yes", is_flag=True, help="Really remove it.")
def rm(ref: str, yes: bool) -> object:
    """Remove a snapshot for good.

    Its number is never given again, and `history` keeps who removed it; `gc` frees its space.
    """
    return api.rm(ref, yes=yes)


@command("gc")
@option("--grace", type=DURATION, metavar="AGE", help="Files younger than this stay: 90s, 30m, 7d; 24h by default.")
@option("--dry-run", is_flag=True, help="Only say what would be deleted.")
def gc(grace: timedelta | None, dry_run: bool) -> object:
    """Delete files that no snapshot uses.

    Those of removed snapshots, and of uploads that did not end, once they are old enough.
    """
    return api.gc(grace, dry_run=dry_run)


@command("copy")
@argument("ref", type=REF, help="The snapshot.")
@argument("store", type=FILE, help="A folder, or s3://…, gs://…, az://….")
def copy(ref: str, store: str) -> object:
    """Copy a snapshot into another store.

    It keeps its name, number and record.
    """
    return api.copy(ref, store)


@command("export")
@argument("ref", type=REF, help="The snapshot.")
@option("--out", type=FILE, required=True, metavar="DIR-or-ZIP", help="A new folder, or a file that ends in .zip.")
@option("--format", type=click.Choice(["bundle", "docker"]), default="bundle", show_default=True, help="What for.")
def export(ref: str, out: str, format: str) -> object:  # noqa: A002
    """Write a snapshot as a folder or zip.

    A bundle is also an MLflow model; from docker's folder the image of an endpoint is built that needs no network.
    """
    return api.export(ref, out, format=format)


@command("import")
@argument("path", type=FILE, help="A folder or zip that `export` wrote, or an MLflow model's folder.")
@argument("name", required=False, help="Of an MLflow model; its folder's name by default.")
@option("-X", "--data", type=DATA, metavar="X", help="Rows to prove an MLflow model with; its own example by default.")
@option("--renumber", is_flag=True, help="Give a snapshot the next number here instead of its own.")
@pass_door
def import_(door: Door, path: str, name: str | None, data: object, renumber: bool) -> object:
    """Read an exported snapshot into the store.

    Or take a snapshot of an MLflow model: loading that executes code if it holds any, and the answer says so.
    """
    return api.import_(path, name, data, renumber=renumber, progress=door.report)
