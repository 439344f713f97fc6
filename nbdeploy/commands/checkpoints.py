"""The command that marks a checkpoint in a notebook."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.kinds import VARIABLE, Live
from nbdeploy.commands.syntax import argument, command
from nbdeploy.errors import WrongUsage

__all__ = ["checkpoint"]


@command("checkpoint")
@argument("values", type=VARIABLE, nargs=-1, required=True, metavar="NAME...", help="Variables of the notebook.")
def checkpoint(values: tuple[Live, ...]) -> object:
    """Save variables for a run that goes on after this cell.

    When a run that failed later is resumed or tried again, the cells up to here are shown as they were; what they
    import and define is executed again, cells tagged setup, imports or parameters as a whole, and the variables are
    back. What the cells below need besides has to be named here. Outside of a run nothing is saved.
    """
    for value in values:
        if not value.source.isidentifier():
            raise WrongUsage(f"{value.source!r} is no variable: a checkpoint saves variables by their names")
    return api.checkpoint(**{value.source: value.value for value in values})
