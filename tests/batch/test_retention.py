"""Which runs are removed, and which never are."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nbdeploy as nd
from nbdeploy.batch import Run
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.record import FINAL
from nbdeploy.batch.retention import LONGER, Keep, Past, expired, tidy
from nbdeploy.commands import shell
from nbdeploy.errors import WrongUsage
from nbdeploy.settings import Settings

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STATUSES = st.sampled_from(["queued", "running", "succeeded", "failed", "stopped", "lost"])


@st.composite
def histories(draw: st.DrawFn) -> list[Past]:
    ids = [f"r{number}" for number in range(draw(st.integers(0, 12)))]
    return [
        Past(
            run,
            draw(STATUSES),
            NOW - timedelta(days=draw(st.integers(0, 200))),
            schedule=draw(st.sampled_from(["", "", "weekly"])),
            after=draw(st.lists(st.sampled_from(ids), max_size=2)),
            group=draw(st.sampled_from(["", "", "sweeps/s1"])),
        )
        for run in ids
    ]


@given(
    histories(), st.one_of(st.builds(Keep, runs=st.integers(0, 5)), st.builds(Keep, age=st.just(timedelta(days=30))))
)
def test_what_is_needed_stays(runs: list[Past], keep: Keep) -> None:
    """Never removed is what goes on, what that waits for or belongs to, and the last of a schedule."""
    gone = {run.id for run in expired(runs, keep, NOW)}
    open_ = [run for run in runs if run.status not in FINAL]
    assert gone.isdisjoint({run.id for run in open_} | {run for each in open_ for run in each.after})
    if any(run.group for run in open_):
        assert gone.isdisjoint({run.id for run in runs if run.group})
    for same in (
        [run for run in runs if run.schedule],
        [run for run in runs if run.schedule and run.status == "succeeded"],
    ):
        assert not same or max(same, key=lambda run: (run.ended, run.id)).id not in gone


@given(histories(), st.integers(0, 5))
def test_no_more_is_removed_than_was_asked_for(runs: list[Past], count: int) -> None:
    """So many of those that succeeded stay, and three times as many of the others; of a time likewise."""
    gone = {run.id for run in expired(runs, Keep(runs=count), NOW)}
    good = [run for run in runs if run.status == "succeeded"]
    bad = [run for run in runs if run.status in FINAL and run.status != "succeeded"]
    for same, number in ((good, count), (bad, LONGER * count)):
        assert len([run for run in same if run.id not in gone]) >= min(number, len(same))
    old = expired(runs, Keep(age=timedelta(days=30)), NOW)
    assert all(NOW - run.ended > timedelta(days=30 if run.status == "succeeded" else 90) for run in old)


@pytest.mark.parametrize("text", ["", "d", "30 days", "-1", "1.5d"])
def test_no_rule(text: str) -> None:
    """What says neither a number nor a time is refused."""
    with pytest.raises(WrongUsage, match="write a number, as 100, or a time, as 30d"):
        Keep.parse(text)


def ended(settings: Settings, statuses: list[str]) -> list[Run]:
    """Runs that have ended, from old to new."""
    found = []
    with Ledger(settings.db) as ledger:
        for number, status in enumerate(statuses):
            folder = Folder.new(settings.home / "runs", NOW + timedelta(minutes=number))
            (folder.path / "log.txt").touch()
            run = Run(folder.path.name, Path("a.ipynb"), folder.path / "a.ipynb", folder.path, "queued", created=NOW)
            part = f"s1/{number}" if number < 2 else ""
            ledger.add(replace(run, sweep=part))
            ledger.finish(run.id, status)
            found.append(run)
    return found


def test_prune(capsys: pytest.CaptureFixture[str]) -> None:
    """Folders and records go together, and so does what is kept of a sweep that has no runs any more."""
    settings = Settings.load()
    runs = ended(settings, ["succeeded", "succeeded", "failed", "succeeded"])
    (settings.home / "sweeps" / "s1").mkdir(parents=True)
    assert shell.run(["runs", "--prune", "--keep", "1"]) == 0
    assert "2 runs were removed with what they had in their folders; 2 kept" in capsys.readouterr().out
    assert [run.id for run in nd.runs()] == [runs[3].id, runs[2].id]
    assert [run.folder.exists() for run in runs] == [False, False, True, True]
    assert not (settings.home / "sweeps" / "s1").exists()
    assert shell.run(["runs", "--prune"]) == 2
    assert shell.run(["runs", "--keep", "1"]) == 2
    with pytest.raises(WrongUsage, match="Say --keep 100, --keep 30d, or set keep_runs"):
        nd.prune_runs()


def test_the_setting(tmp_path: Path) -> None:
    """What the setting does not keep is removed when something is run, but not each time; without it nothing is."""
    settings = Settings.load(tmp_path, {"NBDEPLOY_HOME": str(tmp_path / "home"), "NBDEPLOY_KEEP_RUNS": "1"})
    runs = ended(settings, ["succeeded", "succeeded"])
    tidy(replace(settings, keep_runs=""))
    assert runs[0].folder.exists()
    tidy(settings)
    assert [run.folder.exists() for run in runs] == [False, True]
    more = ended(settings, ["succeeded"])
    tidy(settings)
    assert runs[1].folder.exists()
    os.utime(settings.home / "runs" / ".pruned", (0, 0))
    tidy(settings)
    assert [run.folder.exists() for run in (runs[1], more[0])] == [False, True]
