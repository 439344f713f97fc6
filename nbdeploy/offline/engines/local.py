"""The engine of one machine: this process, or several that share the model's memory."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

from nbdeploy.offline.engines.workers import Workers
from nbdeploy.offline.work import Done, Work
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Span

__all__ = ["LocalEngine"]


class LocalEngine:
    """See :class:`nbdeploy.offline.engines.Engine`.

    With one worker, spans are read ahead in a thread and predicted here; with more, by worker processes.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(self, work: Work, predictor: Predictor, spans: Iterator[Span]) -> Generator[Done, None, None]:
        """Do the work for each span."""
        if self._workers > 1:
            yield from self._in_processes(work, predictor, spans)
            return

        def read(give: Callable[[Any], None]) -> None:
            for span in spans:
                give((span, work.read(span)))

        for span, rows in _gathered([read]):
            yield work.answer(predictor, span, rows)

    def _in_processes(self, work: Work, predictor: Predictor, spans: Iterator[Span]) -> Iterator[Done]:
        turn = threading.Lock()

        def following() -> Span | None:
            with turn:
                return next(spans, None)

        with ExitStack() as stack:
            workers = stack.enter_context(Workers(work, predictor, self._workers))

            def drive(give: Callable[[Any], None]) -> None:
                with workers.seat() as ask:
                    while (span := following()) is not None:
                        give(ask(span))

            yield from _gathered([drive] * self._workers)


def _gathered(producers: list[Callable[[Callable[[Any], None]], None]]) -> Iterator[Any]:
    """Give what some functions, each in a thread of its own, give; raise what one of them raises."""
    results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def run(produce: Callable[[Callable[[Any], None]], None]) -> None:
        try:
            produce(lambda value: results.put(("value", value)))
            results.put(("end", None))
        except BaseException as error:
            results.put(("error", error))

    for produce in producers:
        threading.Thread(target=run, args=(produce,), daemon=True).start()
    running = len(producers)
    while running:
        kind, value = results.get()
        if kind == "error":
            raise value
        if kind == "value":
            yield value
        else:
            running -= 1
