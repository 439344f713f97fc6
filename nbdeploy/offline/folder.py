"""A folder of files into a folder of predictions: each a job of its own, and only for what is new or changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from nbdeploy.errors import NbdeployError
from nbdeploy.offline.engines.workers import one_zygote
from nbdeploy.offline.folder_report import FileDone, FolderPredictions
from nbdeploy.offline.job import predict_file
from nbdeploy.offline.journal import is_url
from nbdeploy.offline.listing import is_many, listed
from nbdeploy.offline.options import Options
from nbdeploy.offline.planning import threshold_of
from nbdeploy.offline.report import Predictions
from nbdeploy.offline.routing import Route, check_folders, routed
from nbdeploy.offline.settling import SETTLE, Settling
from nbdeploy.offline.stored import place_beside, stored
from nbdeploy.predictor import Predictor
from nbdeploy.tables.places import shown
from nbdeploy.types import Progress, Report, ignore_progress

__all__ = ["goes_to_folder", "predict_folder"]

_log = logging.getLogger(__name__)


def goes_to_folder(source: object, out: str | Path | None) -> bool:
    """Whether a job is one of many files: its source is a folder or pattern, or a file's output is a folder.

    Examples
    --------
    >>> goes_to_folder("inbox/", "scored"), goes_to_folder("a.csv", "scored/"), goes_to_folder("a.csv", "b.csv")
    (True, True, False)
    """
    into = out is not None and (str(out).endswith("/") or Path(out).is_dir())
    return is_many(source) or (into and isinstance(source, str | Path) and str(source) not in ("-", ""))


def predict_folder(
    predictor: Predictor,
    snapshot: str,
    source: str | Path,
    out: str | Path | None,
    options: Options,
    kind: str | None = None,
    progress: Report = ignore_progress,
    settling: Callable[[], Settling] = Settling,
) -> FolderPredictions:
    """Predict the files of a folder, or those that a pattern matches, each into a file of its own.

    Each file is a job: see :func:`nbdeploy.offline.predict_file`. One that fails does so alone.

    Parameters
    ----------
    predictor : Predictor
        The model.
    snapshot : str
        Its reference.
    source : str or Path
        The folder, pattern, file; or such an address of an object store.
    out : str or Path or None
        The folder of outputs, which get the names of the inputs.
    options : Options
        What the outputs hold. Rejects are set aside in a folder, under the names of the outputs; their limit is that
        of each file.
    kind : str, optional
        The suffix of the outputs, if it is to be another one than the input's.
    progress : Report
        Told of every span.
    settling : callable
        Makes what tells files that are still being written, when they are found.

    Raises
    ------
    NotFound
        If there is no such folder or method, or nothing matches the pattern.
    WrongUsage
        If two things would be written under one name, or over an input.
    """
    called = shown(str(source)) if "://" in str(source) else str(source)
    folder = check_folders(called, out, options.rejects)
    threshold_of(predictor, options, predictor.methods(options.methods))
    rejects = options.rejects
    found = listed(str(source), [folder] if rejects is None else [folder, rejects])
    settled = settling()
    routes = routed(found, folder, rejects, kind)
    files = _Files(predictor, snapshot, options, routes, settled, progress)
    began = time.monotonic()
    with one_zygote():
        done = files.run()
    seconds = round(time.monotonic() - began, 3)
    return FolderPredictions(
        snapshot, predictor.digest, called, str(out), done, seconds, found.passed, files.notices, rejects
    )


class _Files:
    """The jobs of a folder, one after another."""

    def __init__(
        self,
        predictor: Predictor,
        snapshot: str,
        options: Options,
        routes: list[Route],
        settling: Settling,
        progress: Report,
    ) -> None:
        self.notices = list[str]()
        self._predictor, self._snapshot, self._options = predictor, snapshot, options
        self._routes, self._settling, self._progress = routes, settling, progress
        self._rows = 0
        self._bytes = sum(route.input.size for route in routes)
        self._gone = 0

    def run(self) -> list[FileDone]:
        """Do all that can be done, and say what became of each file."""
        done: dict[int, FileDone] = {}
        order = self._settling.order([route.input for route in self._routes])
        for turn, number in enumerate(order):
            route = self._routes[number]
            try:
                done[number] = self._one(route, turn)
            except KeyboardInterrupt as stop:
                told = "".join(f"; {word}" for word in stop.args[:1])
                many = f"{turn:,} of {len(order):,} files were done"
                raise KeyboardInterrupt(f"{many}, then {route.input.name} was begun{told}") from None
            if done[number].status == "done before":
                self._bytes -= route.input.size
            else:
                self._gone += route.input.size
        return [done[number] for number in sorted(done)]

    def _one(self, route: Route, turn: int) -> FileDone:
        known = stored(place_beside(route.output)).identity() is not None
        if self._settling.grows(route.input):
            return self._growing(route)
        options = replace(self._options, rejects=route.rejects)
        job = (self._predictor, self._snapshot, route.input.place, route.output, options, self._telling(route, turn))
        try:
            done = predict_file(*job)
        except NbdeployError as error:
            return self._growing(route) if self._settling.changed(route.input) else _failed(route, str(error))
        except Exception as error:
            # Whatever is wrong with one file, the others are predicted.
            _log.warning("%s failed", route.input.name, exc_info=True)
            return _failed(route, f"{type(error).__name__}: {error} (a defect of nbdeploy?)")
        self._rows += 0 if done.done_before else done.rows + done.rejected
        self.notices += [f"{done.output}: {notice}" for notice in done.notices]
        if not done.rejected:
            _forget_rejects(route, self._options)
        return _told(done, "done before" if done.done_before else "changed" if known else "new")

    def _growing(self, route: Route) -> FileDone:
        why = f"its size or time changed within {SETTLE:g} seconds or while it was read"
        return FileDone(route.input.name, str(route.output), "growing", error=why)

    def _telling(self, route: Route, turn: int) -> Report:
        """What tells of a file's progress as part of the whole."""

        def tell(step: Progress) -> None:
            share = (self._gone + (step.share or 0.0) * route.input.size) / max(1, self._bytes)
            message = f"{route.input.below} ({turn + 1:,} of {len(self._routes):,} files)"
            facts = {"share": min(1.0, share), "file": route.input.name}
            self._progress(Progress(self._rows + step.done, None, "rows", message, facts))

        return tell


def _failed(route: Route, error: str) -> FileDone:
    return FileDone(route.input.name, str(route.output), "failed", error=error)


def _told(done: Predictions, status: str) -> FileDone:
    rejects = done.rejects if done.rejected else None
    return FileDone(
        done.input,
        done.output,
        status,
        done.rows,
        done.rejected,
        done.seconds,
        rejects,
        tuple(done.reasons),
        profile=done.profile,
        trained=done.trained,
    )


def _forget_rejects(route: Route, options: Options) -> None:
    """Delete a file of no rejects, and the folders that were made for it."""
    if route.rejects is None or options.rejects is None:
        return
    stored(route.rejects).remove()
    if is_url(route.rejects):
        return
    for folder in _up_to(Path(route.rejects).parent, Path(options.rejects)):
        try:
            folder.rmdir()
        except OSError:
            return


def _up_to(folder: Path, last: Path) -> Iterator[Path]:
    """A folder and those around it, up to the last."""
    yield folder
    if folder != last:
        yield from _up_to(folder.parent, last)
