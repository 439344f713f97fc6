from __future__ import annotations

import io
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from nbdeploy.cards.wording import duration
from nbdeploy.types import Progress
from nbdeploy.widgets import notebook_progress, progress_for, terminal_progress
from nbdeploy.widgets.pace import Pace


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_log_gets_a_line_now_and_then() -> None:
    """Where no bar can be drawn, a line every few seconds tells how far it is."""
    clock, log = Clock(), io.StringIO()
    with terminal_progress(log, clock) as report:
        for second in range(13):
            clock.now = float(second)
            report(Progress(second * 100, 10_000, "rows", "predicting"))
    assert log.getvalue().splitlines() == [
        "predicting · 500 of 10,000 rows · 100 rows/s · 1 min 35 s left",
        "predicting · 1,000 of 10,000 rows · 100 rows/s · 1 min 30 s left",
    ]


def test_what_is_quick_shows_nothing() -> None:
    """No bar flickers for a moment's work."""
    clock, terminal = Clock(), Terminal()
    with terminal_progress(terminal, clock) as report:
        report(Progress(1, 2, "cells"))
        clock.now = 0.4
        report(Progress(2, 2, "cells"))
    assert terminal.getvalue() == ""


def test_a_step_that_lasts_is_shown_though_no_other_follows() -> None:
    """What begins at once and goes on for long is seen while it does, not when it has ended."""
    shown = threading.Event()
    clock, terminal = Clock(), Terminal()
    terminal.write = lambda text: shown.set() if "rehearsing · step 4 of 5" in text else None  # type: ignore[assignment, func-returns-value, return-value]
    with terminal_progress(terminal, clock) as report:
        report(Progress(2, 5, message="saving"))
        report(Progress(3, 5, message="rehearsing"))
        assert not shown.wait(0.2)
        clock.now = 1.0
        assert shown.wait(5)


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    """The bar shows how much, how fast and how long still, and leaves an empty line."""
    clock, terminal = Clock(), Terminal()
    with terminal_progress(terminal, clock) as report:
        report(Progress(0, 10, "cells", "running"))
        clock.now = 1.0
        report(Progress(5, 10, "cells", "running"))
    shown = terminal.getvalue()
    assert "running · 5 of 10 cells · 5 cells/s · 1 s left" in shown
    assert "█" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_the_bar_goes_away_after_an_error_too() -> None:
    """An error does not leave half a bar before its message."""
    clock, terminal = Clock(), Terminal()

    def fail() -> None:
        with terminal_progress(terminal, clock) as report:
            clock.now = 1.0
            report(Progress(5, 10, "cells"))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fail()
    assert terminal.getvalue().endswith("\r")


def test_an_unwatched_notebook_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Runs by papermill and nbconvert have nobody to move a widget for."""
    clock = Clock()
    with notebook_progress(watched=False, clock=clock) as report:
        report(Progress(0, 4, "cells"))
        clock.now = 6.0
        report(Progress(2, 4, "cells"))
    assert capsys.readouterr().out == "2 of 4 cells · 6 s left\n"


def test_without_widgets_a_notebook_gets_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken widget stack does not break the work."""
    monkeypatch.setitem(__import__("sys").modules, "ipywidgets", None)
    clock = Clock()
    with notebook_progress(clock=clock) as report:
        clock.now = 1.0
        report(Progress(2, 4, "cells"))
    assert capsys.readouterr().err == "2 of 4 cells\n"


def _shell(**content: Any) -> SimpleNamespace:
    return SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: {"content": content}))


@pytest.mark.parametrize(("shell", "watched"), [(_shell(allow_stdin=True), True), (_shell(), False)])
def test_the_view_fits_the_shell(shell: Any, watched: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frontend that could ask its user for input has a user to show a widget to."""
    seen: list[bool] = []
    monkeypatch.setattr("nbdeploy.widgets.progress.notebook_progress", lambda watched: seen.append(watched))
    progress_for(shell)
    assert seen == [watched]


def test_a_new_phase_has_a_speed_of_its_own() -> None:
    """The time left is that of the phase, not of everything so far."""
    pace = Pace(Progress(0, 10, "cells"), 0.0)
    assert pace.covers(Progress(3, 10, "cells"))
    assert not pace.covers(Progress(3, 500, "rows"))
    assert pace.describe(Progress(0, 10, "cells", "starting"), 0.0) == "starting · 0 of 10 cells"
    assert pace.describe(Progress(message="waiting"), 0.0) == "waiting"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59.5, "1 min"), (90, "1 min 30 s"), (3600, "1 h"), (5400, "1 h 30 min")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    """The largest two units."""
    assert duration(seconds) == words
