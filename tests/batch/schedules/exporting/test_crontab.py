"""A line for a crontab: read as cron reads it, run as cron runs it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

import nbdeploy as nd
from nbdeploy.batch import Text
from nbdeploy.errors import InvalidData
from tests.batch.schedules.exporting.making import HOSTILE, notebook, prediction, schedule, surroundings, written
from tests.batch.schedules.exporting.programs import as_cron
from tests.models import penguins

CLEAN = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
"""What cron lets a command see."""


def line_of(text: str) -> str:
    return text.splitlines()[-1]


def test_a_line_predicts_as_the_schedule_would(
    stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """In the schedule's folder, with its settings, under cron's bare environment; what it says goes into a log."""
    monkeypatch.setenv("TZ", "Europe/Madrid")
    today = datetime.now(UTC).astimezone(schedule(prediction(tmp_path), timezone="Europe/Madrid").zone).date()
    penguins()[0].head(3).to_csv(f"in {today}.csv", index=False)
    nd.schedule_add("weekly", predict=("lr", "in {{ ds }}.csv"), out="out-{{ month }}.csv", cron="0 6 * * 1")
    exported = nd.schedule_export("weekly", to="cron")
    line = line_of(exported.written.text)
    assert line.startswith("0 6 * * 1 ")
    source = {"PYTHONPATH": str(request.config.rootpath), "PYTHONSAFEPATH": ""}  # cron finds what is installed
    done = subprocess.run(as_cron(line), env={**CLEAN, **source}, cwd="/", capture_output=True, text=True, check=False)
    log = (stock / "weekly.log").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), log
    assert Path(f"out-{today:%Y-%m}.csv").read_text().count("\n") == 4
    assert "3 rows predicted" in log


def test_words_arrive_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those with percent signs, quotes and backquotes; the minute is that in which cron began."""
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    made = schedule(notebook(tmp_path, {"n": Text("7"), "note": HOSTILE}), timezone="Europe/Madrid", overlap="allow")
    text = written("cron", made).text
    assert "CRON_TZ=Europe/Madrid\n0 3 1 * * " in text
    assert "Debian's cron ignores it" in text
    subprocess.run(as_cron(line_of(text)), env=CLEAN, check=True)
    said = (tmp_path / "home" / "weekly.log").read_text()
    words = ["run", "--parameter", "month", "{{ previous_month }}", "--raw", "note", HOSTILE]
    assert said == " ".join(["-P -m nbdeploy", *words[:4], "--parameter n 7", *words[4:], "--", "retrain.ipynb\n"])


def test_a_run_that_goes_on_is_not_joined_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second line does nothing, and is no failure; a queue waits."""
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    home = tmp_path / "home"
    home.mkdir()
    lock = ["flock", str(home / "weekly.lock"), "cat"]
    for overlap, ran in (("skip", False), ("queue", True)):
        log = home / "weekly.log"
        log.unlink(missing_ok=True)
        line = line_of(written("cron", schedule(prediction(tmp_path), overlap=overlap)).text)
        with subprocess.Popen(lock, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            holder.stdin.write(b"held\n")
            holder.stdin.flush()
            holder.stdout.read(5)
            command = subprocess.Popen(as_cron(line), env=CLEAN)
            if not ran:
                assert command.wait(20) == 0
        assert command.wait(20) == 0
        assert log.read_text() == ("-P -m nbdeploy predict --out=scored/ -- churn@champion in/{{ ds }}.csv\n" * ran)


def test_a_limit_of_time_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prediction has no option for it, so that the system sees to it."""
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(slow))
    line = line_of(written("cron", schedule(prediction(tmp_path, timeout=0.2))).text)
    assert subprocess.run(as_cron(line), env=CLEAN, check=False, timeout=20).returncode == 124


def test_a_line_break_is_refused(tmp_path: Path) -> None:
    """A crontab has one line a command: the rest would be a line of its own."""
    with pytest.raises(InvalidData, match="line break"):
        written("cron", schedule(notebook(tmp_path, {"note": "a\n* * * * * rm -r /"})))


def test_no_secret_is_written(tmp_path: Path) -> None:
    """A store's password stays out, and the head says so."""
    at = surroundings(tmp_path, NBDEPLOY_STORE="s3://key:hunter2@minio/models")
    text = written("cron", schedule(prediction(tmp_path, at=at))).text
    assert "hunter2" not in text
    assert "NBDEPLOY_STORE holds a secret: it is named here, and its value is not" in text
