"""Commands of keys: make a pair to sign with, and list them."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.kinds import FILE
from nbdeploy.commands.syntax import argument, group, option

__all__ = ["keys"]


@group("keys")
def keys() -> None:
    """Make and list keys to sign snapshots with."""


@keys.command("create")
@argument("name", help="What it is called.")
@option("--out", type=FILE, metavar="DIR", help="The folder for both files; $NBDEPLOY_HOME/keys by default.")
def create(name: str, out: str | None) -> object:
    """Make a private key and its public one."""
    return api.keys_create(name, out=out)


@keys.command("list")
def list_() -> object:
    """List the keys that --sign and --trust find by name."""
    return api.keys_list()
