"""The whole main job on real data, in a home of its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from nbdeploy.cards import Card, Result, Table
from nbdeploy.errors import Conflict
from nbdeploy.settings import Settings
from nbdeploy.types import Report, ignore_progress

__all__ = ["Demo", "demo"]

_FILES = ("penguins.ipynb", "island.ipynb", "penguins.csv")


@dataclass(frozen=True)
class Demo(Result):
    """What the demo did.

    Attributes
    ----------
    summary : mapping
        What the notebook found.
    seconds : float
        How long it took.
    folder : Path or None
        Where the artefacts are, if they were kept.
    """

    summary: Mapping[str, Any]
    seconds: float
    folder: Path | None

    @property
    def line(self) -> str:
        """In how many ways the same rows were predicted, and whether they agreed."""
        ways = self.summary["ways"]
        verdict = "all the same" if all(ways.values()) else "NOT all the same"
        return f"{self.summary['rows']} birds predicted in {len(ways)} ways: {verdict}"

    def card(self) -> Card:
        """Snapshot, answers, ways and files."""
        found = self.summary
        metrics = ", ".join(f"{name} {value:.3f}" for name, value in found["metrics"].items())
        species = ", ".join(f"{count} {name}" for name, count in found["species"].items())
        facts = [
            ("snapshot", f"{found['snapshot']} ({found['digest'][:19]}…)"),
            ("proof", found["proof"].partition(", ")[2].partition("; ")[0].partition(", auc")[0]),
            ("on test birds", metrics),
            ("batch runs", ", ".join(found["runs"])),
            ("endpoint", f"{found['url']} (stopped again)"),
            ("answers", species),
            ("took", f"{self.seconds:.0f} s"),
        ]
        rows = [(way, "same" if same else "DIFFERENT") for way, same in found["ways"].items()]
        if self.folder is not None:
            facts += [("notebook", self.folder / "penguins.ipynb"), ("predictions", self.folder / "predictions.csv")]
            facts += [("per island", self.folder / "islands"), ("store", self.folder / "home" / "store")]
        following = "open a notebook, and type %load_ext nbdeploy"
        return Card(self.line, facts, Table(("predicted by", "answers"), rows), following)

    def document(self) -> dict[str, Any]:
        """Return the summary, with the folder."""
        return {**self.summary, "seconds": self.seconds, "folder": self.folder and str(self.folder)}


def demo(out: str | Path | None = None, *, progress: Report = ignore_progress) -> Demo:
    """Train, snapshot, predict, run, push and call, on the Palmer penguins.

    Parameters
    ----------
    out : str or Path, optional
        A new or empty folder that keeps the results; otherwise they go when the demo ends.

    Raises
    ------
    RunFailed
        If any step fails; everything that was started is stopped first.
    """
    folder = Path(out).absolute() if out is not None else None
    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} exists and is not an empty folder; choose another for --out", path=str(folder))
    with nullcontext(str(folder)) if folder else tempfile.TemporaryDirectory(prefix="nbdeploy-demo-") as place:
        return _play(Path(place), folder, progress)


def _play(place: Path, folder: Path | None, progress: Report) -> Demo:
    """Run the notebook in `place`, with a home in it, so that nothing of the user's is touched."""
    from nbdeploy import batch
    from nbdeploy.serving import background

    place.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        (place / name).write_bytes((files("nbdeploy") / "demo" / name).read_bytes())
    environment = {"NBDEPLOY_HOME": str(place / "home")}
    settings = Settings.load(place, environment)
    try:
        run = batch.run(
            batch.Order.of(place / "penguins.ipynb", output=place / "executed.ipynb"),
            settings=settings,
            progress=progress,
            environment={**environment, "NBDEPLOY_STORE": settings.store, "NBDEPLOY_DB": settings.db},
        )
    finally:
        background.stop(settings.endpoint_home)
    (place / "executed.ipynb").replace(place / "penguins.ipynb")
    return Demo(json.loads((place / "summary.json").read_text()), run.seconds or 0.0, folder)
