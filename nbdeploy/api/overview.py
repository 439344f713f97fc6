"""Where things stand, and which settings are in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbdeploy.api.references import open_store
from nbdeploy.cards import Card, Result, Table
from nbdeploy.connections import Connections
from nbdeploy.hints import typed
from nbdeploy.settings import Settings

__all__ = ["Configuration", "Overview", "config", "overview"]


@dataclass(frozen=True)
class Overview(Result):
    """Snapshots, targets and running jobs, in short.

    Attributes
    ----------
    snapshots : sequence of str
        The newest version of each model.
    targets : sequence of str
        Names of the targets known.
    running : sequence of str
        Ids of the runs that go on now.
    home : str
        Where it all lives.
    """

    snapshots: Sequence[str]
    targets: Sequence[str]
    running: Sequence[str]
    home: str

    @property
    def line(self) -> str:
        """Counts, and the next step."""
        there = ((self.snapshots, "model"), (self.targets, "target"), (self.running, "run"))
        counts = ", ".join(f"{len(each)} {what}{'s' * (len(each) != 1)}" for each, what in there) + " going on"
        return f"{counts}; next: {self._next}"

    @property
    def _next(self) -> str:
        if not self.snapshots:
            return f"%deploy snapshot MODEL NAME -X X, or {typed('demo')}"
        if not self.targets:
            return typed(f"push {self.snapshots[-1].partition(':')[0]}")
        return typed(f"call {self.targets[0]}/{self.snapshots[-1].partition(':')[0]}")

    def card(self) -> Card:
        """Return the same as a card."""
        facts = [
            ("snapshots", ", ".join(self.snapshots) or "none yet"),
            ("targets", ", ".join(self.targets) or "none yet: the first push starts `local`"),
            ("running", ", ".join(self.running) or "nothing"),
            ("home", self.home),
        ]
        return Card("nbdeploy", facts, next=self._next)

    def document(self) -> dict[str, Any]:
        """Return the three lists."""
        return {"snapshots": list(self.snapshots), "targets": list(self.targets), "running": list(self.running)}


@dataclass(frozen=True)
class Configuration(Result):
    """The settings in force, and where each came from."""

    settings: Settings

    @property
    def line(self) -> str:
        """How many there are, and where they live."""
        return f"{len(self.document())} settings; everything lives in {self.settings.home}"

    def card(self) -> Card:
        """Return a table of settings."""
        rows = [(entry["variable"], entry["value"], entry["source"]) for entry in self.document()]
        return Card("Settings", table=Table(("variable", "value", "from"), rows))

    def document(self) -> list[dict[str, str]]:
        """Name, variable, value and source of each."""
        from sqlalchemy import make_url

        values = {
            "home": str(self.settings.home),
            "store": self.settings.store,
            "db": make_url(self.settings.db).render_as_string(hide_password=True),
            "target": self.settings.target,
            "allow_code": self.settings.allow_code,
            "trusted_keys": ", ".join(self.settings.trusted_keys),
            "scheduler": self.settings.scheduler,
            "keep_runs": self.settings.keep_runs,
            "reports": self.settings.reports,
            "runs_at_once": str(self.settings.runs_at_once),
        }
        return [
            {
                "name": name,
                "variable": f"NBDEPLOY_{name.upper()}",
                "value": value,
                "source": self.settings.sources[name],
            }
            for name, value in values.items()
        ]


def overview(*, settings: Settings | None = None) -> Overview:
    """Say what there is, what goes on, and what to do next."""
    from nbdeploy import batch

    settings = settings or Settings.load()
    store = open_store(settings)
    newest = [str(version) for version in map(store.newest, store.names()) if version is not None]
    running = [run.id for run in batch.runs(settings) if not run.final]
    return Overview(newest, list(Connections(settings.home).all()), running, str(settings.home))


def config(*, settings: Settings | None = None) -> Configuration:
    """Show each setting and where it came from."""
    return Configuration(settings or Settings.load())
