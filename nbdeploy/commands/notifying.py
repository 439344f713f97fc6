"""The command ``notify``: whom to tell how runs end."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.syntax import argument, group

__all__ = ["notify"]


@group("notify")
def notify() -> None:
    """Tell somebody how runs end.

    `run --notify WHERE` and `schedule add --notify WHERE` ask for it. WHERE is a name that nbdeploy.toml has a table
    [notify.NAME] for, the https:// address of a webhook, or an e-mail address. It is told of failed and lost runs, or
    of what is said behind a colon: WHERE:failure,success,lost,stopped or WHERE:always.
    """


@notify.command("test")
@argument("where", help="A name in the settings, the URL of a webhook, or an e-mail address.")
def test(where: str) -> object:
    """Tell a place of a run that never was, and say what came of it."""
    return api.notify_test(where)
