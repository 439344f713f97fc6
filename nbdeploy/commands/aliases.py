"""The command ``alias``: ``alias REF ALIAS`` sets one, ``alias rm NAME@ALIAS`` takes it away."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from nbdeploy import api
from nbdeploy.commands.kinds import REF
from nbdeploy.commands.syntax import Group, argument, group

__all__ = ["alias"]

_SET = "set"


class _SetOrCommand(Group):
    """A group whose first word may also be the first argument of its hidden command ``set``."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands and args[0] != _SET:
            return super().resolve_command(ctx, args)
        return _SET, self.commands[_SET], args

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return ["REF ALIAS | rm NAME@ALIAS"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        own = super().shell_complete(ctx, incomplete)
        return own if incomplete.startswith("-") else [*own, *REF.shell_complete(ctx, self.params[0], incomplete)]


@group("alias", cls=_SetOrCommand)
def alias() -> None:
    """Give a snapshot a name that can move: champion, candidate.

    `alias churn:3 champion` makes churn@champion mean churn:3. Deployments do not change: an alias is read at push.
    """


@alias.command(_SET, hidden=True)
@argument("ref", type=REF, help="The snapshot.")
@argument("alias_name", metavar="ALIAS", help="The alias that shall mean it.")
def set_(ref: str, alias_name: str) -> object:
    """Make an alias mean a snapshot."""
    return api.alias(ref, alias_name)


@alias.command("rm")
@argument("ref", type=REF, metavar="NAME@ALIAS", help="The alias to take away.")
def rm(ref: str) -> object:
    """Take an alias away; the snapshot stays."""
    return api.remove_alias(ref)
