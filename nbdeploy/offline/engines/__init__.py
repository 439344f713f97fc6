"""Engines: where the spans of a job are predicted."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Protocol

from nbdeploy.offline.work import Done, Work
from nbdeploy.plugins import Registry
from nbdeploy.predictor import Predictor
from nbdeploy.tables import Span

__all__ = ["ENGINES", "Engine"]


class Engine(Protocol):
    """Does the work of a job, span by span.

    It is made with the number of workers wanted. Spans are pure tasks: each can be done anywhere, in any order,
    and again.
    """

    def __init__(self, workers: int) -> None: ...

    def run(self, work: Work, predictor: Predictor, spans: Iterator[Span]) -> Generator[Done, None, None]:
        """Do the work for each span.

        Parameters
        ----------
        work : Work
            What to do; it can be pickled, and so can spans.
        predictor : Predictor
            The model, loaded here; its bundle says how to load it elsewhere.
        spans : iterator of Span
            The spans, in order. The next one may be a while in coming, until results of former ones were taken:
            so spans are asked for in another thread than the one in which results are given. It need not be able to
            run in two threads at once.

        Yields
        ------
        Done
            In any order.
        """


ENGINES: Registry[type[Engine]] = Registry("engine", {"local": "nbdeploy.offline.engines.local:LocalEngine"})
