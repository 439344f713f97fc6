"""Progress as a terminal or a notebook shows it: a bar where one can be drawn, else a line now and then."""

from __future__ import annotations

import contextvars
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any, Protocol, TextIO

from nbdeploy.types import Progress, Report
from nbdeploy.widgets.pace import Pace

__all__ = ["Reporter", "View", "is_watched", "notebook_progress", "progress_for", "terminal_progress"]

DELAY = 0.5
"""Seconds before anything is shown: what is done sooner needs no bar."""
REFRESH = 0.1
LINE_INTERVAL = 5.0
_BAR = 20

_log = logging.getLogger(__name__)
Clock = Callable[[], float]


class View(Protocol):
    """Something that shows a step."""

    def show(self, step: Progress, text: str) -> None:
        """Show this step, described by `text`."""

    def close(self) -> None:
        """Leave nothing behind."""


class Reporter:
    """A :data:`~nbdeploy.types.Report` that shows some of the steps it is told.

    A step that lasts is shown though no other follows it: a thread looks after it until :meth:`close`.

    Parameters
    ----------
    open_view : callable
        Makes the view when there is something to show.
    delay : float
        Seconds before the first step is shown.
    interval : float
        Seconds between two steps shown.
    clock : callable, optional
        A monotonic clock.
    """

    def __init__(
        self, open_view: Callable[[], View], delay: float, interval: float, clock: Clock = time.monotonic
    ) -> None:
        self._open_view = open_view
        self._interval = interval
        self._clock = clock
        self._due = clock() + delay
        self._pace: Pace | None = None
        self._view: View | None = None
        self._unseen: Progress | None = None
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def __call__(self, step: Progress) -> None:
        """Take note of a step, and show it if it is time."""
        with self._lock:
            if self._pace is None or not self._pace.covers(step):
                self._pace = Pace(step, self._clock())
            ended = self._view is None and step.total is not None and step.done >= step.total
            self._unseen = None if ended else step
            self._show()
        if self._unseen is not None and self._watcher is None:
            # What it shows belongs below the cell that runs now.
            self._watcher = threading.Thread(target=contextvars.copy_context().run, args=(self._watch,), daemon=True)
            self._watcher.start()

    def _watch(self) -> None:
        while not self._closed.wait(REFRESH):
            with self._lock:
                if not self._closed.is_set():
                    self._show()

    def _show(self) -> None:
        now, step = self._clock(), self._unseen
        if step is None or self._pace is None or now < self._due:
            return
        self._due, self._unseen = now + self._interval, None
        if self._view is None:
            self._view = self._open_view()
        self._view.show(step, self._pace.describe(step, now))

    def close(self) -> None:
        """Take the view away."""
        self._closed.set()
        with self._lock:
            if self._view is not None:
                self._view.close()


class _Lines:
    """Plain lines, for logs and for notebooks that nobody watches."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, step: Progress, text: str) -> None:  # noqa: ARG002 - lines show text only
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def close(self) -> None:
        """Lines stay."""


class _TerminalBar:
    """A bar drawn with tqdm, gone when closed."""

    def __init__(self, stream: TextIO) -> None:
        from tqdm import tqdm

        # A terminal that does not know its width says 0, and tqdm would then draw nothing.
        self._width = get_terminal_size((100, 24)).columns
        self._bar = tqdm(total=1, file=stream, leave=False, bar_format="{desc}", ncols=self._width, mininterval=0)

    def show(self, step: Progress, text: str) -> None:
        self._bar.total = 1
        self._bar.n = step.share or 0
        room = min(_BAR, self._width - len(text) - 2)  # the text says more than the bar
        self._bar.bar_format = f"{{bar:{room}}} {{desc}}" if room > 0 else "{desc}"
        self._bar.set_description_str(text, refresh=True)

    def close(self) -> None:
        self._bar.close()


class _WidgetBar:
    """A bar and a text made of ipywidgets, taken out of the output when closed."""

    def __init__(self) -> None:
        from IPython.display import display
        from ipywidgets import HBox, IntProgress, Label

        self._bar = IntProgress(min=0, max=1000, layout={"width": "16em"})
        self._text = Label()
        self._box = HBox([self._bar, self._text])
        self._handle: Any = display(self._box, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, step: Progress, text: str) -> None:
        self._bar.value = round(1000 * (step.share or 0))
        self._text.value = text

    def close(self) -> None:
        self._handle.update({"text/plain": ""}, raw=True)
        self._box.close()
        self._text.close()
        self._bar.close()


@contextmanager
def terminal_progress(stream: TextIO | None = None, clock: Clock = time.monotonic) -> Iterator[Report]:
    """Show progress on standard error: a bar on a terminal, else a line every few seconds.

    Examples
    --------
    >>> with terminal_progress() as report:
    ...     report(Progress(1, 2, "cells", "running"))
    """
    stream = stream or sys.stderr
    if stream.isatty():
        reporter = Reporter(lambda: _TerminalBar(stream), DELAY, REFRESH, clock)
    else:
        reporter = Reporter(lambda: _Lines(stream), LINE_INTERVAL, LINE_INTERVAL, clock)
    try:
        yield reporter
    finally:
        reporter.close()


@contextmanager
def notebook_progress(watched: bool = True, clock: Clock = time.monotonic) -> Iterator[Report]:
    """Show progress below the running cell: a widget if someone watches, else a line every few seconds.

    Parameters
    ----------
    watched : bool
        Whether a frontend with a person is connected. Runs by papermill or nbconvert have none.
    clock : callable, optional
        A monotonic clock.
    """
    if watched:
        reporter = Reporter(_widget_or_lines, DELAY, REFRESH, clock)
    else:
        # What is on standard error looks like a fault in a notebook that was executed.
        reporter = Reporter(lambda: _Lines(sys.stdout), LINE_INTERVAL, LINE_INTERVAL, clock)
    try:
        yield reporter
    finally:
        reporter.close()


def _widget_or_lines() -> View:
    try:
        return _WidgetBar()
    except Exception:  # a broken widget stack must not break the work that it would show
        _log.debug("no widgets", exc_info=True)
        return _Lines(sys.stderr)


def progress_for(shell: Any) -> Any:
    """The progress view that fits an IPython shell: a context manager that gives a Report.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The running shell. One with a kernel is a notebook or a console.
    """
    if getattr(shell, "kernel", None) is None:
        return terminal_progress()
    return notebook_progress(watched=is_watched(shell))


def is_watched(shell: Any) -> bool:
    """Whether a person sees what the running cell shows.

    A kernel is told with every cell whether its frontend could ask for input: nbclient, and with it papermill and
    nbconvert, never can.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True
    content = (kernel.get_parent() or {}).get("content", {})
    return bool(content.get("allow_stdin", False))
