"""``%load_ext nbdeploy``: the magic ``%deploy``, its completion, help and display."""

from __future__ import annotations

from typing import Any

from nbdeploy.commands import cli
from nbdeploy.commands.syntax import Group
from nbdeploy.hints import NOTEBOOK, SHELL, type_as
from nbdeploy.magics.completion import Completions
from nbdeploy.magics.deploy import MAGIC, Deploy
from nbdeploy.magics.display import forget_text
from nbdeploy.magics.marks import Marks
from nbdeploy.magics.questions import Questions
from nbdeploy.magics.silence import Silencer
from nbdeploy.snapshots import history

__all__ = ["load", "unload"]


def load(shell: Any, tree: Group = cli) -> None:
    """Add ``%deploy`` to an IPython shell; once more is harmless.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    tree : Group, optional
        Another command tree.
    """
    unload(shell)
    type_as(NOTEBOOK)
    shell.register_magic_function(Deploy(shell, tree).magic, magic_kind="line_cell", magic_name=MAGIC)
    shell.input_transformers_cleanup.extend([Questions(MAGIC), Marks(MAGIC)])
    shell.ast_transformers.append(Silencer(MAGIC))
    shell.Completer.custom_matchers.append(Completions(shell, MAGIC, tree))
    history.record(shell)


def unload(shell: Any) -> None:
    """Take everything away that :func:`load` added.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell.
    """
    type_as(SHELL)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop(MAGIC, None)
    for added, ours in (
        (shell.input_transformers_cleanup, Questions),
        (shell.input_transformers_cleanup, Marks),
        (shell.ast_transformers, Silencer),
        (shell.Completer.custom_matchers, Completions),
    ):
        added[:] = [item for item in added if not isinstance(item, ours)]
    forget_text(shell)
    history.forget(shell)
