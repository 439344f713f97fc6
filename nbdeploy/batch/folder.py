"""The folder of a run: the request, the notebook as submitted, progress, the log and the output."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from nbdeploy.batch.kernels import Kernel
from nbdeploy.batch.retrying import Attempts, Retrying
from nbdeploy.errors import NotWritable
from nbdeploy.files import write_atomically
from nbdeploy.types import Progress, Report

__all__ = ["LATER", "Events", "Folder", "Launch", "Request"]

LATER = "later"
"""A report that nobody waits for."""


@dataclass(frozen=True)
class Request:
    """What a child process is asked to execute.

    Attributes
    ----------
    run : str
        The run's id.
    notebook : str
        Where the notebook came from; it is executed in that folder.
    output : str
        Where the executed notebook goes in the end.
    parameters : dict
        The values to pass, exactly, as `encode` writes them.
    timeout : float or None
        Seconds that the whole run may take.
    cell_timeout : float or None
        Seconds that each cell may take.
    retries, retry_wait, retry_on
        How often, after what time and for which errors to try again.
    resumes : str
        The run that this one goes on from, if any.
    kernel : Kernel
        What executes it.
    command : list of str
        What to execute instead of a notebook: a program and its arguments.
    cwd : str
        Where it is executed; the notebook's folder if empty.
    report : str
        The report to publish: ``full`` or ``no-input``; or ``later`` for one that is made behind the run's end.
    after : list of str
        Ids of the runs that had to succeed before.
    notify : list of dict
        Whom to tell how it ended, and how; see :class:`nbdeploy.batch.notifying.Notice`.
    """

    run: str
    notebook: str
    output: str
    parameters: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    kernel: Kernel = field(default_factory=Kernel)
    command: list[str] = field(default_factory=list)
    cwd: str = ""
    report: str = ""
    after: list[str] = field(default_factory=list)
    notify: list[dict[str, Any]] = field(default_factory=list)
    cell_timeout: float | None = None
    retries: int = 0
    retry_wait: float = 30.0
    retry_on: list[str] = field(default_factory=list)
    resumes: str = ""

    @property
    def retrying(self) -> Retrying:
        """When to try again."""
        return Retrying(self.retries, self.retry_wait, self.retry_on)


@dataclass(frozen=True)
class Launch:
    """How the process of a run is started.

    Attributes
    ----------
    python : str
        The interpreter.
    environment : dict of str
        Its environment, whole: who starts it is not who asked for it.
    """

    python: str
    environment: dict[str, str]


class Folder:
    """The files of one run.

    Parameters
    ----------
    path : Path
        The folder; its name is the run's id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log.txt"
        self.events = path / "events.jsonl"
        self._launch = path / "launch.json"

    @classmethod
    def new(cls, runs: Path, now: datetime) -> Folder:
        """Make the folder of a new run, under an id that no other run has.

        Raises
        ------
        NotWritable
            If it cannot be made.
        """
        try:
            runs.mkdir(parents=True, exist_ok=True)
            while True:
                path = runs / f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
                with contextlib.suppress(FileExistsError):
                    path.mkdir(mode=0o700)
                    return cls(path)
        except OSError as error:
            raise NotWritable(
                f"the folder of the run could not be made in {runs} ({error.strerror}): set NBDEPLOY_HOME",
                path=str(runs),
            ) from error

    def executed(self, request: Request) -> Path:
        """Where the notebook is written while it is executed."""
        return self.path / f"{Path(request.notebook).stem}.ipynb"

    def report(self, notebook: Path, code: bool = True) -> Path:
        """Where the HTML report is; one without the cells' sources is another one."""
        return self.path / f"{notebook.stem}{'' if code else '.no-input'}.html"

    def submitted(self, request: Request) -> Path:
        """The notebook as it was when the run was asked for."""
        return self.path / "submitted" / f"{Path(request.notebook).stem}.ipynb"

    def write(self, request: Request, notebook: bytes | None = None) -> None:
        """Keep the request and the notebook, if it is of one.

        Raises
        ------
        NotWritable
            If the disk is full or the folder is gone.
        """
        try:
            if notebook is not None:
                self.submitted(request).parent.mkdir()
                self.submitted(request).write_bytes(notebook)
            (self.path / "request.json").write_text(json.dumps(asdict(request)), encoding="utf-8")
            self.events.touch()
        except OSError as error:
            raise NotWritable(f"{self.path} could not be written: {error.strerror}", path=str(self.path)) from error

    def read(self) -> Request:
        """The request."""
        facts = json.loads((self.path / "request.json").read_text(encoding="utf-8"))
        return Request(**{**facts, "kernel": Kernel(**facts["kernel"])})

    def keep(self, launch: Launch) -> None:
        """Keep how the run is to be started, for nobody but its owner: an environment may hold secrets.

        Raises
        ------
        NotWritable
            If the disk is full or the folder is gone.
        """
        write_atomically(self._launch, json.dumps(asdict(launch)).encode(), 0o600)

    def launch(self) -> Launch:
        """How it is to be started.

        Raises
        ------
        OSError
            If that is not kept: the folder is gone, or the run began already.
        """
        return Launch(**json.loads(self._launch.read_text(encoding="utf-8")))

    def forget_launch(self) -> None:
        """Forget how it was to be started."""
        with contextlib.suppress(OSError):
            self._launch.unlink(missing_ok=True)

    def read_log(self, position: int, whole: bool) -> bytes:
        """What the log says from a position on: its whole lines only, as long as it may be in the middle of one."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(position)
            text = log.read()
            return text if whole else text[: text.rfind(b"\n") + 1]
        return b""

    def progress(self) -> Progress | None:
        """The newest progress, if any was written."""
        with contextlib.suppress(OSError), Events(self) as events:
            steps = list(events.new())
            steps.reverse()  # of steps that are equally far, the newest
            return max(steps, key=lambda step: ((step.facts or {}).get("attempt", 1), step.done), default=None)
        return None

    def durations(self) -> list[float]:
        """Seconds that each cell took in the last attempt; nothing, if that did not come to its end."""
        starts: dict[int, float] = {}
        with contextlib.suppress(OSError), Events(self) as events:
            for step in events.new():
                if step.unit != "cells" or step.facts is None:
                    return []
                if step.done == 0 and step.done in starts and max(starts) > 0:
                    starts.clear()
                starts.setdefault(step.done, step.facts["seconds"])
                total = step.total
        complete = bool(starts) and sorted(starts) == list(range((total or 0) + 1))
        return [starts[number + 1] - starts[number] for number in range(total or 0)] if complete else []

    def attempts(self) -> Attempts:
        """The attempts that have ended."""
        return Attempts.read(self.path / "attempts.json")

    def keep_attempt(self, request: Request, attempt: int) -> str:
        """Keep the notebook as an attempt left it; where."""
        executed, place = self.executed(request), self.path / "attempts" / f"{attempt}.ipynb"
        if not executed.exists():
            return ""
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(executed, place)
        return str(place)


class Events:
    """Progress of a run, read while the run writes it; a context manager."""

    def __init__(self, folder: Folder) -> None:
        self._file = folder.events.open(encoding="utf-8")
        self._rest = ""

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def new(self) -> Iterator[Progress]:
        """What was written since the last call. A line that is not finished waits for the next one."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            yield Progress(**json.loads(line))

    def report(self, progress: Report) -> None:
        """Pass on what was written since the last call."""
        for step in self.new():
            progress(step)
