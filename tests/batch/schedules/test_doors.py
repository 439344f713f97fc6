"""Schedules as users meet them: in a notebook, in a shell, in Python."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import nbdeploy as nd
from nbdeploy.batch.ledger import Ledger
from nbdeploy.batch.schedules.book import Book
from nbdeploy.commands.shell import run
from nbdeploy.errors import Conflict, NotFound, WrongUsage
from nbdeploy.settings import Settings
from tests.models import penguins


@pytest.fixture
def magic(shell: InteractiveShell) -> Iterator[InteractiveShell]:
    """A notebook with the extension loaded."""
    nd.load_ipython_extension(shell)
    yield shell
    nd.unload_ipython_extension(shell)


@pytest.fixture(autouse=True)
def madrid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Madrid")


@pytest.fixture
def retrain(notebook: Any) -> Path:
    """A notebook to schedule."""
    path: Path = notebook(Path("retrain.ipynb"), "print(month)", parameters="month: str\nn: int = 3")
    return path


def deploy(shell: InteractiveShell, line: str) -> Any:
    result = shell.run_cell(f"%deploy {line}")
    result.raise_error()
    return result.result


def test_weekly_scoring_as_in_the_story(magic: InteractiveShell, stock: Path) -> None:
    """The next three times in words, in this machine's zone, and what is still to do."""
    deploy(magic, "alias lr:1 champion")
    added = deploy(magic, 'schedule add weekly --predict lr@champion inbox/ --out scored/ --cron "0 6 * * 1"')
    first, *_ = added.times
    assert (first.weekday(), first.hour, str(first.tzinfo)) == (0, 6, "Europe/Madrid")
    assert added.line.startswith(f"next: Mon {first.day} {first:%b} 06:00, ")
    assert added.line.endswith("(Europe/Madrid); no scheduler is running: %deploy scheduler install")
    assert "predict lr@champion inbox/ --out scored/" in added._repr_html_()
    assert len(added.document()["next"]) == 10
    assert added.notices == [f"{Path.cwd()}/inbox is not there yet"]
    Path("inbox").mkdir()
    assert not added.notices


def test_monthly_retraining_as_in_the_story(magic: InteractiveShell, retrain: Path, home: Path) -> None:
    """Words stay as they are until the time comes; then the notebook gets the month before it, by its own types."""
    deploy(magic, 'schedule add retrain retrain.ipynb --cron "0 3 1 * *" -p month {{ previous_month }} -p n 7')
    with Ledger(Settings.load().db) as ledger:
        schedule = Book(ledger.database).get("retrain")
    prepared = schedule.job.prepare(datetime(2026, 10, 1, 3, tzinfo=schedule.zone), Settings.load(), "retrain")
    asked = json.loads((prepared.folder.path / "request.json").read_text())
    assert asked["parameters"] == {"month": "2026-09", "n": 7}
    assert (asked["notebook"], prepared.run.schedule) == (str(retrain.absolute()), "retrain")
    assert prepared.environment["NBDEPLOY_DUE"] == "2026-10-01T03:00:00+02:00[Europe/Madrid]"


def test_a_live_object_is_kept_with_its_type(magic: InteractiveShell, retrain: Path) -> None:
    """A record of JSON keeps dates, numbers and texts that are still to be read."""
    magic.user_ns["size"] = 5
    added = deploy(magic, 'schedule add a retrain.ipynb --cron "0 3 1 * *" -p month {{ds}} -p n $size')
    assert added.schedule.job.order.values == {"month": "{{ds}}", "n": 5}
    nd.schedule_add("b", retrain, {"month": date(2026, 9, 1), "n": 7}, cron="0 3 1 * *")
    with Ledger(Settings.load().db) as ledger:
        schedule = Book(ledger.database).get("b")
    prepared = schedule.job.prepare(datetime(2026, 10, 1, 3, tzinfo=schedule.zone), Settings.load(), "b")
    assert prepared.run.parameters == {"month": "2026-09-01", "n": 7}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cron": "0 3 30 2 *"}, WrongUsage, "never fires"),
        ({"timezone": "Madrid"}, NotFound, "did you mean Europe/Madrid"),
        ({"parameters": {}}, WrongUsage, "needs a value for month"),
        ({"parameters": {"mnth": "x"}}, WrongUsage, "did you mean month"),
        ({"parameters": {"month": "{{ prevous_month }}"}}, WrongUsage, "did you mean previous_month"),
        ({"notebook": "none.ipynb"}, NotFound, "no notebook"),
        ({"notebook": None}, WrongUsage, "nothing to run"),
        ({"predict": ("lr", "in/"), "out": "o/"}, WrongUsage, "not both"),
        ({"notebook": None, "parameters": None, "predict": ("no", "in/"), "out": "o/"}, NotFound, "no snapshot 'no'"),
        ({"notebook": None, "parameters": None, "predict": ("lr", "in/")}, WrongUsage, "--out OUTPUT"),
        ({"kernel": "cobol"}, NotFound, "no kernel"),
        ({"end": "2020-01-01"}, WrongUsage, "never fires between start and end"),
        ({"start": "soon"}, WrongUsage, "is no date or time"),
        ({"missed": "some"}, WrongUsage, "there are: last, skip, all"),
        ({"bound": 0}, WrongUsage, "give 1 or more"),
        ({"name": "Week 1"}, Exception, "is not allowed"),
    ],
)
def test_what_could_not_run_is_refused_when_it_is_added(
    retrain: Path, home: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Nothing is recorded."""
    given = {"name": "a", "notebook": retrain, "parameters": {"month": "x"}, "cron": "0 3 1 * *"} | options
    with pytest.raises(error, match=message):
        nd.schedule_add(given.pop("name"), given.pop("notebook"), given.pop("parameters"), **given)
    assert len(nd.schedule_list()) == 0


def test_the_life_of_a_schedule_in_a_shell(retrain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says what it did, in words and as JSON."""
    month = ["-p", "month", "{{ previous_month }}"]
    add = ["schedule", "add", "a", "retrain.ipynb", "--cron", "@daily", *month, "--jitter", "10m", "--missed", "all"]

    def told(*words: str) -> Any:
        status = run([*words, "--json"])
        answer = json.loads(capsys.readouterr().out)
        return answer if status == 0 else status

    first = told(*add, "--start", "2099-01-01")
    assert first["next"][0] == "2099-01-01T00:00:00+01:00"
    assert (first["missed"], first["jitter"], first["advice"]) == (
        "all",
        600.0,
        "no scheduler is running: nbdeploy scheduler install",
    )
    assert told(*add) == 1  # the name is taken
    assert told(*add, "--replace")["next"][0] < "2099"
    assert told("schedule", "pause", "a")["next"] == []
    assert [each["paused"] for each in told("schedule", "list")] == [True]
    assert told("schedule", "resume", "a")["next"]
    assert told("schedule", "rm", "a")["name"] == "a"
    assert told("schedule", "list") == []
    assert told("schedule", "rm", "a") == 1


def test_a_prediction_is_run_by_a_scheduler_in_the_background(stock: Path) -> None:
    """From the schedule to the file, with real processes: the run is one of the runs, and says how many rows."""
    X = penguins()[0].dropna()
    Path("inbox").mkdir()
    X.to_csv("inbox/a.csv", index=False)
    added = nd.schedule_add("weekly", predict=("lr", "inbox/"), out="scored-{{ ds }}/", cron="0 6 * * 1")
    began = nd.scheduler()
    try:
        assert nd.scheduler().document() == {**began.document(), "state": "runs already"}
        assert nd.schedule_list().advice == ""
        with Ledger(Settings.load().db) as ledger:
            due = Book(ledger.database).trigger(added.schedule, datetime.now(UTC))
            until = time.monotonic() + 90
            while not [each for each in ledger.all(9) if each.final] and time.monotonic() < until:
                time.sleep(0.2)
            [found] = ledger.all(9)
        day = f"{due.due.astimezone(added.schedule.zone):%Y-%m-%d}"
        assert (found.status, found.error) == ("succeeded", None), found.error
        assert len(Path(f"scored-{day}/a.csv").read_text().splitlines()) == len(X) + 1
        assert found.command == f"predict lr inbox/ --out scored-{day}/"
        assert (found.schedule, found.output) == ("weekly", Path.cwd() / f"scored-{day}")
        assert f"run {found.id} succeeded" in str(nd.schedule_list())
    finally:
        assert nd.stop_scheduler().state == "has ended"
    assert nd.stop_scheduler().line == "no scheduler ran; next: nbdeploy scheduler"


def test_a_trigger_runs_at_once_without_a_scheduler(retrain: Path, stock: Path) -> None:
    """What cannot start says why, to who asked and in the list; a run in progress is waited for."""
    nd.schedule_add("weekly", predict=("lr", "inbox/"), out="scored/", cron="0 6 * * 1")
    begun = nd.schedule_trigger("weekly")
    assert begun.run is not None
    again = nd.schedule_trigger("weekly")
    assert again.line.startswith(f"schedule weekly is triggered: it begins when run {begun.run.id} has ended; no sched")
    nd.schedule_add("retrain", retrain, {"month": "{{ ds }}"}, cron="0 3 1 * *")
    retrain.unlink()
    with pytest.raises(NotFound, match="no notebook"):
        nd.schedule_trigger("retrain")
    assert "failed: no notebook" in str(nd.schedule_list())
    with Ledger(Settings.load().db) as ledger:
        until = time.monotonic() + 60
        while not ledger.get(begun.run.id).final and time.monotonic() < until:
            time.sleep(0.1)


def test_a_scheduler_inside_a_server_is_not_stopped_from_outside(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said whose it is, and that it ends with that."""
    from nbdeploy.batch.schedules.scheduler import LEASE, Lease

    monkeypatch.setenv("NBDEPLOY_DB", ledger.url)
    lease = Lease(ledger.database, LEASE, place="the Jupyter server")
    assert lease.hold()
    with pytest.raises(Conflict, match="a part of the Jupyter server"):
        nd.stop_scheduler()


def test_words_in_a_prediction_of_a_shell(stock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that another program names, in this machine's zone; other braces are refused."""
    monkeypatch.setenv("NBDEPLOY_DUE", "2026-10-31T23:30:00Z")
    penguins()[0].head(3).to_csv("sales-2026-10.csv", index=False)
    assert run(["predict", "lr", "sales-{{ previous_month }}.csv", "--out", "scored/{{ ds }}.csv"]) == 0
    assert Path("scored/2026-11-01.csv").is_file()
    assert run(["predict", "lr", "sales-{{ secret }}.csv", "--out", "scored/"]) == 2
