"""The dispatcher, turn by turn, and killed where it does most harm; the runs are real processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from nbdeploy import batch
from nbdeploy.batch.folder import Folder
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.processes import Worker, start_child
from nbdeploy.batch.queue.dispatcher import Dispatcher
from nbdeploy.batch.rows import SILENCE
from nbdeploy.database import RunRow
from nbdeploy.settings import Settings
from tests.batch.queue.making import queued
from tests.batch.waiting import until


class Killed(BaseException):
    """What a process does not survive."""


@pytest.fixture
def ended() -> Worker:
    """A process of this machine that has ended."""
    process = subprocess.Popen(["true"])
    worker = Worker.of(process.pid)
    process.wait()
    return worker


@pytest.fixture
def sleeping(ledger: Ledger) -> Iterator[Any]:
    """Starts runs that sleep, and that nobody else ends."""
    begun: list[subprocess.Popen[bytes]] = []

    def start(_: Folder) -> subprocess.Popen[bytes]:
        begun.append(subprocess.Popen(["sleep", "600"], start_new_session=True))
        return begun[-1]

    yield start
    for each in begun:
        each.kill()
        each.wait()


def statuses(ledger: Ledger) -> list[str]:
    """The statuses of all runs, the first one first."""
    return [run.status for run in reversed(ledger.all(100))]


def write(ledger: Ledger, run_id: str, **values: Any) -> None:
    with ledger.database.writing() as session:
        session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))


def test_runs_start_in_order_and_the_next_when_one_has_ended(ledger: Ledger, settings: Settings, sleeping: Any) -> None:
    """Two at once; what waits says so, with its place."""
    runs = [queued(ledger, settings) for _ in range(4)]
    dispatcher = Dispatcher(ledger, settings.home, sleeping)
    assert dispatcher.turn()
    assert statuses(ledger) == ["running", "running", "queued", "queued"]
    last = ledger.get(runs[3].id)
    assert last.line == f"run {last.id} queued, 2nd in line: waits for its turn: 2 runs at once on this machine"
    assert (last.document()["position"], last.document()["waits"]) == (2, "its turn: 2 runs at once on this machine")
    assert batch.RunList(ledger.all(10)).line == "4 runs, 2 running, 2 queued"  # a look would start another dispatcher
    ledger.finish(runs[1].id, "succeeded")
    dispatcher.turn()
    assert statuses(ledger) == ["running", "succeeded", "running", "queued"]


def test_a_process_that_is_killed_is_missed_at_once_and_how_is_said(
    ledger: Ledger, settings: Settings, sleeping: Any
) -> None:
    """Its own dispatcher knows by which signal; another one only that it is gone."""
    runs = [queued(ledger, settings) for _ in range(2)]
    first = Dispatcher(ledger, settings.home, sleeping)
    first.turn()
    other = Dispatcher(ledger, settings.home, sleeping)
    other.turn()
    psutil_kill(ledger, runs[0].id)
    other.turn()
    assert (ledger.get(runs[0].id).status, ledger.get(runs[0].id).error) == ("lost", None)
    until(lambda: first.turn() is None or ledger.get(runs[0].id).error)
    assert "was killed by signal 9" in ledger.get(runs[0].id).explanation()
    assert ledger.get(runs[1].id).status == "running"


def psutil_kill(ledger: Ledger, run_id: str) -> None:
    import psutil

    psutil.Process(ledger.worker(run_id).pid).kill()
    until(lambda: ledger.worker(run_id).gone)


def test_a_run_whose_dispatcher_died_before_its_process_was_there_is_started(
    ledger: Ledger, settings: Settings, sleeping: Any, ended: Worker
) -> None:
    """The claim of a dispatcher that is gone counts for nothing; that of one that lives does."""
    run = queued(ledger, settings)

    def die(_: Folder) -> subprocess.Popen[bytes]:
        raise Killed

    with pytest.raises(Killed):
        Dispatcher(ledger, settings.home, die).turn()
    alive = Worker.of(os.getppid())
    write(ledger, run.id, pid=alive.pid, pid_started=alive.started)
    assert Dispatcher(ledger, settings.home, sleeping).turn()
    assert statuses(ledger) == ["queued"]
    write(ledger, run.id, pid=ended.pid, pid_started=ended.started)
    Dispatcher(ledger, settings.home, sleeping).turn()
    assert statuses(ledger) == ["running"]


def test_a_start_that_the_database_did_not_take_is_tried_again(
    ledger: Ledger, settings: Settings, sleeping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same dispatcher, whose claim stands."""
    queued(ledger, settings)
    dispatcher = Dispatcher(ledger, settings.home, sleeping)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "start", lambda *_: (_ for _ in ()).throw(OperationalError("", None, Exception("down"))))
        with pytest.raises(OperationalError):
            dispatcher.turn()
    dispatcher.turn()
    assert statuses(ledger) == ["running"]


def test_a_run_whose_dispatcher_died_before_it_was_recorded_runs_once(
    ledger: Ledger, settings: Settings, ended: Worker
) -> None:
    """The next dispatcher starts a second process; the database lets one of the two begin."""
    run = queued(ledger, settings, "echo ran >> ran")
    processes: list[subprocess.Popen[bytes]] = []

    def start(folder: Folder) -> subprocess.Popen[bytes]:
        processes.append(start_child(folder))
        return processes[-1]

    def die_after(folder: Folder) -> subprocess.Popen[bytes]:
        start(folder)
        raise Killed

    with pytest.raises(Killed):
        Dispatcher(ledger, settings.home, die_after).turn()
    write(ledger, run.id, pid=ended.pid, pid_started=ended.started)
    second = Dispatcher(ledger, settings.home, start)
    until(lambda: not second.turn())
    assert sorted(each.wait(60) for each in processes) == [0, 1]
    assert Path("ran").read_text() == "ran\n"
    assert statuses(ledger) == ["succeeded"]


def test_a_machine_that_crashed_is_noticed_by_itself(ledger: Ledger, settings: Settings, sleeping: Any) -> None:
    """After its next boot other processes may have the same numbers; the run is lost, and what followed it fails."""
    run = queued(ledger, settings)
    follower = queued(ledger, settings, after=(run.id,))
    Dispatcher(ledger, settings.home, sleeping).turn()
    assert "waits for run " + run.id in ledger.get(follower.id).line
    write(ledger, run.id, boot="the boot before")
    assert ledger.find_lost() == [run.id]
    Dispatcher(ledger, settings.home, sleeping).turn()
    assert statuses(ledger) == ["lost", "failed"]
    assert ledger.get(follower.id).error == batch.Failure(
        "DependencyFailed", f"run {run.id}, which had to succeed before, was lost"
    )
    assert not (follower.folder / "launch.json").exists()


def test_a_machine_that_is_silent_has_lost_its_runs(ledger: Ledger, settings: Settings, sleeping: Any) -> None:
    """As the clock of the database says, whatever that of the machine shows; should it speak again, it is believed."""
    run = queued(ledger, settings)
    Dispatcher(ledger, settings.home, sleeping).turn()
    write(ledger, run.id, host="elsewhere", beat=datetime.now(UTC) - SILENCE + timedelta(seconds=30))
    assert ledger.find_lost() == []
    ledger.beat(run.id)
    write(ledger, run.id, beat=datetime.now(UTC) - SILENCE - timedelta(seconds=30))
    assert [each.status for each in batch.runs(settings)] == ["lost"]
    ledger.finish(run.id, "succeeded")
    assert statuses(ledger) == ["succeeded"]


def test_the_runs_of_another_home_are_left_to_its_own_dispatcher(
    ledger: Ledger, settings: Settings, sleeping: Any, tmp_path: Path
) -> None:
    """They may be somebody else's; they count for the machine."""
    other = Settings.load(tmp_path, {"NBDEPLOY_HOME": str(tmp_path / "other"), "NBDEPLOY_RUNS_AT_ONCE": "2"})
    runs = [queued(ledger, each) for each in (other, settings, settings)]
    Dispatcher(ledger, other.home, sleeping).turn()
    assert statuses(ledger) == ["running", "queued", "queued"]
    Dispatcher(ledger, settings.home, sleeping).turn()
    assert statuses(ledger) == ["running", "running", "queued"]
    assert ledger.get(runs[2].id).position == 1


def test_a_home_may_be_spelled_in_several_ways(
    ledger: Ledger, settings: Settings, sleeping: Any, tmp_path: Path
) -> None:
    """A link leads to the same queue."""
    settings.home.mkdir(exist_ok=True)
    (tmp_path / "link").symlink_to(settings.home)
    queued(ledger, Settings.load(tmp_path, {"NBDEPLOY_HOME": str(tmp_path / "link")}))
    Dispatcher(ledger, settings.home, sleeping).turn()
    assert statuses(ledger) == ["running"]


def test_a_run_whose_folder_is_gone_fails_and_says_so(ledger: Ledger, settings: Settings) -> None:
    """The next one starts."""
    run = queued(ledger, settings)
    (run.folder / "launch.json").unlink()
    Dispatcher(ledger, settings.home).turn()
    assert "no process could be started" in ledger.get(run.id).line
