"""Commands that look into production: what was asked and answered, what came true, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from nbdeploy import api
from nbdeploy.commands.answers import TableAnswer
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DATA, DURATION, PLACE
from nbdeploy.commands.syntax import argument, command, option, pass_door

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbdeploy.targets.logged import LoggedRows

__all__ = ["LoggedTable", "diagnose", "label", "requests"]

_since = option("--since", type=DURATION, metavar="SPAN", help="How long ago at most, as 24h (the default) or 7d.")


@dataclass(frozen=True)
class LoggedTable(TableAnswer):
    """The table of logged rows."""

    answer: LoggedRows

    @property
    def line(self) -> str:
        """How many rows."""
        return self.answer.line

    @property
    def notices(self) -> Sequence[str]:
        """What is not in it."""
        return self.answer.notices

    def document(self) -> Any:
        """Return the document of ``requests --json``."""
        return self.answer.document()


@command("requests")
@argument("where", metavar="TARGET/DEPLOYMENT", type=PLACE, help="The deployment.")
@_since
@option("--id", metavar="ID", help="Only the rows of this prediction.")
@option("--where", "condition", metavar="EXPR", help='Only rows of which this is true, as SQL: "tenure is null".')
@option("--limit", default=10_000, show_default=True, type=click.IntRange(1, 100_000), help="The latest so many rows.")
def requests(where: str, **wanted: Any) -> object:
    """Get rows that an endpoint was asked, with its answers."""
    found = api.requests(where, **wanted)
    return LoggedTable(found.frame.to_pandas(), found)


@command("label")
@argument("where", metavar="TARGET/DEPLOYMENT", type=PLACE, help="The deployment.")
@argument("data", metavar="FILE", type=DATA, help="A file or table of what came true.")
@option("--id", required=True, metavar="COL", help="The column of predictions' ids.")
@option("--truth", required=True, metavar="COL", help="The column of what came true.")
@option("--row", metavar="COL", help="The column of row numbers, from 0; `row` by default, if there is one.")
@pass_door
def label(door: Door, /, where: str, data: object, **columns: Any) -> object:
    """Tell an endpoint what came true of its predictions.

    Told twice is told once. What belongs to no prediction is reported, and the exit status is then 3.
    """
    return api.label(where, data, **columns, progress=door.report)


@command("diagnose")
@argument("subject", metavar="TARGET/DEPLOYMENT|OUTPUT", type=PLACE, help="The deployment, or a file of predictions.")
@_since
@pass_door
def diagnose(door: Door, /, subject: str, since: timedelta | None) -> object:
    """Look for what is wrong with a deployment or an output.

    Releases, the certified sample, logged rows predicted again here, refusals, inputs and predictions beside training
    and the week before, what came true, and who asked. The exit status is 3 if something is wrong.
    """
    return api.diagnose(subject, since=since, progress=door.report)
