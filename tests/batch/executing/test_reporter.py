"""Progress of a run: what is told of time."""

from __future__ import annotations

import io
import json
from pathlib import Path

from nbdeploy.batch.executing.memory import Meter
from nbdeploy.batch.executing.reporter import Reporter
from nbdeploy.batch.executing.transcript import Transcript
from nbdeploy.batch.folder import Folder


class Clock:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def reporter(folder: Path, clock: Clock, expected: list[float]) -> tuple[Folder, Reporter]:
    folder.mkdir()
    files = Folder(folder)
    return files, Reporter(files, Transcript(io.StringIO()), Meter(), expected, clock)


def run(folder: Path, seconds: list[float], expected: list[float]) -> tuple[Folder, list[tuple[int, float, float]]]:
    """A run whose cells take these seconds; what it told: cell, seconds gone, seconds left."""
    clock = Clock()
    files, telling = reporter(folder, clock, expected)
    for position, took in enumerate(seconds):
        telling.cell(position, len(seconds), "x = 1")
        clock.now += took / 2
        telling.look()
        clock.now += took / 2
    telling.cell(len(seconds), len(seconds), "")
    told = [json.loads(line) for line in files.events.read_text().splitlines()]
    return files, [(step["done"], step["facts"]["seconds"], step["facts"]["left"]) for step in told]


def test_what_is_left_comes_from_the_last_run_cell_by_cell(tmp_path: Path) -> None:
    """A cell that takes longer than it did adds nothing; without a like run nothing is said."""
    first, told = run(tmp_path / "1", [10, 20, 4], [])
    assert {left for *_, left in told} == {None}
    assert first.durations() == [10, 20, 4]
    _, told = run(tmp_path / "2", [10, 60, 4], first.durations())
    assert told == [(0, 0, 34), (0, 5, 29), (1, 10, 24), (1, 40, 4), (2, 70, 4), (2, 72, 2), (3, 74, 0)]
    _, told = run(tmp_path / "3", [1, 1], first.durations())
    assert {left for *_, left in told} == {None}


def test_a_long_run_tells_little(tmp_path: Path) -> None:
    """Some hundred lines for a day; progress is the newest of the last attempt."""
    clock = Clock()
    files, telling = reporter(tmp_path / "1", clock, [])
    telling.cell(0, 2, "train()")
    for _ in range(2 * 86_400):
        clock.now += 0.5
        telling.look()
    assert 400 < len(files.events.read_text().splitlines()) < 700
    telling.cell(1, 2, "report()")
    telling.attempt = 2
    telling.cell(0, 2, "train()")
    progress = files.progress()
    assert progress is not None
    assert (progress.done, progress.message) == (0, "train()")
    assert progress.facts is not None
    assert progress.facts["seconds"] == 86_400
    assert files.durations() == []
