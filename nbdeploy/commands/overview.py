"""Commands about everything at once: the demo and the settings."""

from __future__ import annotations

from nbdeploy import api
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import FILE
from nbdeploy.commands.syntax import command, option, pass_door

__all__ = ["config", "demo", "doctor"]


@command("demo")
@option("--out", type=FILE, metavar="DIR", help="Keep the demo's files in this folder.")
@pass_door
def demo(door: Door, out: str | None) -> object:
    """Do the whole main job on real data.

    Train, snapshot, predict to a CSV, run a notebook in batch, push to a local endpoint and call it.
    Everything that was started is stopped at the end.
    """
    return api.demo(out=out, progress=door.report)


@command("config")
def config() -> object:
    """Show each setting, and the file or variable that it came from."""
    return api.config()


@command("doctor")
def doctor() -> object:
    """Check that everything here is as it should be.

    Packages, home, store, database, endpoint, targets, panel and kernel; each with what to do next. The exit status
    is 3 if there is something to do.
    """
    return api.doctor()
