"""Where the outputs of a run are: apart while it runs, published by one renaming, or set aside."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from nbdeploy.batch.outputs.declared import INDEX, METRICS, Declared
from nbdeploy.files import sync, writing

__all__ = ["Outputs"]


class Outputs:
    """The outputs of one run, as its own process sees to them.

    They are in one of three folders: ``staged`` while cells add to them, ``outputs`` once the run has succeeded,
    ``unpublished`` if it did not. A renaming takes them from one to another, so that whoever looks finds all or
    nothing, whenever the process is killed.

    Parameters
    ----------
    run : Path
        The run's folder.
    """

    def __init__(self, run: Path) -> None:
        self.staged = run / "staged"
        self.published = run / "outputs"
        self.unpublished = run / "unpublished"

    def begin(self, earlier: Outputs | None = None) -> None:
        """Make room for what cells declare from now on; what an attempt before declared is forgotten.

        Parameters
        ----------
        earlier : Outputs, optional
            Those of a run that this one goes on with: what it declared counts here too.
        """
        shutil.rmtree(self.staged, ignore_errors=True)
        kept = None if earlier is None else earlier.aside
        with writing(self.staged):
            if kept is not None:
                shutil.copytree(kept, self.staged)
            self.staged.mkdir(mode=0o700, exist_ok=True)

    def publish(self) -> Declared:
        """Publish what was declared, and return it.

        Raises
        ------
        NotWritable
            If the disk is full or the folder is gone; nothing is published then.
        """
        with writing(self.published):
            for part in self.staged.glob(".*"):
                if part.name != METRICS:
                    shutil.rmtree(part)
            declared = Declared.of(self.staged)
            index = json.dumps(declared.columns(), indent=2, allow_nan=False)
            (self.staged / INDEX).write_text(index, encoding="utf-8")
            for path in _everything(self.staged):
                sync(path)
            self.staged.rename(self.published)
            sync(self.published.parent)
        return self.read() or Declared()

    def set_aside(self) -> None:
        """Keep what was declared where nobody takes it for a result."""
        if not self.staged.is_dir():
            return
        if not any(self.staged.iterdir()):
            self.staged.rmdir()
            return
        shutil.rmtree(self.unpublished, ignore_errors=True)
        self.staged.rename(self.unpublished)

    def read(self) -> Declared | None:
        """What was published; None, if the run has not come so far."""
        index = self.published / INDEX
        if not index.is_file():
            return None
        return Declared.from_columns(**json.loads(index.read_text(encoding="utf-8")), folder=self.published)

    @property
    def aside(self) -> Path | None:
        """Where it is what was not published, if there is anything."""
        return next((place for place in (self.unpublished, self.staged) if place.is_dir()), None)

    def left(self) -> Declared:
        """What was declared and not published."""
        return Declared() if self.aside is None else Declared.of(self.aside)


def _everything(folder: Path) -> Iterator[Path]:
    """All that is in a folder, and the folder: what is deepest first."""
    for place, _, files in os.walk(folder, topdown=False):
        yield from (Path(place, name) for name in files)
        yield Path(place)
