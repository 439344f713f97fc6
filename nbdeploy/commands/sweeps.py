"""The command of sweeps."""

from __future__ import annotations

from typing import Any

from nbdeploy import api
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import FILE
from nbdeploy.commands.orders import WORDS_HELP, order_options, today
from nbdeploy.commands.syntax import argument, command, option, pass_door

__all__ = ["sweep"]


@command("sweep", epilog=WORDS_HELP)
@argument("notebook", type=FILE, required=False, help="The notebook to run.")
@argument("more", nargs=-1, metavar="[KEY=V1,V2]...", help="More parameters to try.")
@option("--grid", multiple=True, metavar="KEY=V1,V2", help="A parameter, and the values to try (repeatable).")
@option("--jobs", type=int, metavar="N", help="How many run at once; by default what the machine takes.")
@option("--pick", metavar="max:METRIC|min:METRIC", help="Which run is the best.")
@option("--resume", metavar="ID", help="Go on with a sweep: what succeeded is not repeated.")
@pass_door
@order_options
def sweep(
    door: Door,
    notebook: str | None,
    more: tuple[str, ...],
    grid: tuple[str, ...],
    parameters: dict[str, object],
    **options: Any,
) -> object:
    """Run a notebook for every combination of some values.

    What the runs publish with `output --metric` is compared, best first. Values are read by the notebook's types.
    """
    words = today(parameters, grid=(*grid, *more), **options)
    return api.sweep(notebook, words.pop("grid"), progress=door.report, **words)
