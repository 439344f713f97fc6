"""Runs that belong together: submitting them, following all at once, and stopping what is left."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.ordering.order import Order
from nbdeploy.batch.outputs import VARIABLE
from nbdeploy.batch.record import QUEUED, Run
from nbdeploy.batch.running import stop, submit
from nbdeploy.settings import Settings

__all__ = ["Followed", "following"]

_LOOK_SECONDS = 0.2


class Followed:
    """The runs of a sweep or a pipeline.

    Parameters
    ----------
    ledger : Ledger
        Where they are recorded.
    settings : Settings
        Where they live.
    of : str
        What they are parts of, as ``"ID/"``; each adds its part.
    kind : str
        The column: ``sweep`` or ``pipeline``.
    """

    def __init__(self, ledger: Ledger, settings: Settings, of: str, kind: str) -> None:
        self._ledger = ledger
        self._settings = settings
        self._of = of
        self._kind = kind
        self._took = 0.0

    @property
    def pause(self) -> float:
        """Seconds until it is worth to look again: longer, where there is more to look at."""
        return max(_LOOK_SECONDS, self._took * 10)

    def submit(self, order: Order) -> Run:
        """Queue one more."""
        return submit(order, settings=self._settings)

    def runs(self) -> Mapping[str, Run]:
        """The newest run of each part.

        If this process works in a run, that one only waits: so one of its parts may have its turn among the machine's
        runs. Otherwise they would wait for each other, where the machine takes no more.
        """
        begun = time.monotonic()
        if VARIABLE in os.environ:
            self._ledger.pass_turn(self._kind, self._of)
        found = self._ledger.parts(self._kind, self._of)
        self._took = time.monotonic() - begun
        return found

    def until_all_ended(self) -> Iterator[Mapping[str, Run]]:
        """The runs, again and again, until none is left that goes on."""
        while True:
            runs = self.runs()
            yield runs
            if all(run.final for run in runs.values()):
                return
            time.sleep(self.pause)

    def stop(self) -> None:
        """Stop what has not ended: first what would begin as soon as another one ends."""
        left = [run for run in self.runs().values() if not run.final]
        for run in sorted(left, key=lambda run: run.status != QUEUED):
            stop(self._settings, run.id)


@contextmanager
def following(ledger: Ledger, settings: Settings, of: str, kind: str, told: str) -> Iterator[Followed]:
    """Follow runs; whoever ends this process, or interrupts it, stops them.

    Parameters
    ----------
    ledger, settings, of, kind
        See :class:`Followed`.
    told : str
        What to say to whoever interrupts.
    """
    followed = Followed(ledger, settings, of, kind)
    with _terminated():
        try:
            yield followed
        except KeyboardInterrupt:
            followed.stop()
            raise KeyboardInterrupt(told) from None
        except BaseException:
            followed.stop()
            raise


@contextmanager
def _terminated() -> Iterator[None]:
    """Take SIGTERM for an interrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signals are told
    raise KeyboardInterrupt
