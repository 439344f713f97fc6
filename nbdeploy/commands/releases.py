"""Commands of deployments: push a snapshot, see what serves, call it, take it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbdeploy import api
from nbdeploy.commands.answers import TableAnswer
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import DATA, METHOD, PLACE, REF
from nbdeploy.commands.syntax import argument, command, option, pass_door

if TYPE_CHECKING:
    from nbdeploy.targets.results import CallResult

__all__ = ["CalledTable", "call", "push", "status", "undeploy"]


@dataclass(frozen=True)
class CalledTable(TableAnswer):
    """The table that an endpoint answered."""

    answer: CallResult

    @classmethod
    def of(cls, answer: CallResult, data: object) -> CalledTable:
        """Make the table one of the caller's library: pandas, unless the rows given were Polars or Arrow."""
        from nbdeploy.codecs.frames import like

        in_memory = data is not None and not isinstance(data, str)
        return cls(like(data, answer.frame) if in_memory else answer.frame.to_pandas(), answer)

    @property
    def line(self) -> str:
        """How many rows, from which version."""
        return self.answer.line

    def document(self) -> Any:
        """Return the document of ``call --json``."""
        return self.answer.document()


@command("push")
@argument("ref", type=REF, help="The snapshot.")
@option("--to", type=PLACE, metavar="TARGET[/DEPLOYMENT]", help="Where; the setting `target` and the model's name.")
@option("--new", is_flag=True, help="Allow a new deployment whose name is not the model's.")
@pass_door
def push(door: Door, ref: str, to: str | None, new: bool) -> object:
    """Upload what the target lacks, and serve it there.

    With nothing set up it goes to `local`, an endpoint on this machine that starts by itself.
    """
    return api.push(ref, to=to, new=new, progress=door.report)


@command("status")
@argument("where", metavar="TARGET[/DEPLOYMENT]", type=PLACE, required=False, help="Only this one.")
def status(where: str | None) -> object:
    """Show which targets answer, and what serves there."""
    return api.status(where)


@command("call")
@argument("where", metavar="TARGET/DEPLOYMENT", type=PLACE, help="The deployment.")
@argument("data", metavar="INPUT", type=DATA, required=False, help="A file or table; the snapshot's sample by default.")
@option("--method", type=METHOD, metavar="M", help="The method to answer with.")
def call(where: str, data: object, method: str | None) -> object:
    """Get predictions from an endpoint, as a table."""
    return CalledTable.of(api.call(where, data, method=method), data)


@command("undeploy")
@argument("where", metavar="TARGET/DEPLOYMENT", type=PLACE, help="The deployment.")
def undeploy(where: str) -> object:
    """Stop serving a deployment; its snapshots stay."""
    return api.undeploy(where)
