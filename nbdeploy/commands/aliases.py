"""The command ``alias``: ``alias REF ALIAS`` sets one, ``alias rm NAME@ALIAS`` takes it away."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from nbdeploy import api
from nbdeploy.commands.kinds import DATA, REF
from nbdeploy.commands.syntax import Group, argument, group, option

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
        return ["REF ALIAS [--if EXPR --test X y [--or-fail]] | rm NAME@ALIAS"]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        own = super().shell_complete(ctx, incomplete)
        return own if incomplete.startswith("-") else [*own, *REF.shell_complete(ctx, self.params[0], incomplete)]


@group("alias", cls=_SetOrCommand)
def alias() -> None:
    """Give a snapshot a name that can move: champion, candidate.

    `alias churn:3 champion` makes churn@champion mean churn:3. Deployments do not change: an alias is read at push.

    `alias churn:4 champion --if "auc >= champion.auc" --test X y` measures what champion means and churn:4 on the same
    rows, and moves it only if that is true; the exit status is 3 if not, and 1 with --or-fail.
    """


@alias.command(_SET, hidden=True)
@argument("ref", type=REF, help="The snapshot.")
@argument("alias_name", metavar="ALIAS", help="The alias that shall mean it.")
@option("--if", "condition", metavar="EXPR", help='Only if this is true, as in "auc >= champion.auc - 0.002".')
@option("--test", type=(DATA, DATA), metavar="X y", help="Rows and answers to measure both on; files or objects.")
@option("--or-fail", is_flag=True, help="Fail (exit status 1) if the condition is false.")
def set_(ref: str, alias_name: str, condition: str | None, test: tuple[Any, Any] | None, or_fail: bool) -> object:
    """Make an alias mean a snapshot.

    The exit status is 3 if a condition was false.
    """
    return api.alias(ref, alias_name, if_=condition, test=test, or_fail=or_fail)


@alias.command("rm")
@argument("ref", type=REF, metavar="NAME@ALIAS", help="The alias to take away.")
def rm(ref: str) -> object:
    """Take an alias away; the snapshot stays."""
    return api.remove_alias(ref)
