"""DAGs in the real Airflow, which lives in an environment of its own: its pins conflict with ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbdeploy.batch import Text
from nbdeploy.batch.parameters.words import WORDS, render
from nbdeploy.batch.schedules.exporting.airflow import EXPRESSIONS
from nbdeploy.batch.schedules.schedule import Schedule
from tests.batch.schedules.exporting.making import HOSTILE, START, notebook, prediction, schedule, surroundings, written

TIMES = 40
LINES = [
    ("0 3 1 * *", "Europe/Madrid"),
    ("30 23 * * *", "America/New_York"),
    ("15 0 28-31 * *", "Australia/Lord_Howe"),
    ("45 5 * * 1,5", "Asia/Kathmandu"),
    ("0 */7 * * *", "UTC"),
    ("59 23 31 12 *", "Pacific/Kiritimati"),
    ("0 6 29 2 *", "Europe/Madrid"),
]
"""Midnights, ends of months and years, leap days, and zones far from UTC."""


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with Airflow and its papermill provider."""
    folder = tmp_path_factory.mktemp("airflow") / "environment"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    core = ["apache-airflow-core>=3.1", "apache-airflow-providers-standard", "papermill", "ipykernel"]
    subprocess.run([*install, *core], check=True)
    # The provider wants papermill with every cloud's file system, which would be most of the environment.
    subprocess.run([*install, "--no-deps", "apache-airflow-providers-papermill>=3.11"], check=True)
    return python


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the schedules' notebooks are."""
    return tmp_path_factory.mktemp("work {place}")


@pytest.fixture(scope="module")
def schedules(place: Path) -> dict[str, Schedule]:
    """Schedules that use what Airflow can do, by name."""
    every = {word: f"<{{{{ {word} }}}}>" for word in WORDS}
    made = {
        f"words-{number}": schedule(prediction(place, json.dumps(every)), cron, zone)
        for number, (cron, zone) in enumerate(LINES)
    }
    given = {"n": Text("7"), "limit": 0.25, "names": ["{{ ds }}", "b"], "late": True, "note": HOSTILE}
    options = {"timeout": 90.0, "output": "done {{ ds }}.ipynb"}
    made["do-notebook"] = schedule(notebook(place, given, **options), missed="all", ends=START + timedelta(days=90))
    made["default"] = schedule(notebook(place, {}), overlap="allow", paused=True)
    made["typed"] = schedule(notebook(place, {"n": Text("{{ year }}")}))
    at = surroundings(place, NBDEPLOY_STORE="s3://team/models", NBDEPLOY_TARGET="prod")
    made["do-predict"] = schedule(prediction(place, HOSTILE, "--keep=all", at=at, timeout=5.0), timezone="Asia/Tokyo")
    return made


@pytest.fixture(scope="module")
def found(airflow: Path, schedules: dict[str, Schedule], place: Path) -> Any:
    """What Airflow made of all of them."""
    dags = place / "dags"
    dags.mkdir()
    for name, made in schedules.items():
        definition = written("airflow", Schedule(**{**vars(made), "name": name}))
        (dags / f"{name}.py").write_text(definition.text)
    fake = place / "bin" / "nbdeploy"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nfor word; do printf \'%s|\' "$word"; done\necho "$TZ $NBDEPLOY_TARGET $PWD"\n')
    fake.chmod(0o755)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "NBDEPLOY"))},
        "AIRFLOW_HOME": str(place / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PATH": f"{fake.parent}{os.pathsep}{airflow.parent}{os.pathsep}{os.environ['PATH']}",
    }
    script = Path(__file__).with_name("in_airflow.py")
    command = [str(airflow), str(script), str(dags), str(TIMES)]
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((dags / "found.json").read_text())


def test_airflow_imports_every_dag(found: Any, schedules: dict[str, Schedule]) -> None:
    """Without an error, and with the names of the schedules."""
    assert found["errors"] == {}
    assert set(found["dags"]) == set(schedules)


def test_airflow_runs_at_the_schedule_s_times(found: Any, schedules: dict[str, Schedule]) -> None:
    """By its own timetable, through two changes of clocks."""
    for name, made in schedules.items():
        times = [datetime.fromisoformat(moment) for moment in found["dags"][name]["times"]]
        assert times == made.preview(START - timedelta(microseconds=1), TIMES)[: len(times)], name
        assert len(times) == TIMES or name == "do-notebook" or made.cron == "0 6 29 2 *", (name, len(times))
    assert len(found["dags"]["do-notebook"]["times"]) == 3  # it ends


def test_every_word_is_what_it_is_here(found: Any, schedules: dict[str, Schedule]) -> None:
    """Rendered by Airflow for each of those times: the dates of the time that the line names, in its zone."""
    assert set(EXPRESSIONS) == set(WORDS)
    for number in range(len(LINES)):
        made = schedules[f"words-{number}"]
        told = found["dags"][f"words-{number}"]
        for moment, fields in zip(told["times"], told["fields"], strict=True):
            due = datetime.fromisoformat(moment).astimezone(made.zone)
            assert render(made.job.source, due) in fields["bash_command"]


def test_a_notebook_is_papermill_s(found: Any, place: Path) -> None:
    """With values of their types, texts that Jinja and papermill would read left alone, and paths of the schedule."""
    told = found["dags"]["do-notebook"]
    assert (told["operator"], told["catchup"], told["runs"], told["limit"]) == ("PapermillOperator", True, 1, 90.0)
    assert told["fields"][1]["parameters"] == {
        "month": "2026-01",
        "n": 7,
        "limit": 0.25,
        "late": True,
        "names": ["2026-02-01", "b"],
        "note": HOSTILE,
    }
    executed = nbformat.read(place / "done 2026-01-01.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == f"2025-12 7 {HOSTILE}\n"
    other = found["dags"]["default"]
    assert (other["catchup"], other["runs"], other["paused"]) == (False, 16, True)
    assert other["fields"][0]["parameters"] == {"month": "2025-12"}
    assert other["fields"][0]["output_nb"].endswith("/retrain-20260101-03.ipynb")


def test_what_papermill_cannot_do_is_a_command_of_nbdeploy(found: Any, place: Path) -> None:
    """A prediction; a text that the notebook's types read once its words are dates."""
    told = found["dags"]["do-predict"]
    assert (told["operator"], told["catchup"], told["limit"]) == ("BashOperator", False, 5.0)
    said = ["predict", "--out=scored/", "--keep=all", "--", "churn@champion", HOSTILE]
    assert found["executed"]["do-predict"] == "|".join([*said, f"Asia/Tokyo prod {place}"])
    assert found["dags"]["typed"]["operator"] == "BashOperator"
    assert "--parameter n '2026' " in found["dags"]["typed"]["fields"][0]["bash_command"]
