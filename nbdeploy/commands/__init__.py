"""The command tree: what ``nbdeploy …`` runs in a shell and ``%deploy …`` runs in a notebook."""

from nbdeploy.commands.door import Door
from nbdeploy.commands.shell import main
from nbdeploy.commands.tree import cli, invoke

__all__ = ["Door", "cli", "invoke", "main"]
