"""Commands of targets: the remote places to push to."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.kinds import FILE, TARGET
from nbdeploy.commands.syntax import argument, group, option

__all__ = ["target"]


@group("target")
def target() -> None:
    """Add, list, check and remove the places to push to."""


@target.command("add")
@argument("name", help="A name of your own for it.")
@argument("url", help="Its address: https://ml.team:8080")
@option("--kind", default="nbdeploy", show_default=True, metavar="KIND", help="What answers there.")
@option("--token-env", metavar="VAR", help="The environment variable that holds the token.")
@option("--ca", type=FILE, metavar="FILE", help="Certificates (PEM) to trust there instead of the system's.")
def add(name: str, url: str, kind: str, token_env: str | None, ca: str | None) -> object:
    """Add a target, or change it."""
    return api.target_add(name, url, kind=kind, token_env=token_env, ca=ca)


@target.command("list")
def list_() -> object:
    """List the targets."""
    return api.target_list()


@target.command("rm")
@argument("name", type=TARGET, help="The target to forget.")
def rm(name: str) -> object:
    """Forget a target; what runs there stays."""
    return api.target_rm(name)


@target.command("check")
@argument("name", type=TARGET, help="The target.")
def check(name: str) -> object:
    """Ask a target whether it answers and lets us in.

    The exit status is 3 if not.
    """
    return api.target_check(name)
