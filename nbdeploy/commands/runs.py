"""Commands of batch runs: run a notebook with parameters, and look at what ran."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from nbdeploy import api
from nbdeploy.cards import Card, Result
from nbdeploy.commands.door import Door
from nbdeploy.commands.kinds import FILE, VALUE, Written
from nbdeploy.commands.syntax import argument, command, option, pass_door

__all__ = ["Log", "logs", "parameters", "run", "runs"]


@dataclass(frozen=True)
class Log(Result):
    """What a run printed."""

    run: str
    text: str

    @property
    def line(self) -> str:
        """Which run's it is."""
        return f"log of run {self.run}, {len(self.text.splitlines())} lines"

    def card(self) -> Card:
        """Return the log itself."""
        return Card(self.text)

    def document(self) -> dict[str, str]:
        """Return the run and its log."""
        return {"run": self.run, "log": self.text}

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


@command("run")
@argument("notebook", type=FILE, help="The notebook to run; it stays as it is.")
@argument("output", type=FILE, required=False, help="Where the executed notebook goes.")
@option("-p", "--parameter", "typed", type=(str, VALUE), multiple=True, metavar="KEY VALUE", help="A parameter.")
@option("-r", "--raw", type=(str, str), multiple=True, metavar="KEY TEXT", help="A parameter that stays text.")
@option("-f", "--file", "files", type=FILE, multiple=True, metavar="FILE.yaml", help="A file of parameters.")
@option("--timeout", type=float, metavar="SECONDS", help="Stop the run after this time.")
@option("--kernel", metavar="KERNEL", help="The Jupyter kernel; the notebook's own by default.")
@pass_door
def run(
    door: Door,
    notebook: str,
    output: str | None,
    typed: tuple[tuple[str, object], ...],
    raw: tuple[tuple[str, str], ...],
    files: tuple[str, ...],
    timeout: float | None,
    kernel: str | None,
) -> object:
    """Run a notebook with parameters.

    papermill executes it in a process of its own.

    In a notebook, `-p month $month` hands the object over with its type.
    """
    from nbdeploy.batch import Text

    return api.run(
        notebook,
        {key: Text(value) if isinstance(value, Written) else value for key, value in typed},
        output=output,
        raw=dict(raw),
        files=files,
        timeout=timeout,
        kernel=kernel,
        progress=door.report,
    )


@command("parameters")
@argument("notebook", type=FILE, help="The notebook.")
def parameters(notebook: str) -> object:
    """Show the parameters of a notebook, with their defaults."""
    return api.parameters(notebook)


@command("runs")
def runs() -> object:
    """List the runs of notebooks, newest first."""
    return api.runs()


@command("logs")
@argument("run_id", metavar="RUN", help="A run's id, as `runs` shows it.")
def logs(run_id: str) -> object:
    """Show what one run did, and where it failed."""
    return Log(run_id, api.logs(run_id))
