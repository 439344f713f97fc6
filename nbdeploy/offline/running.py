"""A job's spans through an engine: read, predicted and written at the same time, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import replace

from nbdeploy.offline.assembling import Assembly
from nbdeploy.offline.engines import ENGINES
from nbdeploy.offline.work import Work
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Span
from nbdeploy.types import Progress, Report

__all__ = ["Window", "run"]

_WAIT = 0.1
_FEWEST = 4


class Window:
    """Lets only so many spans be under way: between being cut, and being written.

    Parameters
    ----------
    size : int
        How many.
    """

    def __init__(self, size: int) -> None:
        self._room = threading.Semaphore(size)
        self.stopped = threading.Event()

    def leave(self) -> None:
        """A span was written."""
        self._room.release()

    def entering(self, spans: Iterator[Span]) -> Iterator[Span]:
        """Give spans as there is room for them, until stopped; then let go of what they are read from."""
        try:
            for span in spans:
                while not self._room.acquire(timeout=_WAIT):
                    if self.stopped.is_set():
                        return
                if self.stopped.is_set():
                    return
                yield span
        finally:
            if isinstance(spans, Generator):
                spans.close()


def run(
    work: Work,
    predictor: Predictor,
    spans: Iterator[Span],
    finished: Collection[int],
    assemble: Callable[[Callable[[], None]], Assembly],
    *,
    engine: str = "local",
    workers: int = 1,
    total: int | None = None,
    progress: Report,
) -> Assembly:
    """Predict spans and write them.

    Parameters
    ----------
    work : Work
        What to do with each span.
    predictor : Predictor
        The model.
    spans : iterator of Span
        All of them, in order.
    finished : collection of int
        Those that need not be predicted again.
    assemble : callable
        Makes the assembly, given what to call whenever a span was written.
    engine : str
        Where spans are predicted.
    workers : int
        In how many processes.
    total : int or None
        All rows, if known.
    progress : Report
        Told of every span.

    Returns
    -------
    Assembly
        With everything written.
    """
    window = Window(max(_FEWEST, 2 * workers + 2))

    def released() -> None:
        window.leave()
        if assembly.error is not None:
            window.stopped.set()  # or no more results would come, and nobody would look

    assembly = assemble(released)
    away = dict[int, Span]()

    def left() -> Iterator[Span]:
        for span in window.entering(spans):
            if span.index in finished:
                assembly.recall(span)
            else:
                away[span.index] = span
                yield span

    def tell() -> None:
        tally = assembly.tally
        done = tally.rows + tally.rejected
        facts = {"share": tally.share} if tally.share is not None else None
        progress(Progress(done, total, "rows", "predicting", facts))

    try:
        with closing(ENGINES[engine](workers).run(work, predictor, left())) as results:
            for done in results:
                span = away.pop(done.span.index)
                assembly.take(done if done.kept is not None else replace(done, span=span))
                assembly.join(0)
                tell()
        assembly.end()
        while not assembly.join(_WAIT):
            tell()
        tell()
    finally:
        window.stopped.set()
        assembly.stop()
    return assembly
