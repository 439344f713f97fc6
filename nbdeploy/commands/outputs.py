"""Commands about what runs give away."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.kinds import FILE, RUN, VALUE
from nbdeploy.commands.syntax import argument, command, option

__all__ = ["output", "report"]


@command("output")
@argument("path", type=FILE, required=False, help="A file or folder.")
@option("--name", metavar="NAME", help="Its name among the run's outputs; its own without suffix by default.")
@option("--metric", "metrics", type=(str, VALUE), multiple=True, metavar="NAME VALUE", help="A figure (repeatable).")
def output(path: str | None, name: str | None, metrics: tuple[tuple[str, object], ...]) -> object:
    """Declare what a notebook's run is for.

    Files, folders and metrics are kept as they are now and published together when the run succeeds. Outside of a run
    nothing is kept.
    """
    return api.output(path, name, metrics=dict(metrics))


@command("report")
@argument("run_id", type=RUN, metavar="RUN", help="A run's id, as `runs` shows it.")
@argument("path", type=FILE, required=False, metavar="[FILE.html]", help="Where it goes; the run's folder by default.")
@option("--no-input", is_flag=True, help="Leave the code out.")
def report(run_id: str, path: str | None, no_input: bool) -> object:
    """Show a run as one HTML file, which needs no network."""
    return api.report(run_id, path, no_input=no_input)
